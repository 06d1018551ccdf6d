# kill -9 of a backend that trains or stores, and an immediate stop of the server: it recovers, there is never a part of a
# model, committed versions are all there and answer as before, and training goes on with numbers of its own.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = new_server('main', conf => [ 'restart_after_crash = on', 'wal_level = replica' ]);
sample_source($node);
$node->safe_psql('postgres', q{
	-- An image of several chunks.
	CREATE TABLE large AS SELECT array_agg(g * 4 + i) AS items
		FROM generate_series(1, 700) g, generate_series(0, 3) i GROUP BY g;
	-- Enabled, it gives time to hit a backend that stores.
	CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN new; END';
	CREATE TRIGGER linger BEFORE INSERT ON recseq_chunk FOR EACH ROW EXECUTE FUNCTION linger();
	ALTER TABLE recseq_chunk DISABLE TRIGGER linger;
});
train($node, 'default');
train($node, 'second', q{features => '{}'});
my $large = q{SELECT version FROM recseq_train('large', 'large', epochs => 1, item_dim => 1024, units => 4, validation_fraction => 0)};
my $began = time;
$node->safe_psql('postgres', "SET recseq.progress = off; $large");
my $seconds = time - $began;
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM recseq_chunk JOIN recseq_version USING (id) WHERE model = 'large'}), '>=', 2,
	'the large model has several chunks');

my %expected = map { $_ => answers($node, model => $_) } ('default', 'second', 'large');

# All images are complete, and committed versions answer as they did before.
sub check_models
{
	my ($title) = @_;

	is($node->safe_psql('postgres', q{
		SELECT count(*)
		FROM recseq_model m FULL JOIN recseq_version v USING (model)
			FULL JOIN (SELECT id, sum(length(data)) AS stored, count(*) AS chunks, max(chunk) AS last FROM recseq_chunk GROUP BY id) c ON c.id = v.id
		WHERE model IS NULL OR v.id IS NULL OR c.id IS NULL OR v.bytes <> c.stored OR c.last <> c.chunks - 1
			OR m.active_id NOT IN (SELECT id FROM recseq_version) OR v.version > m.last_version}),
		'0', "$title: no part of a model");
	is(join(' ', map { answers($node, model => $_) } sort keys %expected), join(' ', map { $expected{$_} } sort keys %expected),
		"$title: the models answer as before");
}

sub versions { return $node->safe_psql('postgres', q{SELECT string_agg(version::text, ',' ORDER BY version) FROM recseq_version WHERE model = 'large'}); }

sub wait_for_recovery
{
	my ($others) = @_;

	# The postmaster still takes connections until it has seen its child die.
	eval { $others->query('SELECT pg_sleep(10)') };
	wait_until_back($node);
}

# ---------------------------------------------------------------- kill -9

my @tries = (('training') x 2, ('storing') x 3, ('ending') x 3);
for my $try (0 .. $#tries)
{
	my $what = $tries[$try];
	my $statement = $what eq 'training' ? q{SELECT recseq_train('source', 'default', epochs => 10000, patience => 0)} : $large;
	my $others = $node->background_psql('postgres', on_error_stop => 0);
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = backend_of($session);
	my $before = versions();
	my ($state, $after);

	$node->safe_psql('postgres', sprintf 'ALTER TABLE recseq_chunk %s TRIGGER linger', $what eq 'storing' ? 'ENABLE' : 'DISABLE');
	$session->query_safe('SET recseq.progress = off');
	start_training($session, $statement);
	wait_until_active($node, $pid, 'recseq_train') if $what eq 'training';
	$node->poll_query_until('postgres', "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $pid") if $what eq 'storing';
	# The end of a training comes a little sooner or later each time: these kills hit what they hit.
	usleep(1e6 * ($what eq 'ending' ? $seconds * (0.8 + 0.1 * ($try - 5)) : rand(0.4)));
	$state = $node->safe_psql('postgres', "SELECT state FROM pg_stat_activity WHERE pid = $pid");
	kill 'KILL', $pid;
	wait_for_recovery($others);
	$after = versions();
	note("kill $try, $what: the backend was $state; versions $before, then $after");
	if ($what eq 'ending')
	{
		like($after, $state eq 'active' ? qr/^\Q$before\E(,\d+)?$/ : qr/^\Q$before\E,\d+$/, "kill $try, $what: what was committed is there");
		$expected{large} = answers($node, model => 'large');
	}
	else
	{
		is($after, $before, "kill $try, $what: no version is added");
	}
	check_models("kill $try, $what");
	eval { $_->{run}->finish } for ($session, $others);
}
$node->safe_psql('postgres', 'ALTER TABLE recseq_chunk DISABLE TRIGGER linger');

# ---------------------------------------------------------------- immediate stop

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = backend_of($session);
start_training($session, q{SET recseq.progress = off; SELECT recseq_train('source', 'default', epochs => 10000, patience => 0)});
wait_until_active($node, $pid, 'recseq_train', 300);
$node->stop('immediate');
eval { $session->{run}->finish };
$node->start;
check_models('immediate stop while training');

# Stored and not committed.
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe("SET recseq.progress = off; BEGIN; $large");
$node->safe_psql('postgres', 'CHECKPOINT');
$node->stop('immediate');
eval { $session->{run}->finish };
$node->start;
check_models('immediate stop after storing, before the commit');

# Committed: the version is there, without a checkpoint since.
my $version = $node->safe_psql('postgres', "SET recseq.progress = off; $large");
$expected{large} = answers($node, model => 'large');
$node->stop('immediate');
$node->start;
like(versions(), qr/,$version$/, 'a version survives an immediate stop right after its commit');
check_models('immediate stop after the commit');

# Prepared: it outlives the crash and is committed after it.
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
$node->restart;
$version = $node->safe_psql('postgres', "SET recseq.progress = off; BEGIN; $large; PREPARE TRANSACTION 'large'");
$node->stop('immediate');
$node->start;
check_models('immediate stop after PREPARE TRANSACTION');
$node->safe_psql('postgres', q{COMMIT PREPARED 'large'});
like(versions(), qr/,$version$/, 'the prepared version is there once committed');
$expected{large} = answers($node, model => 'large');
check_models('after COMMIT PREPARED');

is($node->safe_psql('postgres', q{SET recseq.progress = off; SELECT version FROM recseq_train('source', 'default', epochs => 1)}), '2',
	'training succeeds after all that, and killed trainings have used no version number');
is($node->safe_psql('postgres', q{SELECT count(*) - count(DISTINCT id) FROM recseq_version}), '0', 'ids are unique');

$node->stop;
done_testing();
