# Jobs and servers that start or are promoted: with recseq in shared_preload_libraries jobs go on by themselves, without they wait for a
# call. A standby shows the jobs of its primary, refuses to take any, and takes them over when it is promoted, from the last checkpoint
# that it has received.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $options = 'epochs => 20, patience => 0, ranker => false';
my $primary = new_server('primary', init => { allows_streaming => 1 }, conf => [ q{shared_preload_libraries = 'recseq'}, 'max_prepared_transactions = 2' ]);
sample_source($primary);
$primary->safe_psql('postgres', "SET recseq.progress = off; SELECT recseq_train('source', 'statement', $options)");

sub digest
{
	my ($node, $model, $database) = @_;

	return $node->safe_psql($database || 'postgres', qq{
		SELECT md5(string_agg(data, '' ORDER BY chunk)) FROM recseq_chunk
		WHERE id = (SELECT active_id FROM recseq_model WHERE model = '$model')});
}

sub queue
{
	my ($node, $model, $database) = @_;

	return $node->safe_psql($database || 'postgres', "SELECT recseq_train_async('source', '$model', $options)");
}

sub wait_for_epoch
{
	my ($node, $job, $epoch, $database) = @_;

	$node->poll_query_until($database || 'postgres', "SELECT epoch >= $epoch FROM recseq_job WHERE job = $job")
	  or die "job $job makes no progress";
}

# Without calling anything that would resume a job.
sub becomes_done
{
	my ($node, $job, $title, $database) = @_;

	ok($node->poll_query_until($database || 'postgres', "SELECT state = 'done' FROM recseq_job WHERE job = $job"), $title);
}

my $expected = digest($primary, 'statement');

# ---------------------------------------------------------------- preloaded

$primary->safe_psql('postgres', 'CREATE DATABASE "Another, one"; CREATE DATABASE without; CREATE DATABASE closed');
$primary->safe_psql('postgres', q{ALTER DATABASE closed WITH ALLOW_CONNECTIONS false});
$primary->safe_psql('Another, one', q{CREATE SCHEMA "its own"; CREATE EXTENSION recseq SCHEMA "its own"});
$primary->safe_psql('Another, one', q{CREATE TABLE source AS SELECT ARRAY(SELECT (g + i) % 20 FROM generate_series(0, 7) i) AS items FROM generate_series(1, 200) g});
for my $how ('immediate', 'fast')
{
	my $job = queue($primary, $how);

	wait_for_epoch($primary, $job, 3);
	# of another database, whose turn has not come
	my $other = $primary->safe_psql('Another, one', qq{SELECT "its own".recseq_train_async('source', epochs => 2, units => 8, ranker => false)});
	$primary->stop($how);
	$primary->start;
	becomes_done($primary, $job, "preloaded: a job goes on by itself after a stop ($how)");
	is(digest($primary, $how), $expected, 'to the same weights');
	is($primary->safe_psql('postgres', "SELECT resumed FROM recseq_job WHERE job = $job"), 1, 'from its checkpoint');
	ok($primary->poll_query_until('Another, one', qq{SELECT state = 'done' FROM "its own".recseq_job WHERE job = $other}),
		'and so does one that waited in another database');
}
ok($primary->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'recseq%')}),
	'no process is left where there is nothing to do');

# ---------------------------------------------------------------- prepared transactions

# Nothing tells the launcher of their end; it outlives a start of the server, too.
for my $end ('ROLLBACK', 'COMMIT')
{
	my $job = $primary->safe_psql('postgres', qq{BEGIN; SELECT recseq_train_async('source', 'prepared', epochs => 1, ranker => false);
		PREPARE TRANSACTION 'queued'});

	$primary->stop('immediate');
	$primary->start;
	ok($primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'recseq launcher'}),
		'a launcher waits for what becomes of a prepared transaction');
	is($primary->safe_psql('postgres', "SELECT count(*) FROM recseq_jobs WHERE job = $job"), 0, 'whose job is not there yet');
	$primary->safe_psql('postgres', "$end PREPARED 'queued'");
	becomes_done($primary, $job, 'committed, it is done') if $end eq 'COMMIT';
	ok($primary->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'recseq%')}),
		"$end PREPARED: the launcher has left");
}

# ---------------------------------------------------------------- standbys

$primary->backup('backup');
my %standby;
for my $name ('preloaded', 'plain')
{
	$standby{$name} = PostgreSQL::Test::Cluster->new($name);
	$standby{$name}->init_from_backup($primary, 'backup', has_streaming => 1);
	$standby{$name}->append_conf('postgresql.conf', q{shared_preload_libraries = ''}) if $name eq 'plain';
	$standby{$name}->start;
}
my $job = queue($primary, 'moving');
my $waiting = $primary->safe_psql('postgres', q{SELECT recseq_train_async('source', 'waiting', epochs => 1, ranker => false)});
wait_for_epoch($primary, $job, 3);
$primary->wait_for_catchup($_) for values %standby;
for my $name (sort keys %standby)
{
	my $standby = $standby{$name};

	is($standby->safe_psql('postgres', "SELECT string_agg(state, ' ' ORDER BY job) FROM recseq_jobs WHERE job IN ($job, $waiting)"),
		'running queued', "standby, $name: the primary's jobs are shown");
	for my $call (q{recseq_train_async('source')}, "recseq_cancel($job)", "recseq_wait($job)", 'recseq_resume_jobs()')
	{
		my (undef, undef, $errors) = $standby->psql('postgres', "SELECT $call");

		like($errors, qr/cannot execute recseq_\w+\(\) (?:during recovery|in a read-only transaction)/, "standby, $name: not $call");
	}
	is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'recseq job'}), 0,
		"standby, $name: no job runs there");
}
wait_for_epoch($primary, $job, 6);
$primary->stop('immediate');

for my $name (sort keys %standby)
{
	my $standby = $standby{$name};

	$standby->promote;
	if ($name eq 'plain')
	{
		is($standby->safe_psql('postgres', "SELECT state FROM recseq_jobs WHERE job = $job"), 'interrupted', 'promoted, plain: the job is interrupted');
		is($standby->safe_psql('postgres', "SELECT recseq_wait($waiting, '2 min')"), 'done', 'promoted, plain: a call resumes the queue');
	}
	becomes_done($standby, $_, "promoted, $name: no job is lost") for ($job, $waiting);
	is(digest($standby, 'moving'), $expected, "promoted, $name: the weights are those of an uninterrupted training");
	is($standby->safe_psql('postgres', "SELECT resumed FROM recseq_job WHERE job = $job"), 1, "promoted, $name: it went on from its checkpoint");
	is($standby->safe_psql('postgres', 'SELECT count(*) FROM recseq_checkpoint'), 0, "promoted, $name: no checkpoint is left");
	$standby->stop;
}
done_testing();
