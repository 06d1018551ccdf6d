# No job goes on for ever, and no role keeps the others from theirs: the time limit, also against a source that goes on after a cancel;
# a process that dies again and again, wherever it dies; roles in turn; and a look at the queue that does not cost more when it is long.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $node = new_server('main', conf => [ 'log_min_messages = debug1', 'max_worker_processes = 12', 'recseq.max_jobs = 6' ]);
sample_source($node, 200, 40);
$node->safe_psql('postgres', q{
	CREATE ROLE ann LOGIN;
	CREATE ROLE ben LOGIN;
	GRANT EXECUTE ON FUNCTION recseq_train_async, recseq_wait, recseq_cancel TO ann, ben;
	GRANT SELECT ON source TO ann, ben;
	CREATE FUNCTION hang(items int[]) RETURNS int[] LANGUAGE sql AS $$ SELECT $1 FROM pg_sleep(100000) $$;
	CREATE VIEW hanging AS SELECT hang(items) AS items FROM source;
	CREATE FUNCTION hang_on(items int[]) RETURNS int[] LANGUAGE plpgsql AS $$
	BEGIN
		LOOP
			BEGIN
				PERFORM pg_sleep(100000);
			EXCEPTION WHEN query_canceled THEN
				NULL;
			END;
		END LOOP;
	END $$;
	CREATE VIEW holding AS SELECT hang_on(items) AS items FROM source;
	CREATE FUNCTION die(items int[]) RETURNS int[] LANGUAGE sql AS $$ SELECT $1 FROM pg_terminate_backend(pg_backend_pid()) $$;
	CREATE VIEW deadly AS SELECT die(items) AS items FROM source;
	GRANT SELECT ON hanging, holding, deadly TO ann, ben;
});
my $short = 'epochs => 1, units => 8, ranker => false';

sub queue
{
	my ($role, $source, $model, $before) = (@_, '');

	return $node->safe_psql('postgres', "$before SELECT recseq_train_async('$source', '$model', $short)",
		extra_params => [ '-U', $role ]);
}

sub result { return $node->safe_psql('postgres', "SELECT recseq_wait($_[0], '3 min')"); }

sub job_row { return $node->safe_psql('postgres', "SELECT state, sqlstate, error FROM recseq_jobs WHERE job = $_[0]"); }

sub runs
{
	my ($job) = @_;

	$node->poll_query_until('postgres', "SELECT phase = 'reading' FROM recseq_jobs WHERE job = $job") or die "job $job does not run";
}

# How often the server has started a process for a job.
sub starts
{
	my ($job) = @_;
	my @starts = slurp_file($node->logfile) =~ /starting background worker process "recseq job $job"/g;

	return scalar @starts;
}

# ---------------------------------------------------------------- time limits, and processes that die

# All at once, since some take a while.
$node->safe_psql('postgres', q{
	ALTER ROLE ann SET recseq.job_timeout = '2s';
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_terminate_backend(pg_backend_pid());
		RETURN NEW;
	END $$;
	CREATE TRIGGER refuse BEFORE UPDATE ON recseq_job FOR EACH ROW
		WHEN (NEW.model = 'never begins' AND NEW.state = 'running') EXECUTE FUNCTION refuse()});
my $hanging = queue('ann', 'hanging', 'hangs');
my $holding = queue('ann', 'holding', 'holds on');
my $cancelled = queue('ben', 'holding', 'holds on');
my $dying = queue('ben', 'deadly', 'dies');
my $beginning = queue('ben', 'source', 'never begins');
runs($cancelled);
is($node->safe_psql('postgres', "SELECT recseq_cancel($cancelled)"), 't', 'a job is cancelled whose source goes on');
is(result($hanging), 'failed', 'a job that hangs is stopped');
is(job_row($hanging), 'failed|57014|ran for longer than recseq.job_timeout', 'and says why');
$node->poll_query_until('postgres', "SELECT attempts >= 4 AND state = 'queued' FROM recseq_job WHERE job = $dying") or die 'it does not die';
# who waits for the next attempt does not hold up others
my $job = queue('ben', 'source', 'lives');
is(result($job), 'done', 'while a job waits for its next attempt, others run');
is($node->safe_psql('postgres', "SELECT state FROM recseq_job WHERE job = $dying"), 'queued', 'that one waits');
is(result($cancelled), 'cancelled', 'the one that was cancelled ends');
is(result($holding), 'failed', 'as does one that goes on after its time');
is(job_row($holding), 'failed|57014|ran for longer than recseq.job_timeout', 'and says why, too');
is(result($dying), 'failed', 'a job whose process dies each time fails');
like(job_row($dying), qr/^failed\|57000\|interrupted 5 times/, 'after the fifth time');
is(starts($dying), 5, 'no more processes than that were started for it');
is(result($beginning), 'failed', 'as does one whose process dies before it begins');
is(starts($beginning), 5, 'after as many');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'recseq job'}), 0, 'no process is left');
$node->safe_psql('postgres', 'DROP TRIGGER refuse ON recseq_job; ALTER ROLE ann RESET recseq.job_timeout');

