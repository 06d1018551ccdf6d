# Memory and what happens when there is not enough of anything: answering 200,000 rows does not grow a backend, the cache
# keeps to its limit, and training beyond a limit, on a full disk or out of memory ends in a clear error that leaves
# nothing behind and hurts nobody else.
#
# A full disk is played by a limit on the size of files that one backend writes, "out of memory" by a limit on its address
# space; both are set from outside with prlimit, and taken back.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $node = new_server('main', conf => [ q{work_mem = '4MB'}, 'max_parallel_workers_per_gather = 0' ]);
my $has_proc = -e "/proc/$$/status";
my $has_prlimit = $has_proc && system('prlimit --version >/dev/null 2>&1') == 0;

sample_source($node);
train($node, 'default');
my $expected = answers($node);
my $stored = stored($node);

# ---------------------------------------------------------------- answering many rows

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = backend_of($session);
$session->query_safe('SET recseq.progress = off');
my $contexts = 'SELECT sum(used_bytes) FROM pg_backend_memory_contexts';

sub many_rows
{
	my ($rows) = @_;

	return $session->query_safe(qq{
		SELECT count(*) FROM generate_series(1, $rows) i,
			LATERAL recseq_recommend(ARRAY[i % 400, i % 77, i % 13, i % 500, i], 5, exclude_seen => i % 2 = 0, exclude => ARRAY[i % 300],
				categories => ARRAY[1, 2, NULL, i % 110, 5]) r});
}

is(many_rows(20000), 100000, 'answering 20,000 rows');
my $before = $session->query_safe($contexts);
my $resident = $has_proc ? process_status($pid, 'VmRSS') : 0;
is(many_rows(200000), 1000000, 'answering 200,000 rows');
my $grown = $session->query_safe($contexts) - $before;
cmp_ok($grown, '<', 256 * 1024, 'does not grow the contexts of the backend');
SKIP:
{
	skip 'no /proc here', 2 unless $has_proc;
	my $more = process_status($pid, 'VmRSS') - $resident;

	diag("after 200,000 answers the contexts have grown by $grown bytes, the process by $more kB");
	cmp_ok($more, '<', 8 * 1024, 'nor the process');
	cmp_ok(process_status($pid, 'VmHWM') - $resident, '<', 32 * 1024, 'nor was it larger in between');
}

is($session->query_safe(q{
	SELECT count(*) FROM (SELECT (SELECT r.item FROM recseq_recommend(ARRAY[i % 400, i % 77]) r LIMIT 1) AS item
		FROM generate_series(1, 100000) i OFFSET 0) s WHERE item IS NOT NULL}), 100000, 'in a subquery with LIMIT');
$session->query_safe(q{
	DO $$ DECLARE n bigint := 0; r record; BEGIN
		FOR i IN 1 .. 50000 LOOP
			BEGIN
				SELECT count(*) INTO r FROM recseq_recommend(ARRAY[i % 400, NULL]);
			EXCEPTION WHEN null_value_not_allowed THEN n := n + 1;
			END;
		END LOOP;
		IF n <> 50000 THEN RAISE 'not every call fails'; END IF;
	END $$});
$grown = $session->query_safe($contexts) - $before;
cmp_ok($grown, '<', 256 * 1024, 'nor do 50,000 calls that fail');

$session->query_safe(q{SELECT count(*) FROM recseq_recommend((SELECT array_agg(i % 400) FROM generate_series(1, 2000000) i))});
$grown = $session->query_safe($contexts) - $before;
cmp_ok($grown, '<', 1024 * 1024, 'a history of two million items leaves no memory taken');

