# From sample data to recommendations, and that every backend gives the same ones: cold and warm, several at once, before
# and after a restart; a version that another session commits answers from the next statement on.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $node = new_server('main');
sample_source($node);

# ---------------------------------------------------------------- training and its notices

my ($status, $output, $notices) = $node->psql('postgres',
	q{SELECT model, version, sequences > 500, windows > 1000, items > 300, epochs, best_epoch BETWEEN 1 AND 3,
		val_loss > 0, hit_rate BETWEEN 0.05 AND 1, seconds > 0
	  FROM recseq_train('source', epochs => 3)});
is($status, 0, 'training succeeds');
is($output, 'default|1|t|t|t|3|t|t|t|t', 'its row tells what was learned');
# a fit that takes long says how far it is, at each quarter
my @lines = grep { !/NOTICE:  second stage: \d+ % fitted/ } split /\n/, $notices;
is(scalar @lines, 5, 'a notice for each epoch, and two for the second stage');
my $number = qr/\d+(?:\.\d+)?/;
for my $epoch (1 .. 3)
{
	like($lines[ $epoch - 1 ],
		qr/NOTICE:  epoch $epoch of 3: loss $number, validation loss $number, hit rate at 5 $number, MRR at 20 $number(?: \(best so far\))?, learning rate [\d.e-]+, $number s, .*\d+ s left$/,
		"notice of epoch $epoch");
}
like($lines[3], qr/NOTICE:  fitting the second stage, about \d+ s$/, 'one before it is fitted');
like($lines[4], qr/NOTICE:  second stage: hit rate at 5 $number, $number s$/, 'and one after it');

($status, $output, $notices) = $node->psql('postgres',
	q{SELECT version FROM recseq_train('source', epochs => 1, validation_fraction => 0)});
like($notices, qr/NOTICE:  epoch 1 of 1: loss $number, no validation, learning rate/, 'notice without validation');

($status, $output, $notices) = $node->psql('postgres',
	q{SET recseq.progress = off; SELECT version FROM recseq_train('source', epochs => 2)});
is($notices, '', 'no notice with recseq.progress = off');
is($output, '3', 'training again makes a new version');

# ---------------------------------------------------------------- backends

my $expected = answers($node);
like($expected, qr/^205 rows/, 'every history gets five items');
is(answers($node), $expected, 'another backend answers the same');

my @sessions = map { $node->background_psql('postgres') } 1 .. 4;
my $query = answers_query();
is(scalar(grep { $_->query_safe($query) eq $expected } @sessions), 4, 'four backends answer the same when cold');
is(scalar(grep { $_->query_safe($query) eq $expected } @sessions), 4, 'and when warm');

$_->quit for @sessions;
$node->restart;
is(answers($node), $expected, 'and after a restart');

my $workers = q{
	SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET max_parallel_workers_per_gather = 2;
};
my $all = 'SELECT count(*), sum(item), sum(score::numeric) FROM source, LATERAL recseq_recommend(items) r';
like($node->safe_psql('postgres', "$workers EXPLAIN (COSTS OFF) $all"), qr/Gather/, 'a plan for parallel workers');
is($node->safe_psql('postgres', "$workers $all"), $node->safe_psql('postgres', $all), 'who answer the same');

# ---------------------------------------------------------------- versions of other sessions

my $long = $node->background_psql('postgres');
my $repeatable = $node->background_psql('postgres');
my $open = $node->background_psql('postgres');
is($long->query_safe($query), $expected, 'a session that stays open');
$repeatable->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($repeatable->query_safe($query), $expected, 'a transaction in REPEATABLE READ');
$open->query_safe('BEGIN');
is($open->query_safe($query), $expected, 'a transaction in READ COMMITTED');

is(train($node, 'default', 'units => 16, seed => 7'), '4', 'another session stores a version');
my $newer = answers($node);
isnt($newer, $expected, 'which answers otherwise');
is($long->query_safe($query), $newer, 'the open session serves it from the next statement on');
is($open->query_safe($query), $newer, 'so does the transaction in READ COMMITTED');
is($repeatable->query_safe($query), $expected, 'the one in REPEATABLE READ keeps the old version');
$repeatable->query_safe('COMMIT');
is($repeatable->query_safe($query), $newer, 'until it ends');

$node->safe_psql('postgres', q{SELECT recseq_activate('default', 3)});
is($long->query_safe($query), $expected, 'activating an older version rolls back, also in the open session');
is($long->query_safe(q{SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], 5, 'default', 4)}), '5',
	'a version can be named');
$node->safe_psql('postgres', q{SELECT recseq_drop_model('default')});
$long = $node->background_psql('postgres', on_error_stop => 0);
$long->query($query);
like(session_error($long), qr/model "default" does not exist.*HINT/s, 'a dropped model is gone for open sessions too');

# ---------------------------------------------------------------- within one transaction

$long->query_safe('SET recseq.progress = off');
$long->query_safe('BEGIN');
$long->query_safe(q{SELECT version FROM recseq_train('source', epochs => 1)});
my $uncommitted = $long->query_safe($query);
like($uncommitted, qr/^205 rows/, 'a transaction sees the model that it has trained');
$long->query_safe('ROLLBACK');
is(stored($node), '', 'which is gone when it rolls back');
is(train($node, 'default', 'seed => 3'), '1', 'another one is trained');
is($long->query_safe($query), answers($node), 'and answers in the session that had the rolled back one in its cache');

$_->quit for ($long, $repeatable, $open);
$node->stop;
done_testing();
