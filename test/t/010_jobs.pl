# Jobs are killed: their process, a parallel worker, the launcher, another backend, the postmaster, each at random moments. A job goes
# on from its last epoch and comes to the weights of an uninterrupted training, to the bit; no process, segment or row is left.
#
# RECSEQ_KILLS says how often each is killed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;
use Time::HiRes qw(time usleep);

use constant KILLS => $ENV{RECSEQ_KILLS} || 2;

# With mmap, segments are files of the data directory, which can be counted from outside.
my $node = new_server('main', conf => [
	'restart_after_crash = on', 'dynamic_shared_memory_type = mmap', 'max_worker_processes = 12', 'log_min_messages = log' ]);
sample_source($node, 3000);
my $options = 'epochs => 8, patience => 0, ranker => false';

sub digest
{
	my ($model) = @_;

	return $node->safe_psql('postgres', qq{
		SELECT md5(string_agg(data, '' ORDER BY chunk)) FROM recseq_chunk
		WHERE id = (SELECT active_id FROM recseq_model WHERE model = '$model')});
}

sub queue
{
	my ($model, $source) = (@_, 'source');

	return $node->safe_psql('postgres', "SELECT recseq_train_async('$source', '$model', $options)");
}

sub job_row { return $node->safe_psql('postgres', "SELECT state, epoch, resumed FROM recseq_job WHERE job = $_[0]"); }

sub processes
{
	return $node->safe_psql('postgres', q{SELECT string_agg(backend_type, ', ') FROM pg_stat_activity
		WHERE backend_type LIKE 'recseq%' OR backend_type = 'parallel worker'});
}

# Nothing of jobs is there any more.
sub nothing_is_left
{
	my ($title) = @_;

	$node->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity
		WHERE backend_type LIKE 'recseq%' OR backend_type = 'parallel worker')});
	is(processes(), '', "$title: no process is left");
	is($node->safe_psql('postgres', q{SELECT (SELECT count(*) FROM recseq_checkpoint), (SELECT count(*) FROM recseq_progress),
		(SELECT count(*) FROM recseq_job WHERE ended IS NULL)}), '0|0|0', "$title: no row is left");
	is(segment_bytes($node), 0, "$title: no segment is left");
}

$node->safe_psql('postgres', "SET recseq.progress = off; SELECT recseq_train('source', 'statement', $options)");
my $expected = digest('statement');
my $began = time;
my $job = queue('undisturbed');
$node->poll_query_until('postgres', "SELECT phase = 'training' FROM recseq_jobs WHERE job = $job");
cmp_ok(segment_bytes($node), '>', 0, 'a job that runs has shared memory');
ok($node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM recseq_progress WHERE job = $job AND epoch > 1
	AND val_loss > 0 AND hit_rate BETWEEN 0 AND 1 AND mrr > 0)"), 'its progress says what an epoch came to');
is($node->safe_psql('postgres', "SELECT recseq_wait($job)"), 'done', 'a job that nobody disturbs');
my $duration = time - $began;
diag(sprintf 'a job that nobody disturbs takes %.2f s', $duration);
is(digest('undisturbed'), $expected, 'comes to the weights of recseq_train');
nothing_is_left('undisturbed');

# ---------------------------------------------------------------- kill -9

sub pid_of
{
	my ($type) = @_;

	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = '$type' LIMIT 1");
}

sub is_alive { return kill 0, $_[0]; }

# The server comes back by itself, with another checkpointer, or (after the postmaster) is started again.
sub wait_for_server
{
	my ($restart, $checkpointer) = @_;

	if ($restart)
	{
		# processes of the old one hold its shared memory until they notice
		for (1 .. 100)
		{
			return if $node->start(fail_ok => 1);
			usleep(100_000);
		}
		die 'the server does not start';
	}
	wait_until_back($node, $checkpointer);
}

my %hit;
for my $what ('recseq job', 'parallel worker', 'recseq launcher', 'client backend', 'postmaster')
{
	my ($hits, $try, $latest) = (0, 0, 0.8 * $duration);

	# one that comes before the process is there or after the job is done does not count
	while ($hits < KILLS && $try < 10 * KILLS)
	{
		my $title = "kill -9 of the $what, " . ++$try;
		my $others = $node->background_psql('postgres', on_error_stop => 0);
		my $model = "killed $what $try";
		my ($pid, @all);
		my $left = time + 60;

		$job = queue($model);
		usleep(1e6 * rand($latest));
		# workers are there for a part of each epoch only
		$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = '$what')
			OR recseq_wait($job, '0') NOT IN ('queued', 'running')") if $what eq 'parallel worker';
		$pid = $what eq 'postmaster' ? $node->{_pid} : $what eq 'client backend' ? backend_of($others) : pid_of($what);
		@all = split /\n/, $node->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
		my $checkpointer = pid_of('checkpointer');
		my ($state, $epoch) = split /\|/, job_row($job);
		my $killed = $pid && kill 'KILL', $pid;
		if ($what eq 'postmaster')
		{
			usleep(50_000) while grep({ is_alive($_) } @all) && time < $left;
			is(join(' ', grep { is_alive($_) } @all), '', "$title: no process outlives it");
			$node->{_pid} = undef;
			$node->start(fail_ok => 1) or wait_for_server('restart');
		}
		else
		{
			eval { $others->query('SELECT pg_sleep(10)') } if $killed;
			wait_for_server(0, $checkpointer) if $killed;
		}
		my ($found, $safe, $resumed) = split /\|/, job_row($job);
		note("$title: the job was $state with epoch $epoch; then $found with $safe");
		cmp_ok($safe, '>=', $epoch, "$title: no epoch is lost that was safe");
		$node->safe_psql('postgres', 'SELECT recseq_resume_jobs()') if $what eq 'postmaster';
		is($node->safe_psql('postgres', "SELECT recseq_wait($job, '2 min')"), 'done', "$title: the job is done");
		is(digest($model), $expected, "$title: with the same weights");
		(undef, undef, $resumed) = split /\|/, job_row($job);
		# it may have ended after its row was read
		my $was_hit = $killed && ($found ne 'done' || $resumed > 0);
		$latest *= 0.7 if $killed && !$was_hit;
		if ($was_hit)
		{
			$hits++;
			$hit{"$what: " . ($state eq 'running' && $epoch > 0 ? 'after its first epoch' : $state eq 'running' ? 'in its first epoch' : $state)}++;
		}
		is($resumed, 1, "$title: it went on from its checkpoint") if $was_hit && $state eq 'running' && $epoch > 0;
		nothing_is_left($title);
		eval { $others->{run}->kill_kill };
	}
	is($hits, KILLS, "kill -9 of the $what: jobs were hit");
}
diag("killed $_: $hit{$_}") for sort keys %hit;

$node->stop;
done_testing();
