# Models follow by logical replication: a subscriber to recseq's three tables answers what the publisher answers, version by
# version, through initial copy, training, activation, rollback and drop; never with half a model; and it shares them among
# its backends. And models move one by one as bytes: from a primary, from a standby, through a file.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $publisher = new_server('publisher', init => { allows_streaming => 'logical' });
my $subscriber = new_server('subscriber', init => { allows_streaming => 'logical' });
sample_source($publisher);
train($publisher, 'default');
train($publisher, 'default', 'seed => 2');
# more than one chunk
$publisher->safe_psql('postgres', q{
	SET recseq.progress = off;
	CREATE TABLE many AS SELECT array_agg(g * 3 + i) AS items FROM generate_series(1, 7000) g, generate_series(0, 2) i GROUP BY g;
	SELECT recseq_train('many', 'large', epochs => 1, units => 8, batch_size => 4096, ranker => false)});

# as docs/operations.md says
$publisher->safe_psql('postgres', 'CREATE PUBLICATION models FOR TABLE recseq_model, recseq_version, recseq_chunk');
$subscriber->safe_psql('postgres', sprintf q{CREATE SUBSCRIPTION models CONNECTION '%s dbname=postgres' PUBLICATION models}, $publisher->connstr);

sub synchronized
{
	$subscriber->wait_for_subscription_sync($publisher, 'models') if $subscriber->can('wait_for_subscription_sync');
	$publisher->wait_for_catchup('models');
}

synchronized();
is(answers($subscriber), answers($publisher), 'after the initial copy the subscriber answers like the publisher');
is(answers($subscriber, model => 'large', type => 'bigint'), answers($publisher, model => 'large', type => 'bigint'), 'with a model of several chunks, too');
is(stored($subscriber), stored($publisher), 'and has the same versions');

my $session = $subscriber->background_psql('postgres');
my $expected = answers($publisher);
is($session->query_safe(answers_query()), $expected, 'a session on the subscriber');

train($publisher, 'default', 'seed => 3');
synchronized();
isnt(answers($publisher), $expected, 'the publisher trains another version');
is($session->query_safe(answers_query()), answers($publisher), 'and the session serves it from the next statement on');
$publisher->safe_psql('postgres', q{SELECT recseq_update('default', 'source', validation_fraction => 0)});
synchronized();
is($session->query_safe(answers_query()), answers($publisher), 'an update arrives');
is($publisher->safe_psql('postgres', q{SELECT recseq_rollback('default')}), '3', 'the publisher rolls back');
synchronized();
is($session->query_safe(answers_query()), answers($publisher), 'and so does the subscriber');
is($publisher->safe_psql('postgres', q{SELECT recseq_retain('default', 1)}), '1', 'the publisher keeps the newest, the active one and the one before it');
synchronized();
is(stored($subscriber), stored($publisher), 'the subscriber drops the same');
is($session->query_safe(answers_query()), answers($publisher), 'and answers');

# a transaction arrives as a whole: whoever asks all the time never meets half a version
my $asking = $subscriber->background_psql('postgres', on_error_stop => 0);
my $errors = '';
$asking->query_until(qr/asking/, q{\echo asking
DO $$
DECLARE
	stop timestamptz := clock_timestamp() + interval '6 seconds';
BEGIN
	WHILE clock_timestamp() < stop LOOP
		PERFORM count(*) FROM recseq_recommend(ARRAY[1::bigint, 2, 3], model => 'large');
		COMMIT;
	END LOOP;
END $$;
});
$publisher->safe_psql('postgres', q{
	SET recseq.progress = off;
	SELECT recseq_train('many', 'large', epochs => 1, units => 8, batch_size => 4096, ranker => false, seed => 2);
	SELECT recseq_drop_model('large', 1);
	SELECT recseq_train('many', 'large', epochs => 1, units => 8, batch_size => 4096, ranker => false, seed => 3);
	SELECT recseq_drop_model('large', 2)});
synchronized();
finish($asking);
is(session_error($asking), '', 'who asks while versions come and go gets no error');
$asking->quit;
is(answers($subscriber, model => 'large', type => 'bigint'), answers($publisher, model => 'large', type => 'bigint'), 'and the same answers in the end');

$publisher->safe_psql('postgres', q{SELECT recseq_drop_model('large')});
synchronized();
my ($status, undef, $message) = $subscriber->psql('postgres', q{SELECT * FROM recseq_recommend(ARRAY[1::bigint], model => 'large')});
like($message, qr/model "large" does not exist/, 'a model that is dropped is gone there');
$session->quit;

# the subscriber takes over: its next version gets the next number
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION models');
sample_source($subscriber);
is(train($subscriber, 'default', 'seed => 7'), '5', 'without the subscription it trains the next version');

# ---------------------------------------------------------------- as bytes

my $file = PostgreSQL::Test::Utils::tempdir . '/model';
$publisher->safe_psql('postgres', qq{COPY (SELECT recseq_export_model('default')) TO '$file' WITH (FORMAT binary)});
$subscriber->safe_psql('postgres', qq{
	CREATE TEMP TABLE arrived (image bytea);
	COPY arrived FROM '$file' WITH (FORMAT binary);
	SELECT recseq_import_model(image, 'arrived') FROM arrived});
is(answers($subscriber, model => 'arrived'), answers($publisher), 'a model goes through a file, and answers the same');

my $hex = $publisher->safe_psql('postgres', q{SELECT recseq_export_model('default')});
$subscriber->safe_psql('postgres', qq{SELECT recseq_import_model('$hex', 'arrived')});
is(answers($subscriber, model => 'arrived'), answers($publisher), 'and as text');

$publisher->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($publisher, 'backup', has_streaming => 1);
$standby->start;
$publisher->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT recseq_export_model('default')}), $hex, 'a standby exports what its primary exports');
for my $call (q{recseq_rollback('default')}, q{recseq_retain('default', 1)}, q{recseq_update('default', 'source')},
	q{recseq_import_model(recseq_export_model('default'))})
{
	($status, undef, $message) = $standby->psql('postgres', "SELECT $call");
	like($message, qr/cannot execute recseq_\w+\(\) (?:during recovery|in a read-only transaction)/, "$call fails there, and says why");
}
$standby->stop;

# another encoding: ids that are integers go anywhere, texts only where they are the same
$publisher->safe_psql('postgres', q{
	SET recseq.progress = off;
	CREATE TABLE texts AS SELECT ARRAY['é' || i % 5, 'b', 'c' || i % 3] AS items FROM generate_series(1, 100) i;
	SELECT recseq_train('texts', 'texts', epochs => 1, units => 4);
	CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0});
$publisher->safe_psql('latin', 'CREATE EXTENSION recseq');
is($publisher->safe_psql('latin', qq{SELECT recseq_import_model('$hex')}), '(default,1)', 'into a database with another encoding');
is(answers($publisher, database => 'latin'), answers($publisher), 'where it answers the same');
my $texts = $publisher->safe_psql('postgres', q{SELECT recseq_export_model('texts')});
($status, undef, $message) = $publisher->psql('latin', qq{SELECT recseq_import_model('$texts')});
like($message, qr/has texts that are not valid in this database/, 'but not with texts of another encoding');

$_->stop for ($subscriber, $publisher);
done_testing();
