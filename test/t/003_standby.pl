# A streaming standby answers what its primary answers, refuses to train, follows what the primary trains and drops, and
# trains once it is promoted.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $primary = new_server('primary', init => { allows_streaming => 1 });
sample_source($primary);
train($primary, 'default');

$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

my $expected = answers($primary);
is(answers($standby), $expected, 'the standby answers like the primary');
is(stored($standby), stored($primary), 'and shows the same versions');

# ---------------------------------------------------------------- nothing is written there

my $message = qr/cannot execute recseq_(?:train|activate|drop_model)\(\) (?:during recovery|in a read-only transaction)/;
for my $call (q{recseq_train('source')}, q{recseq_activate('default', 1)}, q{recseq_drop_model('default')})
{
	my ($status, undef, $errors) = $standby->psql('postgres', "SELECT $call");

	isnt($status, 0, "$call fails on the standby");
	like($errors, $message, 'and says why');
}
my ($status, $rows, $errors) = $standby->psql('postgres',
	q{SELECT bool_and(cases > 0), count(*) FILTER (WHERE method = 'model') FROM recseq_evaluate('source')});
is($rows, 't|1', 'recseq_evaluate works there');

# ---------------------------------------------------------------- the primary's changes arrive

my $session = $standby->background_psql('postgres', on_error_stop => 0);
my $repeatable = $standby->background_psql('postgres');
is($session->query_safe(answers_query()), $expected, 'a session on the standby');
$repeatable->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($repeatable->query_safe(answers_query()), $expected, 'a transaction in REPEATABLE READ there');

is(train($primary, 'default', 'seed => 5'), '2', 'the primary trains a new version');
train($primary, 'second', q{features => '{}', attention => true, layers => 2});
$primary->wait_for_catchup($standby);
my $newer = answers($primary);
isnt($newer, $expected, 'which answers otherwise');
is($session->query_safe(answers_query()), $newer, 'the session on the standby serves it from the next statement on');
is($repeatable->query_safe(answers_query()), $expected, 'the transaction keeps the old version');
$repeatable->query_safe('COMMIT');
is(answers($standby, model => 'second'), answers($primary, model => 'second'), 'a new model has arrived, too');

$primary->safe_psql('postgres', q{SELECT recseq_drop_model('second')});
$primary->wait_for_catchup($standby);
$session->query(answers_query(model => 'second'));
like(session_error($session), qr/model "second" does not exist/, 'a model that the primary drops is gone there');
$_->quit for ($session, $repeatable);

# ---------------------------------------------------------------- training is cut off, the standby takes over

my $training = $primary->background_psql('postgres', on_error_stop => 0);
my $pid = backend_of($training);
start_training($training, q{SET recseq.progress = off; SELECT recseq_train('source', epochs => 10000, patience => 0)});
wait_until_active($primary, $pid, 'recseq_train', 200);
$primary->stop('immediate');
$standby->promote;
is(answers($standby), $newer, 'the promoted standby answers as before');
is(train($standby, 'default', 'seed => 6'), '3', 'and trains the next version');
like($standby->safe_psql('postgres', q{SELECT count(DISTINCT id) FROM recseq_version WHERE model = 'default'}),
	qr/^3$/, 'with an id of its own');
like(answers($standby), qr/^205 rows/, 'which answers');

$standby->stop;
done_testing();