# that it was trained on
$session->query_safe('SET client_min_messages = error');
my $baseline = $session->query_safe(q{SELECT count(*) FROM recseq_evaluate('source')}) && $session->query_safe($contexts);
$session->query_safe(q{SELECT count(*) FROM generate_series(1, 10) i, LATERAL recseq_evaluate('source', 'default', i)});
cmp_ok($session->query_safe($contexts) - $baseline, '<', 256 * 1024, 'evaluating again and again does not grow the contexts');
$session->query_safe(q{CREATE TABLE cases AS SELECT * FROM recseq_evaluate_cases('source')});
$baseline = $session->query_safe(q{SELECT count(*) FROM recseq_compare('cases')}) && $session->query_safe($contexts);
$session->query_safe(q{SELECT count(*) FROM generate_series(1, 10) i, LATERAL recseq_evaluate_cases('source', 'default', i)});
$session->query_safe(q{SELECT count(*) FROM generate_series(1, 5) i, LATERAL recseq_compare('cases', method_b => 'stan', k => i)});
cmp_ok($session->query_safe($contexts) - $baseline, '<', 256 * 1024, 'nor does asking for each case, and comparing them');
$session->query_safe('RESET client_min_messages');
$session->query_safe(q{SELECT recseq_train('source', 'again', epochs => 1)}) for 1 .. 2;
$baseline = $session->query_safe($contexts);
$session->query_safe(q{SELECT recseq_train('source', 'again', epochs => 1)}) for 1 .. 6;
cmp_ok($session->query_safe($contexts) - $baseline, '<', 256 * 1024, 'nor does training');
$session->quit;
$node->safe_psql('postgres', q{SELECT recseq_drop_model('again')});

# ---------------------------------------------------------------- the cache

$node->safe_psql('postgres', q{
	SET recseq.progress = off;
	CREATE TABLE many AS SELECT array_agg(g * 3 + i) AS items FROM generate_series(1, 1000) g, generate_series(0, 2) i GROUP BY g;
	-- some 3 MB each
	SELECT recseq_train('many', 'm' || i, epochs => 1, item_dim => 256, units => 8) FROM generate_series(1, 8) i;
});
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe(q{SET recseq.cache_size = '10MB'; SET recseq.shared_cache_size = 0});
my $cached = q{SELECT count(*), sum(total_bytes) FROM pg_backend_memory_contexts WHERE name = 'recseq model'};
my $use_all = q{SELECT count(*) FROM generate_series(1, 8) i, LATERAL recseq_recommend(ARRAY[3, 4], 5, 'm' || i) r};
is($session->query_safe($use_all), 40, 'eight models that do not fit into the cache together');
my ($models, $bytes) = split /\|/, $session->query_safe($cached);
cmp_ok($models, '>=', 2, "the cache keeps several models ($models)");
cmp_ok($bytes, '<', 11 * 1024 * 1024, "and not more than recseq.cache_size allows ($bytes bytes of 10 MB)");
is($session->query_safe("$use_all, generate_series(1, 5)"), 200, 'and again');
($models, $bytes) = split /\|/, $session->query_safe($cached);
cmp_ok($bytes, '<', 11 * 1024 * 1024, 'nor later');
is($session->query_safe(q{
	SELECT count(DISTINCT (a.r).score) FROM (SELECT r FROM generate_series(1, 3) i, LATERAL recseq_recommend(ARRAY[3, 4], 1, 'm1') r) a}), 1,
	'a model that was evicted answers the same when it is back');
$session->query_safe(q{SET recseq.cache_size = '1500kB'});
$session->query(q{SELECT * FROM recseq_recommend(ARRAY[3, 4], 5, 'm2')});
$session->query(q{SELECT * FROM recseq_recommend(ARRAY[3, 4], 5, 'm3')});
like(session_error($session), qr/the model needs \d+ kB of memory.*DETAIL:.*cache_size.*HINT:.*Raise/s, 'a model larger than the cache: a clear error');
is($session->query_safe(answers_query()), $expected, 'a small model answers in the same session');
$session->quit;
$node->safe_psql('postgres', q{SELECT recseq_drop_model('m' || i) FROM generate_series(1, 8) i});

