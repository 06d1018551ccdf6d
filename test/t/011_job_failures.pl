# What a job does when something goes wrong: it is cancelled, its process is terminated, the source changes or a checkpoint is damaged
# while it is interrupted, no process can be had, its database is dropped. What goes on for ever is in 013_job_limits.pl.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;
use Time::HiRes qw(usleep);

# No cancel takes longer, however busy the machine. How long it takes on a quiet one, make bench says.
use constant LIMIT => 3000;    # ms

my $node = new_server('main', conf => [ 'recseq.max_jobs = 2', 'max_worker_processes = 8' ]);
sample_source($node);
$node->safe_psql('postgres', q{
	-- Cancels a job and returns the milliseconds until it has ended.
	CREATE FUNCTION cancel(which bigint) RETURNS float8 LANGUAGE plpgsql AS $$
	DECLARE
		began timestamptz := clock_timestamp();
	BEGIN
		IF NOT recseq_cancel(which) OR recseq_wait(which, '1 min') <> 'cancelled' THEN
			RAISE 'job % was not cancelled', which;
		END IF;
		RETURN 1000 * extract(epoch FROM clock_timestamp() - began);
	END $$;
	CREATE TABLE large AS	-- 60,000 items
		SELECT array_agg((g * 7919 + i * 104729) % 60000 ORDER BY i) AS items
		FROM generate_series(1, 10000) g, generate_series(1, 20) i GROUP BY g;
	CREATE VIEW slow AS SELECT ARRAY[1, 2] AS items FROM generate_series(1, 100) g, LATERAL pg_sleep(1 + 0 * g);
});
my $endless = 'epochs => 10000, patience => 0, ranker => false';

sub queue
{
	my ($model, $source, $options, $database) = @_;

	return $node->safe_psql($database || 'postgres', "SELECT recseq_train_async('$source', '$model', $options)");
}

sub job_row { return $node->safe_psql('postgres', "SELECT state, resumed, coalesce(notice, error, '') FROM recseq_jobs WHERE job = $_[0]"); }

sub result { return $node->safe_psql('postgres', "SELECT recseq_wait($_[0], '2 min')"); }

sub wait_for_epoch
{
	my ($job, $epoch) = @_;

	$node->poll_query_until('postgres', "SELECT epoch >= $epoch FROM recseq_job WHERE job = $job") or die "job $job makes no progress";
}

sub pid_of { return $node->safe_psql('postgres', "SELECT pid FROM recseq_progress WHERE job = $_[0]"); }

sub digest
{
	my ($model) = @_;

	return $node->safe_psql('postgres', qq{
		SELECT md5(string_agg(data, '' ORDER BY chunk)) FROM recseq_chunk
		WHERE id = (SELECT active_id FROM recseq_model WHERE model = '$model')});
}

# ---------------------------------------------------------------- cancel

for my $work (
	[ 'training', 'source', $endless, 'training', 0.5 ],
	[ 'training, 60,000 items', 'large', $endless, 'training', 0.5 ],
	[ 'training, large batches', 'source', "$endless, batch_size => 8192", 'training', 0.5 ],
	[ 'fitting the second stage', 'source', 'epochs => 1', 'ranking', 0.1 ],
	[ 'reading a slow source', 'slow', 'epochs => 1', 'reading', 0.2 ])
{
	my ($title, $source, $options, $phase, $seconds) = @$work;
	my @latencies;

	for my $i (1 .. 5)
	{
		my $job = queue('cancelled', $source, $options);

		$node->poll_query_until('postgres', "SELECT phase = '$phase' FROM recseq_jobs WHERE job = $job") or die "job $job does not begin";
		usleep(1e6 * rand($seconds));
		push @latencies, $node->safe_psql('postgres', "SELECT cancel($job)");
	}
	diag(sprintf('recseq_cancel: %-30s median %5.1f ms, longest %5.1f ms', $title, median(@latencies), (sort { $b <=> $a } @latencies)[0]));
	is(scalar(grep { $_ >= LIMIT } @latencies), 0, "recseq_cancel: $title");
}
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM recseq_checkpoint), (SELECT count(*) FROM recseq_models)'), '0|0',
	'cancelled jobs leave no row');
my $job = queue('cancelled', 'source', $endless);
wait_for_epoch($job, 1);
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . pid_of($job) . ')');
is(result($job), 'cancelled', 'pg_cancel_backend cancels a job');
# a cancel that comes again and again is one cancel
$job = queue('cancelled', 'source', $endless);
wait_for_epoch($job, 1);
$node->safe_psql('postgres', "SELECT count(recseq_cancel($job)) FROM generate_series(1, 50)");
is(result($job), 'cancelled', 'a job that is cancelled fifty times');

# ---------------------------------------------------------------- waiting

# Ticks of processor time that a process has used.
sub ticks
{
	my ($pid) = @_;
	my @fields = split ' ', slurp_file("/proc/$pid/stat") =~ s/^.*\) //r;

	return $fields[11] + $fields[12];
}

