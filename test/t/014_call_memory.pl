# No call takes memory without bound, whoever makes it and whatever it is made with: rows of a million items, networks that take
# megabytes a row, a thousand million ids to leave out. Answers keep to recseq.max_call_memory, what reads a whole source to
# recseq.max_training_memory; where that does not do, the error says so before the memory is taken. Answers do not depend on
# either, and every call can be cancelled.
#
# Memory is the peak that the kernel has recorded (VmHWM) beyond what the session had before, in a new session each time.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'no /proc here' unless -e "/proc/$$/status";

# What a backend takes besides: detoasted values, the executor, the loaded model, the second stage's working memory.
use constant BESIDES => 48;    # MB

my $node = new_server('main', conf => [ q{work_mem = '4MB'}, 'max_parallel_workers_per_gather = 0' ]);
sample_source($node);
train($node, 'default');
$node->safe_psql('postgres', q{
	CREATE FUNCTION long_row(length int) RETURNS int[] LANGUAGE sql AS 'SELECT array_agg(1 + (i * 7919::bigint) % 400) FROM generate_series(1, length) i';
	CREATE TABLE million AS SELECT long_row(1000000) AS items;
	CREATE VIEW long_rows AS SELECT g AS id, m.items FROM million m, generate_series(1, 60) g;
	CREATE VIEW long_texts AS SELECT g AS id, (SELECT items::text[] FROM million) AS items FROM generate_series(1, 10) g;
	-- a fetch of many rows that have been short so far
	CREATE VIEW longer_and_longer AS SELECT g AS id, CASE WHEN g <= 600 THEN ARRAY[g, 1, 2] ELSE (SELECT items FROM million) || g END AS items
		FROM (SELECT generate_series(1, 640) AS g) s;
	CREATE TABLE mixed AS
		SELECT g AS id, (SELECT array_agg(1 + (i * g * 31 + i) % 450) FROM generate_series(1, CASE WHEN g % 50 = 0 THEN 20000 ELSE g % 40 END) i) AS items
		FROM generate_series(1, 400) g;
	UPDATE mixed SET items = '{}' WHERE items IS NULL;
});

# Runs a statement in a new session with settings; returns what it answers, its error, its peak in MB and its seconds.
sub measure
{
	my ($statement, @settings) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = backend_of($session);

	$session->query_safe("SET $_") for 'recseq.progress = off', @settings;
	$session->query_safe('SELECT count(*) FROM recseq_recommend(ARRAY[1, 2])');
	my $before = process_status($pid, 'VmRSS');
	my $start = time();
	my ($answer) = $session->query($statement);
	my $seconds = time() - $start;
	my $peak = (process_status($pid, 'VmHWM') - $before) / 1024;
	my $error = session_error($session);
	$session->quit;
	diag(sprintf('%.0f MB, %.1f s: %s', $peak, $seconds, substr($statement, 0, 100) =~ s/\s+/ /gr));
	return ($answer, $error, $peak, $seconds);
}

my $small = q{recseq.max_call_memory = '16MB'};
my ($answer, $error, $peak, $seconds);

# ---------------------------------------------------------------- long rows

($answer, $error, $peak) = measure(q{SELECT count(*) FROM recseq_recommend_batch('long_rows', 3)}, $small);
is("$answer$error", 180, 'rows of a million items are answered');
cmp_ok($peak, '<', 16 + BESIDES, 'within recseq.max_call_memory');
($answer, $error, $peak) = measure(q{SELECT count(*) FROM recseq_recommend_batch('longer_and_longer', 1)}, $small);
is("$answer$error", 640, 'so are they after many short ones');
cmp_ok($peak, '<', 16 + BESIDES, 'within recseq.max_call_memory, too');
($answer, $error, $peak) = measure(q{SELECT count(*) FROM recseq_recommend_batch('long_rows', 3)}, q{recseq.max_call_memory = '2MB'});
like($error, qr/ERROR:  the call needs more than 2 MB of memory.*DETAIL:.*"recseq.max_call_memory".*HINT:.*CONTEXT:  row of public.long_rows with "id" = 1/s,
	'rows that are too long for it: a clear error');
cmp_ok($peak, '<', 2 + BESIDES, 'before they are fetched');

