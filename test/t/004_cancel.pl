# pg_cancel_backend, statement_timeout and pg_terminate_backend end whatever recseq does within 100 ms: reading a source,
# training small and large networks, storing, answering, evaluating. They leave nothing behind: no row, no lock, no memory.
#
# Each latency is taken inside the server, from the signal until the backend is idle (or gone), and the median of several
# counts, since the machine may be busy with other things for a moment. LIMIT is what is promised. Part of it is the kernel,
# which takes some 50 ms to free a gigabyte of the memory that training shares with its workers.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;
use Time::HiRes qw(usleep);

use constant LIMIT => 100;    # ms

my $node = new_server('main', conf => [ q{work_mem = '64MB'} ]);
sample_source($node);
$node->safe_psql('postgres', q{
	-- Signals a backend and returns the milliseconds until it works no more.
	CREATE FUNCTION stop_backend(how text, backend int) RETURNS float8 LANGUAGE plpgsql AS $$
	DECLARE
		signalled timestamptz := clock_timestamp();
	BEGIN
		IF how = 'cancel' THEN
			PERFORM pg_cancel_backend(backend);
		ELSE
			PERFORM pg_terminate_backend(backend);
		END IF;
		LOOP
			PERFORM pg_stat_clear_snapshot();
			EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = backend AND (state = 'active' OR how <> 'cancel'));
			IF clock_timestamp() > signalled + interval '60 seconds' THEN
				RAISE 'backend goes on';
			END IF;
			PERFORM pg_sleep(0.0005);
		END LOOP;
		RETURN 1000 * extract(epoch FROM clock_timestamp() - signalled);
	END $$;

	CREATE TABLE large AS	-- 60,000 items
		SELECT array_agg((g * 7919 + i * 104729) % 60000 ORDER BY i) AS items
		FROM generate_series(1, 10000) g, generate_series(1, 20) i GROUP BY g;
	CREATE TABLE one_long AS
		SELECT array_agg(i % 1000) AS items FROM generate_series(1, 1000000) i;
	-- A set-returning function in FROM would be spooled before the first row.
	CREATE VIEW endless AS SELECT ARRAY[g % 1000, g % 77, g % 5]::int[] AS items FROM (SELECT generate_series(1, 1000000000) AS g) s;
	CREATE VIEW all_different AS SELECT ARRAY[g, -g] AS items FROM (SELECT generate_series(1, 1000000000) AS g) s;
	CREATE VIEW slow AS SELECT ARRAY[1, 2] AS items FROM generate_series(1, 100) g, LATERAL pg_sleep(1 + 0 * g);
});
train($node, 'default');
my $expected = answers($node);
my $stored = stored($node);

# ---------------------------------------------------------------- what is interrupted

# Title, statement, and the milliseconds after which to stop it: at first, and how many more each time.
my @work = (
	[ 'training, default options', q{SELECT recseq_train('source', epochs => 10000, patience => 0)}, 200, 37 ],
	[ 'training, layers and attention',
		q{SELECT recseq_train('source', features => '{}', units => 64, layers => 2, attention => true, tied => false, epochs => 10000, patience => 0)}, 200, 53 ],
	[ 'training, 60,000 items', q{SELECT recseq_train('large', epochs => 10000, patience => 0)}, 300, 93 ],
	[ 'training, 60,000 items, not tied', q{SELECT recseq_train('large', tied => false, units => 128, epochs => 10000)}, 300, 93 ],
	[ 'training, large batches', q{SELECT recseq_train('source', batch_size => 8192, epochs => 10000, patience => 0)}, 200, 71 ],
	[ 'training, many units', q{SELECT recseq_train('source', units => 512, item_dim => 256, batch_size => 512, epochs => 10000)}, 200, 171 ],
	[ 'training, many units, layers and attention',
		q{SELECT recseq_train('source', units => 256, layers => 3, attention => true, item_dim => 256, batch_size => 1024, epochs => 10000)}, 200, 171 ],
	[ 'reading an endless source', q{SELECT recseq_train('endless')}, 100, 61 ],
	[ 'reading new items without end', q{SELECT recseq_train('all_different')}, 300, 171 ],
	[ 'reading a slow source', q{SELECT recseq_train('slow')}, 50, 50 ],
	[ 'reading and training on one sequence of a million', q{SELECT recseq_train('one_long', epochs => 10000, patience => 0)}, 20, 91 ],
	[ 'evaluating', q{SELECT count(*) FROM generate_series(1, 100000) i, LATERAL recseq_evaluate('source', 'default', 5 + 0 * i)}, 100, 37 ],
	[ 'answering', q{SELECT count(*) FROM generate_series(1, 10000000) i, LATERAL recseq_recommend(ARRAY[1, i])}, 100, 37 ],
	[ 'answering histories of a million',
		q{SELECT count(*) FROM generate_series(1, 100000) i, LATERAL recseq_recommend((SELECT items FROM one_long), 5 + 0 * i)}, 100, 37 ],
);

sub report
{
	my ($title, @latencies) = @_;

	diag(sprintf('%-71s median %5.1f ms, longest %5.1f ms', $title, median(@latencies), (sort { $b <=> $a } @latencies)[0]));
	cmp_ok(median(@latencies), '<', LIMIT, $title);
}