$job = queue('waited for', 'source', $endless);
my $waiting = $node->background_psql('postgres');
my $pid = backend_of($waiting);
my $before = ticks($pid);
is($waiting->query_safe("SELECT recseq_wait($job, '2 s')"), 'running', 'a job that has not ended in time');
cmp_ok(ticks($pid) - $before, '<', 20, 'who waits takes little time of the processor');
start_training($waiting, "SELECT recseq_wait($job)");
usleep(500_000);
$node->safe_psql('postgres', "SELECT recseq_cancel($job)");
like(finish($waiting), qr/^cancelled/m, 'who waits is told');
$waiting->quit;

# ---------------------------------------------------------------- terminated

my $options = 'epochs => 20, patience => 0, ranker => false';
$node->safe_psql('postgres', "SET recseq.progress = off; SELECT recseq_train('source', 'statement', $options)");
$job = queue('terminated', 'source', $options);
for my $epoch (3, 9)
{
	wait_for_epoch($job, $epoch);
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . pid_of($job) . ')');
	$node->poll_query_until('postgres', "SELECT epoch > $epoch + 1 FROM recseq_job WHERE job = $job");
}
is(result($job), 'done', 'a job whose process is terminated goes on');
is(job_row($job), 'done|2|', 'from its checkpoint, twice');
is(digest('terminated'), digest('statement'), 'to the same weights');

# The launcher is terminated; the postmaster starts another one.
$job = queue('launcher terminated', 'source', $options);
my $next = queue('next', 'source', 'epochs => 1, ranker => false');
wait_for_epoch($job, 1);
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'recseq launcher'});
is(result($job), 'done', 'a job whose launcher is terminated is not disturbed');
is(job_row($job), 'done|0|', 'nor begun again');
is(result($next), 'done', 'and jobs that wait are started');

# ---------------------------------------------------------------- interrupted, and then something has changed

# Stops the server while the job trains, does something without jobs running, and has it resumed.
sub interrupt
{
	my ($title, $epoch, $sql) = @_;
	my $which = queue($title, 'source', $options);

	wait_for_epoch($which, $epoch);
	$node->stop('immediate');
	$node->start;
	is($node->safe_psql('postgres', "SELECT state FROM recseq_jobs WHERE job = $which"), 'interrupted',
		"$title: after a start without preloading, the job is interrupted");
	$node->safe_psql('postgres', $sql) if $sql;
	is($node->safe_psql('postgres', 'SELECT recseq_resume_jobs()'), 1, "$title: and resumed by a call");
	return $which;
}

$job = interrupt('stopped', 5);
is(result($job), 'done', 'a job that is stopped with the server and resumed is done');
is(job_row($job), 'done|1|', 'resumed once');
is(digest('stopped'), digest('statement'), 'the weights are the same');

$job = interrupt('damaged', 5, q{UPDATE recseq_checkpoint SET data = set_byte(data, 1000, get_byte(data, 1000) # 255) WHERE chunk = 1});
is(result($job), 'done', 'a job with a damaged checkpoint is done');
is(job_row($job), 'done|0|began again after an interruption, since the checkpoint was damaged', 'it says that it has begun again');
is(digest('damaged'), digest('statement'), 'the weights are the same');

$job = interrupt('lost chunk', 5, q{DELETE FROM recseq_checkpoint WHERE chunk = 2});
is(result($job), 'done', 'a job with a chunk missing is done');
is(job_row($job), 'done|0|began again after an interruption, since the checkpoint was damaged', 'it says so, too');

$job = interrupt('changed', 5, q{UPDATE source SET items[1] = 7 WHERE ctid = (SELECT max(ctid) FROM source)});
is(result($job), 'done', 'a job whose source has changed is done');
is(job_row($job), 'done|0|began again after an interruption, since the source had changed, or recseq', 'it says that it has begun again');
$node->safe_psql('postgres', "SET recseq.progress = off; SELECT recseq_train('source', 'statement', $options)");
is(digest('changed'), digest('statement'), 'the weights are those of the changed source');

# Cancelled while nobody works the queue.
$job = queue('cancelled', 'source', $endless);
wait_for_epoch($job, 2);
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', "SELECT recseq_cancel($job)"), 't', 'an interrupted job can be cancelled');
is(result($job), 'cancelled', 'and is not resumed');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recseq_checkpoint'), 0, 'its checkpoint is gone');

# A planned stop is an interruption, too.
$job = queue('restarted', 'source', $options);
wait_for_epoch($job, 3);
$node->restart;
$node->safe_psql('postgres', 'SELECT recseq_resume_jobs()');
is(result($job), 'done', 'a job goes on after a restart');

# ---------------------------------------------------------------- several at once

my @jobs = map { queue("many $_", 'source', $endless) } 1 .. 4;
$node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM recseq_jobs WHERE state = 'running' AND epoch > 0})
  or die 'two jobs do not run';
is($node->safe_psql('postgres', q{SELECT string_agg(state, ' ' ORDER BY job) FROM recseq_jobs WHERE model LIKE 'many %'}),
	'running running queued queued', 'recseq.max_jobs = 2: two jobs run, in their order');
# who cancels one and does not commit holds up no other
my $canceller = $node->background_psql('postgres');
my $undecided = (split /\n/, $node->safe_psql('postgres', q{SELECT job FROM recseq_jobs WHERE state = 'queued' ORDER BY job}))[0];
$canceller->query_safe("BEGIN; SELECT recseq_cancel($undecided)");
$node->safe_psql('postgres', "SELECT recseq_cancel($jobs[0])");
ok($node->poll_query_until('postgres', "SELECT state = 'running' AND epoch > 0 FROM recseq_jobs WHERE job = $jobs[3]"),
	'a job that somebody is about to cancel is passed over');
$canceller->query_safe('ROLLBACK');
$canceller->quit;
$node->safe_psql('postgres', "SELECT recseq_cancel($jobs[1])");
ok($node->poll_query_until('postgres', "SELECT state = 'running' AND epoch > 0 FROM recseq_jobs WHERE job = $undecided"),
	'and runs when it was not cancelled');
# the limit is the cluster's
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{CREATE EXTENSION recseq;
	CREATE TABLE source AS SELECT ARRAY(SELECT (g + i) % 20 FROM generate_series(0, 7) i) AS items FROM generate_series(1, 200) g});