# ---------------------------------------------------------------- recseq.max_training_memory

$session = $node->background_psql('postgres', on_error_stop => 0);
$pid = backend_of($session);
$session->query_safe(q{SET recseq.progress = off; SET recseq.max_training_memory = '16MB'});
$session->query(q{SELECT recseq_train('source', batch_size => 16384, units => 512)});
like(session_error($session), qr/ERROR:  training would need \d+ MB of memory.*DETAIL:.*"recseq.max_training_memory" is 16 MB.*HINT:.*batch_size/s,
	'training beyond recseq.max_training_memory: a clear error');
is_quiet_backend($node, $pid, 'which leaves nothing behind');
is(stored($node), $stored, 'and stores nothing');
is($session->query_safe(answers_query()), $expected, 'the backend answers as before');

# Streams: a set-returning function in FROM would be spooled before the first row.
$node->safe_psql('postgres', 'CREATE VIEW endless AS SELECT ARRAY[g, -g] AS items, ARRAY[1, 2] AS categories FROM (SELECT generate_series(1, 1000000000) AS g) s');
$session->query(q{SELECT recseq_train('endless')});
like(session_error($session), qr/ERROR:  the source needs more than 16 MB of memory.*recseq.max_training_memory.*HINT:/s,
	'so is a source beyond it');
$session->query(q{SELECT * FROM recseq_evaluate('endless')});
like(session_error($session), qr/ERROR:  the source needs more than 16 MB of memory/, 'also for recseq_evaluate');

# ---------------------------------------------------------------- a full disk, no more memory

SKIP:
{
	skip 'no prlimit here', 12 unless $has_prlimit;

	$session->query_safe(q{SET recseq.max_training_memory = '2GB'});
	# WAL is written in files of 16 MB, which must still be possible; the table that holds the images may not reach 17 MB.
	limit_backend($pid, 'fsize', 17 * 1024 * 1024);
	my $large = q{SELECT recseq_train('many', 'large', epochs => 1, item_dim => 1024, units => 8, tied => false)};
	my $error = '';
	for (1 .. 4)
	{
		$session->query($large);
		last if ($error = session_error($session));
	}
	like($error, qr/could not (?:extend|write)[^\n]*(?:File too large|No space)/, 'a full disk while storing: a clear error');
	limit_backend($pid, 'fsize', 'unlimited');
	is_quiet_backend($node, $pid, 'which leaves nothing behind');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM recseq_version v WHERE bytes IS DISTINCT FROM (SELECT sum(length(data)) FROM recseq_chunk c WHERE c.id = v.id)}),
		'0', 'no part of a model');
	is($session->query_safe(answers_query()), $expected, 'the backend answers as before');
	$session->query($large);
	is(session_error($session), '', 'and trains as soon as there is room');
	$node->safe_psql('postgres', q{SELECT recseq_drop_model('large')});
	is(stored($node), $stored, 'everything else is as it was');

	limit_backend($pid, 'as', 1024 * (process_status($pid, 'VmSize') + 64 * 1024));
	$session->query(q{SELECT recseq_train('source', units => 256, batch_size => 2048)});
	like(session_error($session), qr/ERROR:  out of memory.*DETAIL:  Failed on request of size/s, 'out of memory while training: a clear error');
	$session->query(q{SELECT recseq_train('endless')});
	like(session_error($session), qr/ERROR:  (?:out of memory|invalid memory alloc)/, 'out of memory while reading: a clear error');
	is($session->query_safe(answers_query()), $expected, 'the same backend answers as before');
	limit_backend($pid, 'as', 'unlimited');
	is_quiet_backend($node, $pid, 'nothing is left behind');
	is(stored($node), $stored, 'and nothing was stored');
	$session->query(q{SELECT recseq_train('source', epochs => 1)});
	is(session_error($session), '', 'and it trains again');
}
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|server process .* exited/, 'no backend has died');

$session->quit;
$node->stop;
done_testing();
