# A database with models goes through pg_dump and restore, in every format, as a whole and by sections, and through
# pg_upgrade: the models answer as before, to the last bit, and the next version gets a number and an id of its own.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $dump_dir = PostgreSQL::Test::Utils::tempdir;
my $node = new_server('main');
my $other = new_server('other');

sample_source($node);
$node->safe_psql('postgres', q{
	CREATE TABLE texts AS SELECT visitorid, array_agg('item ' || i ORDER BY o) AS items
		FROM source, unnest(items) WITH ORDINALITY AS u (i, o) GROUP BY 1;
	CREATE TABLE "big ids" AS SELECT items::bigint[] FROM source;
});
train($node, 'default', 'seed => 1');
train($node, 'default', 'seed => 2');
train($node, 'default', 'seed => 3');
# Gaps: the newest version is gone, and not the newest of what is left answers.
$node->safe_psql('postgres', q{
	SELECT recseq_drop_model('default', 3);
	SELECT recseq_activate('default', 1);
	SELECT recseq_retain('default', 7);
});
$node->safe_psql('postgres', q{
	SET recseq.progress = off;
	SELECT recseq_train('texts', 'texts', epochs => 1);
	SELECT recseq_train('"big ids"', 'It''s "big"', epochs => 1, features => '{}');
	-- more than one chunk
	CREATE TABLE many AS SELECT array_agg(g * 3 + i) AS items
		FROM generate_series(1, 7000) g, generate_series(0, 2) i GROUP BY g;
	SELECT recseq_train('many', 'large', epochs => 1, units => 8, batch_size => 4096);
});
is($node->safe_psql('postgres', q{SELECT count(*) > 1 FROM recseq_chunk JOIN recseq_version USING (id) WHERE model = 'large'}),
	't', 'the image of one model has several chunks');

sub all_answers
{
	my ($server, $database, $schema) = @_;
	my @answers = ($server->safe_psql($database, qq{SET search_path = "$schema"; SELECT model, version, active, owner, created, source, options, vocabulary, val_loss, hit_rate, bytes, curve FROM recseq_models}));

	push @answers, answers($server, database => $database, schema => $schema),
		answers($server, database => $database, schema => $schema, model => 'large'),
		answers($server, database => $database, schema => $schema, model => q{It''s "big"}, type => 'bigint'),
		$server->safe_psql($database, qq{SELECT * FROM "$schema".recseq_recommend(ARRAY['item 3', 'item 14'], 20, 'texts')});
	return join "\n", @answers;
}

my $expected = all_answers($node, 'postgres', 'public');
my $ids = $node->safe_psql('postgres', q{SELECT string_agg(id::text, ',') FROM recseq_version});

# Tests that a database is like the original, and that what is trained in it continues the original's numbers.
sub check_restored
{
	my ($server, $database, $schema, $title) = @_;

	is(all_answers($server, $database, $schema), $expected, "$title: all models answer the same");
	is($server->safe_psql($database, qq{
		SET search_path = "$schema", public;
		SET recseq.progress = off;
		SELECT version FROM recseq_train('public.source', epochs => 1, ranker => false);
		SELECT id <> ALL (ARRAY[$ids]) FROM recseq_version WHERE model = 'default' AND version = 4;
		SELECT count(*) FROM recseq_recommend(ARRAY[1, 2, 3]);
		SELECT recseq_rollback('default'), recseq_rollback('default');
		SELECT keep_versions FROM recseq_model WHERE model = 'default'}), "4\nt\n5\n1|2\n7",
		"$title: the next version is 4, with an id never used; versions roll back as they were active, retention is kept");
}

sub new_database
{
	my ($server, $database) = @_;

	$server->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
}

# ---------------------------------------------------------------- formats

my $plain = "$dump_dir/plain.sql";
$node->command_ok([ 'pg_dump', '--no-sync', '-f', $plain, 'postgres' ], 'pg_dump, plain');
new_database($other, 'plain');
$other->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $plain, 'plain' ], 'psql restores it');
check_restored($other, 'plain', 'public', 'plain');

$node->command_ok([ 'pg_dump', '--no-sync', '-Fc', '-f', "$dump_dir/custom", 'postgres' ], 'pg_dump, custom');
new_database($other, 'custom');
$other->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'custom', "$dump_dir/custom" ], 'pg_restore restores it');
check_restored($other, 'custom', 'public', 'custom');