my $other = queue('other', 'source', 'epochs => 1, units => 8, ranker => false', 'other');
is($node->safe_psql('other', "SELECT recseq_wait($other, '1 s')"), 'queued', 'a job of another database waits as well');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT datname) FROM recseq_progress'), '2|1', 'two trainings are shown');
$node->append_conf('postgresql.conf', 'recseq.max_jobs = 3');
$node->reload;
is($node->safe_psql('other', "SELECT recseq_wait($other, '1 min')"), 'done', 'until recseq.max_jobs is raised');
$node->safe_psql('postgres', "SELECT recseq_cancel($_)") for @jobs;
is(result($_), 'cancelled', 'a job of several is cancelled') for @jobs;

# ---------------------------------------------------------------- no process to be had

$node->append_conf('postgresql.conf', 'max_worker_processes = 1');
$node->restart;
# the launcher for logical replication has one slot
my ($status, undef, $errors) = $node->psql('postgres', "SELECT recseq_train_async('source', 'without', epochs => 1, ranker => false)");
is($status, 0, 'a job is queued where no background worker can be had');
like($errors, qr/no background worker could be registered/, 'with a warning');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
is($node->safe_psql('postgres', 'SELECT recseq_resume_jobs()'), 1, 'it is still there');
$job = $node->safe_psql('postgres', q{SELECT max(job) FROM recseq_jobs});
is(result($job), 'done', 'and runs when one can be had');

# ---------------------------------------------------------------- the launcher's transaction takes longer than a process to start

$node->append_conf('postgresql.conf', 'log_min_messages = debug1');
$node->reload;
$node->safe_psql('postgres', q{
CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_sleep(2); RETURN NEW; END';
CREATE TRIGGER linger BEFORE DELETE ON recseq_job FOR EACH STATEMENT EXECUTE FUNCTION linger()});
my $log = -s $node->logfile;
$job = queue('patient', 'source', 'epochs => 1, ranker => false');
is(result($job), 'done', 'a job is done though the launcher is slow');
my @starts = slurp_file($node->logfile, $log) =~ /starting background worker process "recseq job $job"/g;
is(scalar(@starts), 1, 'by the first process that was started for it');
$node->safe_psql('postgres', 'DROP TRIGGER linger ON recseq_job');
$node->append_conf('postgresql.conf', 'log_min_messages = warning');
$node->reload;

# ---------------------------------------------------------------- the database, or the extension, is dropped

$other = queue('other', 'source', $endless, 'other');
$node->poll_query_until('other', "SELECT epoch > 0 FROM recseq_job WHERE job = $other");
$log = -s $node->logfile;
$node->safe_psql('postgres', 'DROP DATABASE other WITH (FORCE)');
sleep 7;    # longer than the postmaster waits before it starts a launcher again
$node->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'recseq%')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'recseq%'}), 0,
	'a database that is dropped takes its processes along');
my @complaints = slurp_file($node->logfile, $log) =~ /FATAL:  database .* does not exist/g;
cmp_ok(scalar(@complaints), '<=', 2, 'nobody goes on trying to connect to it');

# the drop comes when the job has locked one of its tables and is about to lock another, and is the first to look for a deadlock
$node->append_conf('postgresql.conf', "deadlock_timeout = '1min'");
$node->reload;
$job = queue('dropped', 'source', $endless);
wait_for_epoch($job, 1);
$node->safe_psql('postgres', q{
CREATE TRIGGER linger BEFORE INSERT ON recseq_checkpoint FOR EACH ROW WHEN (NEW.chunk = 0) EXECUTE FUNCTION linger()});
$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')});
is($node->psql('postgres', q{SET deadlock_timeout = '4s'; DROP EXTENSION recseq CASCADE}),
	0, 'the extension can be dropped while a job stores a checkpoint');
$node->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'recseq%')})
  or die 'processes go on without the extension';
pass('an extension that is dropped takes its processes along');

$node->stop;
done_testing();