# ---------------------------------------------------------------- cancel

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = backend_of($session);
$session->query_safe(q{SET recseq.progress = off; SET recseq.max_training_memory = '8GB'});

for my $work (@work)
{
	my ($title, $statement, $from, $step) = @$work;
	my @latencies;

	for my $i (0 .. 4)
	{
		start_training($session, $statement);
		wait_until_active($node, $pid, 'recseq', $from + $i * $step);
		push @latencies, $node->safe_psql('postgres', "SELECT stop_backend('cancel', $pid)");
		finish($session);
		session_error($session) =~ /canceling statement due to user request/
		  or die "\"$title\" was not cancelled";
	}
	report("pg_cancel_backend: $title", @latencies);
}
is_quiet_backend($node, $pid, 'the cancelled backend holds no lock and no snapshot');
is(stored($node), $stored, 'recseq stores nothing of what was cancelled');
is($session->query_safe(answers_query()), $expected, 'the backend answers as before');

# ---------------------------------------------------------------- memory

sub memory_of_backend
{
	return $session->query_safe('SELECT sum(total_bytes) FROM pg_backend_memory_contexts');
}

sub cancel_all_work
{
	for my $work (@work)
	{
		start_training($session, $work->[1]);
		wait_until_active($node, $pid, 'recseq', $work->[2] / 2);
		$node->safe_psql('postgres', "SELECT stop_backend('cancel', $pid)");
		finish($session);
	}
	session_error($session);
}

my $before = memory_of_backend();
cancel_all_work();
my $after = memory_of_backend();
cmp_ok($after - $before, '<', 256 * 1024, 'the contexts of the cancelled backend do not grow');
is($session->query_safe(q{SELECT string_agg(DISTINCT name, ', ') FROM pg_backend_memory_contexts
	WHERE name LIKE 'recseq%' AND name NOT IN ('recseq model', 'recseq call')}), '', 'and no context of training is left');
diag("contexts of the cancelled backend: $before bytes, later $after; resident: " . process_status($pid, 'VmRSS') . ' kB');
cmp_ok(process_status($pid, 'VmRSS'), '<', 300 * 1024, 'the memory has gone back to the system');

# ---------------------------------------------------------------- statement_timeout

for my $work (@work[ 0, 2, 4, 7 ])
{
	my ($title, $statement, $from) = @$work;
	my @latencies;

	for my $i (0 .. 2)
	{
		my $timeout = $from + 20 * $i;
		my ($elapsed) = $session->query(qq{SET statement_timeout = $timeout;
			SELECT clock_timestamp() AS began \\gset
			$statement;
			SET statement_timeout = 0;
			SELECT 1000 * extract(epoch FROM clock_timestamp() - :'began'::timestamptz) - $timeout});

		session_error($session) =~ /canceling statement due to statement timeout/ or die "\"$title\" did not time out";
		push @latencies, $elapsed;
	}
	report("statement_timeout: $title", @latencies);
}
$session->quit;

# ---------------------------------------------------------------- terminate

for my $work (@work[ 0, 2, 4, 7 ])
{
	my ($title, $statement, $from, $step) = @$work;
	my @latencies;

	for my $i (0 .. 2)
	{
		my $victim = $node->background_psql('postgres', on_error_stop => 0);
		my $victim_pid = backend_of($victim);

		$victim->query_safe('SET recseq.progress = off');
		start_training($victim, $statement);
		wait_until_active($node, $victim_pid, 'recseq', $from + $i * $step);
		push @latencies, $node->safe_psql('postgres', "SELECT stop_backend('terminate', $victim_pid)");
		$victim->{run}->finish;
	}
	report("pg_terminate_backend: $title", @latencies);
}
is(stored($node), $stored, 'recseq stores nothing of what was terminated');

# ---------------------------------------------------------------- while storing

my $holder = $node->background_psql('postgres');
$holder->query_safe(q{BEGIN; SELECT FROM recseq_model WHERE model = 'default' FOR UPDATE});
$session = $node->background_psql('postgres', on_error_stop => 0);
$pid = backend_of($session);
$session->query_safe('SET recseq.progress = off');
start_training($session, q{SELECT recseq_train('source', epochs => 1)});
$node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid")
  or die 'training does not wait to store its version';
report('pg_cancel_backend: waiting to store', $node->safe_psql('postgres', "SELECT stop_backend('cancel', $pid)"));
finish($session);
like(session_error($session), qr/canceling statement due to user request/, 'training was cancelled while it waited to store');
$holder->query_safe('ROLLBACK');
$holder->quit;
is(stored($node), $stored, 'and stores nothing');
is($session->query_safe(q{SELECT version FROM recseq_train('source', epochs => 1)}), '2', 'later training succeeds');
$session->quit;

# A model cancelled with all but the commit done is as if it had never been.
$node->psql('postgres', q{
	BEGIN;
	SELECT recseq_train('source', epochs => 1);
	SET LOCAL statement_timeout = 1;
	SELECT pg_sleep(1);
	COMMIT});
unlike(stored($node), qr/^default\|3/m, 'a transaction that fails after training takes the version along');

$node->stop;
done_testing();