new_database($other, 'single');
$other->command_ok([ 'pg_restore', '--single-transaction', '-d', 'single', "$dump_dir/custom" ], 'and in one transaction');
check_restored($other, 'single', 'public', 'custom, one transaction');

$node->command_ok([ 'pg_dump', '--no-sync', '-Fd', '-j', '2', '-f', "$dump_dir/directory", 'postgres' ],
	'pg_dump, directory, two jobs');
new_database($other, 'directory');
$other->command_ok([ 'pg_restore', '--exit-on-error', '-j', '3', '-d', 'directory', "$dump_dir/directory" ],
	'pg_restore with three jobs');
check_restored($other, 'directory', 'public', 'directory, parallel');

new_database($node, 'same');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-j', '2', '-d', 'same', "$dump_dir/custom" ],
	'another database of the same server');
check_restored($node, 'same', 'public', 'same server');
is(all_answers($node, 'postgres', 'public'), $expected, 'the original is as it was');

# ---------------------------------------------------------------- sections

new_database($other, 'sections');
for my $section ('pre-data', 'data', 'post-data')
{
	my $file = "$dump_dir/$section.sql";

	$node->command_ok([ 'pg_dump', '--no-sync', "--section=$section", '-f', $file, 'postgres' ], "pg_dump --section=$section");
	$other->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, 'sections' ], "psql restores $section");
}
check_restored($other, 'sections', 'public', 'sections');

new_database($other, 'dump_sections');
$other->command_ok([ 'pg_restore', '--exit-on-error', "--section=$_", '-d', 'dump_sections', "$dump_dir/custom" ],
	"pg_restore --section=$_")
  for ('pre-data', 'data', 'post-data');
check_restored($other, 'dump_sections', 'public', 'pg_restore by sections');

# ---------------------------------------------------------------- another schema

new_database($node, 'elsewhere');
$node->safe_psql('elsewhere', q{CREATE SCHEMA "My Ext"; CREATE EXTENSION recseq SCHEMA "My Ext"});
$node->safe_psql('elsewhere', q{
	SET search_path = "My Ext", public;
	SELECT recseq_retailrocket('kit');
	SELECT recseq_sample_data('kit', 500, 100);
	SET recseq.progress = off;
	SELECT recseq_train('kit.training_sequences', epochs => 1);
});
my $elsewhere = answers($node, database => 'elsewhere', schema => 'My Ext');
my $counts = q{SELECT (SELECT count(*) FROM kit.events), (SELECT count(*) FROM kit.item_properties),
	(SELECT count(*) FROM kit.category_tree), (SELECT md5(string_agg(t::text, '' ORDER BY visitorid)) FROM kit.training_sequences t),
	(SELECT s FROM kit.sequence_length_bounds s), (SELECT s FROM kit.settings s)};
my $kit = $node->safe_psql('elsewhere', $counts);

$node->command_ok([ 'pg_dump', '--no-sync', '-Fc', '-f', "$dump_dir/elsewhere", 'elsewhere' ], 'pg_dump, extension in another schema');
new_database($other, 'elsewhere');
$other->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'elsewhere', "$dump_dir/elsewhere" ], 'pg_restore restores it');
is(answers($other, database => 'elsewhere', schema => 'My Ext'), $elsewhere, 'the model answers the same');
is($other->safe_psql('elsewhere', $counts), $kit, 'the Retailrocket kit is the same');
is($other->safe_psql('elsewhere', q{
	SET search_path = "My Ext";
	SET recseq.progress = off;
	SELECT version FROM recseq_train('kit.training_sequences', epochs => 1)}), '2', 'and trains');

# ---------------------------------------------------------------- pg_upgrade

my $upgraded = PostgreSQL::Test::Cluster->new('upgraded');
$upgraded->init;
my $bindir = $node->config_data('--bindir');
$node->stop;
# In a short directory: the path of its socket must fit.
my $work = PostgreSQL::Test::Utils::tempdir_short;
chdir $work or die "chdir: $!";
command_ok([ 'pg_upgrade', $upgraded->pg_version < 15 ? () : '--no-sync', '-d', $node->data_dir, '-D', $upgraded->data_dir, '-b', $bindir, '-B', $bindir,
	'-s', $work, '-p', $node->port, '-P', $upgraded->port ], 'pg_upgrade');
chdir $FindBin::RealBin or die "chdir: $!";
$upgraded->start;
check_restored($upgraded, 'postgres', 'public', 'pg_upgrade');

$upgraded->stop;
$other->stop;
done_testing();
