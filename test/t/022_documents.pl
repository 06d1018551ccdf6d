# Every statement of README.md, docs/bi.md, docs/clients.md, docs/vectors-and-onnx.md (those for pgvector where it is installed) and of docs/operations.md but its jobs runs, in the order in which it stands.
# docs/reference.md is 020_reference.pl's, schedules are 023_schedule.pl's, and programs test/clients's.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $root = "$FindBin::RealBin/../..";
my $node = new_server('main', conf => ['max_worker_processes = 16']);

# [heading, statements] of each block of SQL in a page.
sub blocks
{
	my ($file) = @_;
	my ($heading, @blocks) = ('');

	my $text = slurp_file("$root/$file");
	while ($text =~ /^## ([^\n]*)|^```sql\n(.*?)^```/gms)
	{
		if (defined $1) { $heading = $1; }
		else { push @blocks, [ $heading, $2 ]; }
	}
	return @blocks;
}

# A new database with what a page takes to be there.
sub database
{
	my ($name, $sql) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, $sql);
}

sub runs
{
	my ($database, $title, $sql) = @_;

	my ($status, undef, $errors) = $node->psql($database, "SET recseq.progress = off;\n$sql", on_error_stop => 1);
	is($status, 0, $title) or diag("$sql\n$errors");
}

# Runs what stands under these headings, or all of a page.
sub page_runs
{
	my ($database, $file, @headings) = @_;
	my $count = 0;

	for my $block (blocks($file))
	{
		my ($heading, $sql) = @$block;
		next if @headings && !grep { $_ eq $heading } @headings;
		# another way to begin than that of this test
		next if $sql =~ /CREATE EXTENSION recseq SCHEMA/;
		runs($database, "$file, $heading: statements " . ++$count, $sql);
	}
	cmp_ok($count, '>', 0, "$file has statements");
}

my $shop = q{
	CREATE TABLE orders AS SELECT 'c-' || c AS customer, 'sku-' || 1 + (c * 7 + n * 3) % 100 AS sku, timestamptz '2026-01-01' + n * interval '1 day' AS ordered_at
		FROM generate_series(1, 200) c, generate_series(1, 3 + c % 4) n;
	CREATE TABLE products AS SELECT 'sku-' || n AS sku, 'Mug ' || n AS name, 'mugs ' || n % 5 AS category, NULL::text AS picture, NULL::text AS url,
		9.5 AS price FROM generate_series(1, 100) n;
};
my $demo = q{
	CREATE EXTENSION recseq;
	SET recseq.progress = off;
	SELECT recseq_retailrocket(), recseq_sample_data('retailrocket', visitors => 400, items => 1000);
} . slurp_file("$root/app/demo_views.sql") . q{
	SELECT recseq_train('demo_training', model => 'demo', epochs => 2);
	UPDATE retailrocket.settings SET model = 'demo';
};

database('shop', $shop);
page_runs('shop', 'README.md', 'Getting started');
database('demo', $demo);
page_runs('demo', 'README.md', 'Five minutes with the sample data');
page_runs('demo', 'docs/bi.md');

# The files of the data set: of each a few lines that make sequences.
my $files = PostgreSQL::Test::Utils::tempdir();
append_to_file("$files/events.csv", join("\n", 'timestamp,visitorid,event,itemid,transactionid',
	map { my $v = $_; map { join(',', 1430622000000 + $_ * 60000, $v, 'addtocart', 1 + ($v + $_) % 20, '') } 1 .. 6 } 1 .. 60) . "\n");
append_to_file("$files/item_properties.csv", join("\n", 'timestamp,itemid,property,value', map { "1430622000000,$_,categoryid," . $_ % 4 } 1 .. 20) . "\n");
database('retailrocket', '');
for my $block (grep { $_->[0] eq 'The same on Retailrocket' } blocks('README.md'))
{
	runs('retailrocket', 'README.md, The same on Retailrocket', $block->[1] =~ s/FROM '(\w+\.csv)'/FROM '$files\/$1'/gr);
}

$node->safe_psql('postgres', 'CREATE ROLE trainer; CREATE ROLE alice');
page_runs('demo', 'README.md', 'Rights');
$node->safe_psql('shop', 'CREATE ROLE recseq_page');
page_runs('shop', 'README.md', 'Removing it');
is($node->safe_psql('shop', q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass}), '0', 'what is removed leaves nothing on the own tables');

database('clients', '');
page_runs('clients', 'docs/clients.md');

database('vectors', '');
page_runs('vectors', 'docs/vectors-and-onnx.md', '', 'An inner product in SQL', 'Its numbers: NumPy', 'The network as a file: ONNX');
SKIP:
{
	skip 'pgvector is not installed', 1 unless $node->safe_psql('vectors', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'});
	page_runs('vectors', 'docs/vectors-and-onnx.md', 'An index: pgvector');
	# by the index, and in the network's order
	my $plan = $node->safe_psql('vectors', q{SET enable_seqscan = off; EXPLAIN SELECT item FROM item_vectors ORDER BY embedding <#> recseq_embed(ARRAY[303, 328])::vector LIMIT 5});
	like($plan, qr/Index Scan using item_vectors_embedding_idx/, 'the index is used');
	is($node->safe_psql('vectors', q{
		SELECT bool_and(abs(-(v.embedding <#> h::vector) - (SELECT sum(a::float8 * b) FROM unnest(e.embedding, h) u(a, b))) < 1e-4)
		FROM item_vectors v JOIN recseq_embeddings() e USING (item), recseq_embed(ARRAY[303, 328]) h}), 't', 'its distances are the inner products');
}

database('operations', q{
	CREATE EXTENSION recseq;
	SET recseq.progress = off;
	SELECT recseq_retailrocket(), recseq_sample_data(visitors => 300, items => 60);
	CREATE VIEW histories AS SELECT * FROM retailrocket.training_sequences;
	SELECT recseq_train('histories', 'shop', epochs => 1);
});
$node->safe_psql('operations', q{
	SET recseq.progress = off;
	SELECT recseq_train('histories', 'shop', epochs => 1, units => 4, item_dim => 4, feature_dim => 4) FROM generate_series(2, 7);
	SELECT recseq_train('histories', 'shop_b', epochs => 1, units => 4, item_dim => 4, feature_dim => 4);
	CREATE VIEW holdout AS SELECT * FROM histories;
});
page_runs('operations', 'docs/operations.md', 'Rights', 'Progress', 'Versions', 'Staying current', 'Two models side by side');
is($node->safe_psql('operations', q{SELECT count(*) FROM retailrocket.impressions}), '1', 'what was shown is written down');
page_runs('operations', 'docs/operations.md', 'Forgetting a visitor');
is($node->safe_psql('operations', q{SELECT count(*) FROM retailrocket.impressions}), '0', 'and forgotten with the visitor');
for my $block (grep { $_->[0] eq 'Moving a model' } blocks('docs/operations.md'))
{
	runs('operations', 'docs/operations.md, Moving a model', $block->[1] =~ s/'shop\.model'/'$files\/shop.model'/gr);
}
runs('operations', 'the application starts that training', q{SET ROLE shop_app; SELECT retrain()});

$node->stop;
done_testing();
