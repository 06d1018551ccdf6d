# Models in shared memory: loaded once for all backends, within recseq.shared_cache_size, gone when they are dropped, and
# rebuilt after a crash. Without room for them each backend loads its own, with the same answers.
#
# With dynamic_shared_memory_type = mmap segments are files of the data directory, which can be counted from outside.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

use constant MB => 1024 * 1024;

my $node = new_server('main', conf => [
	'dynamic_shared_memory_type = mmap', 'restart_after_crash = on', 'max_prepared_transactions = 2',
	'max_parallel_workers_per_gather = 0' ]);
sample_source($node);

sub segments { return segment_bytes($node); }

sub private_models
{
	my ($session) = @_;

	return $session->query_safe(q{SELECT coalesce(sum(total_bytes), 0) FROM pg_backend_memory_contexts WHERE name = 'recseq model'});
}

train($node, 'default');
my $expected = answers($node);
$node->safe_psql('postgres', q{
	SET recseq.progress = off;
	CREATE TABLE many AS SELECT array_agg(g * 3 + i) AS items FROM generate_series(1, 1000) g, generate_series(0, 2) i GROUP BY g;
	-- some 3 MB each
	SELECT recseq_train('many', 'm' || i, epochs => 1, item_dim => 256, units => 8, seed => i) FROM generate_series(1, 8) i;
});
my $use_all = q{SELECT sum(score::numeric) FROM generate_series(1, 8) i, LATERAL recseq_recommend(ARRAY[3, 4], 5, 'm' || i) r};
my $use_one = q{SELECT sum(score::numeric) FROM recseq_recommend(ARRAY[3, 4], 5, 'm1') r};
my $private = $node->safe_psql('postgres', "SET recseq.shared_cache_size = 0; $use_all");
my $private_one = $node->safe_psql('postgres', "SET recseq.shared_cache_size = 0; $use_one");
is(segments(), 0, 'with recseq.shared_cache_size = 0 no model is shared');

# ---------------------------------------------------------------- shared

my @sessions = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 3;
is($sessions[0]->query_safe($use_all), $private, 'shared models answer like private ones');
my $loaded = segments();
cmp_ok($loaded, '>', 8 * 2 * MB, 'eight models are in shared memory');
is($_->query_safe($use_all), $private, 'another backend answers the same') for @sessions[ 1, 2 ];
is(segments(), $loaded, 'and loads nothing again');
cmp_ok(private_models($_), '<', 2 * MB, 'a backend holds no copy of its own') for @sessions;

# ---------------------------------------------------------------- dropped

$node->safe_psql('postgres', q{BEGIN; SELECT recseq_drop_model('m8'); ROLLBACK});
is($sessions[0]->query_safe($use_all), $private, 'a drop that is rolled back changes nothing');
$node->safe_psql('postgres', q{SELECT recseq_drop_model('m8')});
$use_all =~ s/1, 8/1, 7/;
$private = $node->safe_psql('postgres', "SET recseq.shared_cache_size = 0; $use_all");
is($_->query_safe($use_all), $private, 'the other models answer after a drop') for @sessions;
cmp_ok(segments(), '<', $loaded - 2 * MB, 'and the dropped one has left shared memory');
$sessions[0]->query($use_all =~ s/1, 7/1, 8/r);
like(session_error($sessions[0]), qr/model "m8" does not exist/, 'a backend that had it does not answer');

# In a transaction that keeps its snapshot, the model is there until the end.
$sessions[1]->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($sessions[1]->query_safe($use_one), $private_one, 'a transaction in REPEATABLE READ');
$node->safe_psql('postgres', q{SELECT recseq_drop_model('m1')});
is($sessions[1]->query_safe($use_one), $private_one, 'still answers after the drop');
my $fresh = $node->background_psql('postgres', on_error_stop => 0);
$fresh->query($use_one);
like(session_error($fresh), qr/model "m1" does not exist/, 'when nobody else does');
$sessions[1]->query_safe('COMMIT');
$sessions[1]->query($use_one);
like(session_error($sessions[1]), qr/model "m1" does not exist/, 'until it ends');
$fresh->quit;

# Two-phase commit: the session goes on while the drop is pending.
$sessions[0]->query_safe(q{BEGIN});
$sessions[0]->query_safe(q{SELECT recseq_drop_model('m2')});
$sessions[0]->query_safe(q{PREPARE TRANSACTION 'drop'});
$sessions[0]->query_safe("SELECT count(*) FROM generate_series(1, 10) i, LATERAL recseq_recommend(ARRAY[i], 5, 'm3')") for 1 .. 3;
is($sessions[0]->query_safe(q{SELECT count(*) FROM recseq_recommend(ARRAY[3], 5, 'm2')}), 5, 'a model answers while its drop is prepared');
$sessions[0]->query_safe(q{COMMIT PREPARED 'drop'});
$sessions[0]->query(q{SELECT count(*) FROM recseq_recommend(ARRAY[3], 5, 'm2')});
like(session_error($sessions[0]), qr/model "m2" does not exist/, 'and no more once that is committed');