# The order in which a matrix product adds depends on its size: the last bits of a score may differ.
my $same = q{SELECT md5(string_agg(concat_ws('|', id, rank, item, round(score::numeric, 4), reason), ',' ORDER BY id::int, rank)) FROM recseq_recommend_batch('mixed', 7, exclude_seen => true) r};
my ($expected) = measure($same);
is((measure($same, q{recseq.max_call_memory = '2MB'}))[0], $expected, 'answers are the same with little memory');

($answer, $error, $peak) = measure(q{SELECT count(*) FROM recseq_recommend(array_fill(7, ARRAY[10000000]), 5)}, $small);
is("$answer$error", 5, 'a history of ten million items');
cmp_ok($peak, '<', 16 + 10 * 4 * 2 + BESIDES, 'takes little more than the array itself and its making');

# ---------------------------------------------------------------- large networks

$node->safe_psql('postgres', q{
	SET recseq.progress = off;
	CREATE TABLE short AS SELECT ARRAY[g, g + 1, g + 2] AS items FROM generate_series(1, 40) g;
	SELECT recseq_train('short', 'wide', epochs => 1, units => 256, max_length => 1000, batch_size => 8, ranker => false);
	CREATE TABLE thousand AS SELECT g AS id, (SELECT array_agg(1 + (i * g) % 40) FROM generate_series(1, 1000) i) AS items FROM generate_series(1, 8) g;
});
my $wide = q{SELECT count(*) FROM recseq_recommend_batch('thousand', 2, 'wide')};
($answer, $error, $peak) = measure($wide, q{recseq.max_call_memory = '32MB'});
is("$answer$error", 16, 'a network that takes many megabytes a row answers a batch');
cmp_ok($peak, '<', 32 + BESIDES, 'fewer rows at a time');
($answer, $error, $peak) = measure($wide, q{recseq.max_call_memory = '1MB'});
is("$answer$error", 16, 'and row by row');

# ---------------------------------------------------------------- many answers, many exclusions

($answer, $error) = measure(q{SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], 2147483647)}, q{recseq.max_call_memory = '1MB'});
is($error, '', 'as many answers as there are items');
my $exclude = q{SELECT count(*) FROM recseq_recommend((SELECT array_agg(1000000 + i) FROM generate_series(1, 200) i), 5,
	exclude => (SELECT array_fill(-7, ARRAY[30000000])), unknown_items => true)};
($answer, $error, $peak, $seconds) = measure($exclude);
is("$answer$error", 5, 'thirty million items to leave out, beside 200 that the model does not know');
cmp_ok($peak, '<', 30 * 4 * 3 + BESIDES, 'take no memory but their own');
($answer, $error) = measure($exclude, q{statement_timeout = '1s'});
like($answer . $error, qr/^5$|canceling statement due to statement timeout/, 'and are passed over at once, or cancelled');
($answer, $error) = measure(q{SELECT count(*) FROM recseq_recommend(array_fill(7, ARRAY[45000000]), 5)});
is("$answer$error", 5, 'a history of 45 million items');

# ---------------------------------------------------------------- whole sources

my $limit = q{recseq.max_training_memory = '64MB'};
my $too_much = qr/ERROR:  the source needs more than 64 MB of memory.*DETAIL:.*"recseq.max_training_memory".*HINT:/s;
for my $call (q{recseq_train('long_rows', 'too_much')}, q{recseq_evaluate('long_rows', 'wide')}, q{recseq_train('long_texts', 'too_much')})
{
	($answer, $error, $peak) = measure("SELECT count(*) FROM $call", $limit);
	like($error, $too_much, "$call, which is too much: a clear error");
	cmp_ok($peak, '<', 64 + BESIDES, 'before the memory is taken');
}
# 3,000,000 tokens: 80 MB as arrays, and as much again while they are put in order
$node->safe_psql('postgres', 'CREATE VIEW three AS SELECT * FROM long_rows WHERE id <= 3');
($answer, $error, $peak) = measure(q{SELECT count(*) FROM recseq_evaluate('three', 'wide')}, q{recseq.max_training_memory = '100MB'});
cmp_ok($peak, '<', 100 + BESIDES, 'also while what was read is put in order');

unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|server process .* exited/, 'no backend has died');
$node->stop;
done_testing();
