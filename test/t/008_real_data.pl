# The real Retailrocket files, from the directory that RECSEQ_DATA names: they load as they are, the kit's views give the
# numbers that are known of them, the four variants of the seed project train and serve, and the recency baseline comes out
# as it was measured elsewhere. The exact numbers are those of one published extract, and are compared only with it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $data = $ENV{RECSEQ_DATA};
plan skip_all => 'RECSEQ_DATA does not name a directory with events.csv' unless defined $data && -r "$data/events.csv";

my $node = new_server('main', conf => [ q{shared_buffers = '256MB'}, q{work_mem = '64MB'}, q{max_wal_size = '2GB'} ]);

$node->safe_psql('postgres', 'SELECT recseq_retailrocket()');
for my $file (glob "$data/*.csv")
{
	my ($table) = $file =~ m{(events|item_properties|category_tree)[^/]*\.csv$} or next;

	$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-c', "\\copy retailrocket.$table FROM '$file' WITH (FORMAT csv, HEADER)", $node->connstr('postgres') ],
		"\\copy into $table takes the file as it is");
}
$node->safe_psql('postgres', 'ANALYZE');

# ---------------------------------------------------------------- the kit

my $known = $node->safe_psql('postgres', 'SELECT count(*) = 74696 AND count(DISTINCT visitorid) = 31676 AND count(DISTINCT itemid) = 21101 FROM retailrocket.events') eq 't';
note($known ? 'this is the extract whose numbers are known' : 'these are other rows than those whose numbers are known');

is($node->safe_psql('postgres', q{
	SELECT bool_and(cardinality(items) = length AND cardinality(categories) = length AND cardinality(times) = length
		AND length BETWEEN 3 AND 28 AND first_time <= last_time) FROM retailrocket.training_sequences}), 't', 'training_sequences are well-formed');
SKIP:
{
	skip 'other rows', 3 unless $known;
	is($node->safe_psql('postgres', q{
		SELECT count(*), count(*) FILTER (WHERE length >= 3), max(length) FROM retailrocket.sequences}), '31676|4934|1126',
		'visitors, those with three events and more, the longest');
	is($node->safe_psql('postgres', 'SELECT q1, q3, iqr, upper_fence FROM retailrocket.sequence_length_bounds'), '3|6|3|10.5', 'quartiles and the fence');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM retailrocket.training_sequences'), '4934', 'training sequences');
}

# ---------------------------------------------------------------- the four variants of the seed

$node->safe_psql('postgres', q{
	-- leave-one-out: the last item of each visitor is the target, the model learns from what is before it
	CREATE TABLE loo AS SELECT visitorid, items, categories, times FROM retailrocket.sequences WHERE length >= 3;
	CREATE TABLE loo_training AS
		SELECT visitorid, items[:cardinality(items) - 1] AS items, categories[:cardinality(items) - 1] AS categories,
			times[:cardinality(items) - 1] AS times
		FROM loo;
});
my %variant = (
	a => q{features => '{}', units => 64, layers => 2, bidirectional => true, attention => true, item_dim => 50, tied => false},
	b => q{features => '{}', units => 64, bidirectional => false, item_dim => 50, tied => false},
	c => q{units => 32, bidirectional => false, item_dim => 50, feature_dim => 50, tied => false},
	d => q{units => 32, item_dim => 50, feature_dim => 50, dropout => 0.5, tied => false});
for my $name (sort keys %variant)
{
	my ($status, $row, $errors) = $node->psql('postgres',
		qq{SET recseq.progress = off; SET recseq.max_training_memory = '4GB';
		   SELECT version, epochs, items > 1000, windows > 1000, val_loss > 0 AND val_loss < ln(items) + 1, seconds
		   FROM recseq_train('loo_training', '$name', epochs => 2, $variant{$name})});

	like($row, qr/^1\|2\|t\|t\|t\|/, "variant ($name) trains");
	diag(sprintf 'variant (%s): %.1f s an epoch', $name, (split /\|/, $row)[5] / 2) if $status == 0;
	is($node->safe_psql('postgres', qq{
		SELECT count(*), count(DISTINCT (visitorid, item)) = count(*), bool_and(score > 0), bool_and(rank BETWEEN 1 AND 5)
		FROM (SELECT * FROM loo LIMIT 200) s, LATERAL recseq_recommend(items, 5, '$name') r}), '1000|t|t|t', 'and serves');
}

# ---------------------------------------------------------------- evaluation

my $figures = $node->safe_psql('postgres', q{SELECT method, cases, hit_rate, mrr, unseen_cases, unseen_hit_rate FROM recseq_evaluate('loo', 'd')});
note($figures);
my %row = map { my ($method, @rest) = split /\|/; $method => \@rest } split /\n/, $figures;
ok($row{recency} && $row{popularity} && $row{model}, 'the model and the baselines are evaluated');
is($row{$_}[0], $row{model}[0], "$_: the same cases") for ('recency', 'popularity');
SKIP:
{
	skip 'other rows', 4 unless $known;
	is($row{recency}[0], '4934', 'cases');
	cmp_ok(abs($row{recency}[1] - 0.603), '<', 0.01, "recency: HR\@5 $row{recency}[1]");
	cmp_ok(abs($row{recency}[2] - 0.451), '<', 0.01, "recency: MRR\@5 $row{recency}[2]");
	cmp_ok(abs($row{popularity}[1] - 0.0089), '<', 0.003, "popularity: HR\@5 $row{popularity}[1]");
}

# every event of the last 14 days, and each visitor's last event where all others are learned from
SKIP:
{
	skip 'other rows', 8 unless $known;
	for my $split (
		[ 'temporal', q{protocol => 'temporal', cut => '2015-08-07 02:41:38.518 UTC'}, 4971, recency => 0.4733, vsknn => 0.2627, stan => 0.3394 ],
		[ 'leave_one_out', q{min_history => 2}, 4934, recency => 0.6032, vsknn => 0.4090, stan => 0.4682 ])
	{
		my ($protocol, $arguments, $cases, %hit_rate) = @$split;
		my %got = map { split /\|/, $_, 2 } split /\n/,
			$node->safe_psql('postgres', "SELECT method, cases, hit_rate FROM recseq_evaluate('retailrocket.sequences', 'd', $arguments)");

		is((split /\|/, $got{model})[0], $cases, "$protocol: cases");
		for my $method (sort keys %hit_rate)
		{
			my $found = (split /\|/, $got{$method})[1];

			cmp_ok(abs($found - $hit_rate{$method}), '<', 0.005, "$protocol, $method: HR\@5 $found");
		}
	}
}

$node->stop;
done_testing();