# Trained, used and rolled back.
$sessions[0]->query_safe('SET recseq.progress = off');
$sessions[0]->query_safe('BEGIN');
$sessions[0]->query_safe(q{SELECT recseq_train('many', 'passing', epochs => 1, item_dim => 256, units => 8)});
is($sessions[0]->query_safe(q{SELECT count(*) FROM recseq_recommend(ARRAY[3], 5, 'passing')}), 5, 'a transaction uses what it has trained');
$sessions[0]->query_safe('ROLLBACK');
$sessions[0]->query(q{SELECT count(*) FROM recseq_recommend(ARRAY[3], 5, 'passing')});
like(session_error($sessions[0]), qr/model "passing" does not exist/, 'which is gone when it rolls back');

# ---------------------------------------------------------------- limits

$use_all =~ s/1, 7/3, 7/;
$private = $node->safe_psql('postgres', "SET recseq.shared_cache_size = 0; $use_all");
$_->quit for @sessions;
$node->append_conf('postgresql.conf', q{recseq.shared_cache_size = '10MB'});
$node->restart;
@sessions = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 2;
for my $round (1 .. 3)
{
	is($_->query_safe($use_all), $private, "five models that do not fit together, round $round") for @sessions;
}
# Besides, each backend maps what it used until its next call.
cmp_ok(segments(), '<', 10 * MB + 2 * 10 * MB, 'shared memory keeps to recseq.shared_cache_size, but for what is still mapped');
$_->quit for @sessions;
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'});
cmp_ok(segments(), '<=', 10 * MB, 'and to the limit once the backends are gone');

$node->append_conf('postgresql.conf', q{recseq.shared_cache_size = '1MB'});
$node->restart;
is($node->safe_psql('postgres', $use_all), $private, 'models larger than the limit are loaded privately');
is(segments(), 0, 'and not shared');
$node->append_conf('postgresql.conf', q{recseq.shared_cache_size = '100MB'});
$node->restart;

SKIP:
{
	skip 'no prlimit here', 4 if system('prlimit --version >/dev/null 2>&1') != 0;

	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = backend_of($session);

	limit_backend($pid, 'fsize', MB);
	is($session->query_safe($use_all), $private, 'without room for a segment a backend loads its own');
	is(segments(), 0, 'and leaves nothing in shared memory');
	cmp_ok(private_models($session), '>', 5 * 2 * MB, 'but in its memory');
	limit_backend($pid, 'fsize', 'unlimited');
	$session->quit;
	is($node->safe_psql('postgres', $use_all), $private, 'another one shares');
}

# A backend whose own limit is too small for the working memory fails the same way every time, and recovers.
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('SET recseq.progress = off');
$session->query_safe('CREATE TABLE few AS SELECT * FROM source LIMIT 40');
$session->query_safe(q{SELECT recseq_train('few', 'wide', epochs => 1, units => 256, layers => 2, max_length => 300, batch_size => 8)});
$session->quit;
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe(q{SET recseq.cache_size = '1MB'});
for my $call (1 .. 3)
{
	$session->query(q{SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], 5, 'wide')});
	like(session_error($session), qr/the model needs \d+ kB of memory.*recseq.cache_size/s, "a model beyond recseq.cache_size, call $call");
}
$session->query_safe('RESET recseq.cache_size');
is($session->query_safe(q{SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], 5, 'wide')}), 5, 'which answers with more memory');

# ---------------------------------------------------------------- parallel workers, crash

is($session->query_safe(q{
	SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
	SELECT count(*) FROM source, LATERAL recseq_recommend(items, 5, 'm4')}),
	$session->query_safe(q{SELECT 5 * count(*) FROM source}), 'parallel workers use shared models, too');
$session->quit;

for my $round (1 .. 2)
{
	my $victim = $node->background_psql('postgres', on_error_stop => 0);
	my $other = $node->background_psql('postgres', on_error_stop => 0);

	is($_->query_safe($use_all), $private, "before crash $round") for ($victim, $other);
	kill 'KILL', backend_of($victim);
	eval { $other->query('SELECT pg_sleep(10)') };
	wait_until_back($node);
	eval { $_->{run}->finish } for ($victim, $other);
	is(segments(), 0, "crash $round: no segment is left behind");
	is($node->safe_psql('postgres', $use_all), $private, "crash $round: the models answer as before");
	is(answers($node), $expected, "crash $round: all of them");
}

my $directory = $node->data_dir . '/pg_dynshmem';
$node->stop;
my @left = grep { !/^\./ } slurp_dir($directory);
is("@left", '', 'the server stops and leaves no segment behind');
done_testing();