# ---------------------------------------------------------------- who can say what went wrong

# An error that the process cannot store is stored by the launcher.
$node->safe_psql('postgres', q{
	CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF NEW.state IN ('running', 'failed') AND (SELECT backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid()) = 'recseq job' THEN
			RAISE 'you may not %', NEW.state;
		END IF;
		RETURN NEW;
	END $$;
	CREATE TRIGGER refuse BEFORE UPDATE ON recseq_job FOR EACH ROW EXECUTE FUNCTION refuse()});
$job = queue('ann', 'source', 'cannot fail');
is(result($job), 'failed', 'a job whose process cannot even say that it has failed');
is(job_row($job), 'failed|P0001|you may not running', 'its launcher says so');
is(starts($job), 1, 'at once');
$node->safe_psql('postgres', 'DROP TRIGGER refuse ON recseq_job');
# The role and the database may have settings with which a session could write nothing, or not even go on.
$node->safe_psql('postgres', q{
	ALTER DATABASE postgres SET default_transaction_read_only = on;
	ALTER DATABASE postgres SET exit_on_error = on;
	ALTER DATABASE postgres SET lock_timeout = 1;
	ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'});
$job = queue('ann', 'source', 'read only', 'SET default_transaction_read_only = off; SET lock_timeout = 0;');
is($node->safe_psql('postgres', "SELECT recseq_wait($job, '3 min')"), 'done', 'a database that is read-only by default');
is(starts($job), 1, 'its job needs one process');
$node->safe_psql('postgres', q{SET default_transaction_read_only = off; ALTER DATABASE postgres RESET ALL});
# One that is not allowed in at the moment when it starts: while a session takes the last connection of the role.
$node->safe_psql('postgres', 'ALTER ROLE ann CONNECTION LIMIT 0');
$job = queue('postgres', 'source', 'no connection', 'SET SESSION AUTHORIZATION ann;');
like(result($job), qr/^(?:done|failed)$/, 'a role without connections has a job that ends');
$node->safe_psql('postgres', 'ALTER ROLE ann CONNECTION LIMIT -1');

# ---------------------------------------------------------------- roles take turns

$node->append_conf('postgresql.conf', "log_min_messages = log\nrecseq.max_jobs = 1");
$node->reload;
my $blocking = queue('postgres', 'hanging', 'blocks');
runs($blocking);
my @of_ann = map { queue('ann', 'source', "ann $_") } 1 .. 4;
my @of_ben = map { queue('ben', 'source', "ben $_") } 1 .. 2;
my $dies_of_ann = queue('ann', 'deadly', 'dies again');
$node->safe_psql('postgres', "SELECT recseq_cancel($blocking)");
result($_) for @of_ann, @of_ben;
is($node->safe_psql('postgres', q{SELECT string_agg(owner || ' ' || right(model, 1), ', ' ORDER BY started) FROM recseq_jobs
		WHERE model ~ '^(ann|ben) .$' AND owner IN ('ann', 'ben')}) =~ s/\w+ //gr,
	'1, 1, 2, 2, 3, 4', 'jobs of two roles start in turn, those of each in their order');

# ---------------------------------------------------------------- long queues

$node->safe_psql('postgres', "SELECT recseq_cancel($dies_of_ann)");
$blocking = queue('postgres', 'hanging', 'blocks');
runs($blocking);
$node->append_conf('postgresql.conf', 'recseq.max_jobs = 2');
$node->reload;
# Milliseconds of the processor that a launcher takes to look at the queue and find that, though there is room, nothing can start.
sub look_cost
{
	my ($jobs) = @_;

	$node->safe_psql('postgres', qq{
		INSERT INTO recseq_job (model, owner, login, source, source_name, options, settings, epochs, by_definer, state, queued, not_before)
		SELECT 'many', 'ben'::regrole, 'ben'::regrole, 'source'::regclass, 'public.source', '{}', '{}', 1, false, 'queued', now(), 'infinity'
		FROM generate_series((SELECT count(*) + 1 FROM recseq_job WHERE model = 'many'), $jobs)});
	my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'recseq launcher'});
	my $ticks = sub { my @fields = split ' ', slurp_file("/proc/$pid/stat") =~ s/^.*\) //r; return $fields[11] + $fields[12] };
	my $looks = 200;

	$node->safe_psql('postgres', 'SELECT recseq_resume_jobs()');
	my $before = $ticks->();
	$node->safe_psql('postgres', "SELECT recseq_wait($blocking + 0 * g, '0'), pg_sleep(0.02) FROM generate_series(1, $looks) g");
	return 10 * ($ticks->() - $before) / $looks;
}
my %cost = map { $_ => look_cost($_) } 100;
$cost{20000} = look_cost(20000);
diag(sprintf 'a look at %d queued jobs takes %.2f ms of the processor', $_, $cost{$_}) for sort { $a <=> $b } keys %cost;
cmp_ok($cost{20000}, '<', 3 * $cost{100} + 2, 'a look at a long queue takes no longer');

$node->stop;
done_testing();
