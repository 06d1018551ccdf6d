# What a monitoring system reads: the queries for postgres_exporter, the text for Prometheus and the dashboard for Grafana are
# each beside recseq_openmetrics, so that a metric has one name everywhere. And what is counted is of all backends, and
# is gone with the server.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $app = "$FindBin::RealBin/../../app/monitoring";
my $node = new_server('monitored');
my $name = 'a "b" \\ c';

sample_source($node);
train($node, 'default');
train($node, $name);
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION recseq');

# ---------------------------------------------------------------- counting

my $ask = q{SELECT count(*) FROM recseq_recommend(ARRAY[1, 2, 3])};
my @sessions = map { $node->background_psql('postgres') } 1 .. 3;

for my $session (@sessions)
{
	is($session->query_safe($ask), '5', 'a session asks') for 1 .. 4;
}
is($node->safe_psql('postgres', q{SELECT calls, rows, hits, attaches, loads FROM pg_stat_recseq WHERE model = 'default'}), '12|60|9|2|1',
	'calls of all backends are counted; one has read the model, the others attached to it');
is($node->safe_psql('other', q{SELECT datname, model, version, calls FROM pg_stat_recseq}), 'postgres|||12', 'another database sees the counts, not the name');
$_->quit for @sessions;
$node->safe_psql('other', 'SELECT pg_stat_recseq_reset()');
is($node->safe_psql('postgres', q{SELECT calls FROM pg_stat_recseq}), '12', 'a reset is of its database');

# many at once: none is lost
my $script = PostgreSQL::Test::Utils::tempdir() . '/ask.sql';
append_to_file($script, "$ask;\n");
$node->safe_psql('postgres', 'SELECT pg_stat_recseq_reset()');
$node->command_ok([ 'pgbench', '-n', '-c', '8', '-j', '2', '-t', '200', '-f', $script, 'postgres' ], 'eight clients ask at the same time');
is($node->safe_psql('postgres', q{SELECT calls, rows, hits, attaches + loads FROM pg_stat_recseq WHERE model = 'default'}), '1600|8000|1592|8', 'each call is counted');

# ---------------------------------------------------------------- postgres_exporter

# namespace => { query, metrics => { column => usage } }
my (%queries, $namespace);
for my $line (split /\n/, slurp_file("$app/queries.yaml"))
{
	if ($line =~ /^(\w+):$/) { $namespace = $1; }
	elsif ($line =~ /^  query: "(.*)"$/) { $queries{$namespace}{query} = $1; }
	elsif ($line =~ /^    - (\w+): \{usage: "(\w+)", description: ".+"\}$/) { $queries{$namespace}{metrics}{$1} = $2; }
	elsif ($line !~ /^(#.*|  metrics:|)$/) { fail("queries.yaml: what is \"$line\"?"); }
}

$node->safe_psql('postgres', $ask);
my %samples;    # as the exporter would make them: name and labels => value
for my $namespace (sort keys %queries)
{
	my $query = $queries{$namespace};
	my $rows = decode_json($node->safe_psql('postgres', "SELECT json_agg(q) FROM ($query->{query}) q"));

	is(join(' ', sort keys %{ $query->{metrics} }), join(' ', sort keys %{ $rows->[0] }), "$namespace: every column has a usage");
	for my $row (@$rows)
	{
		my $labels = join ',', map { "$_=$row->{$_}" } sort grep { $query->{metrics}{$_} eq 'LABEL' } keys %$row;

		for my $column (grep { $query->{metrics}{$_} ne 'LABEL' } keys %$row)
		{
			$samples{"${namespace}_$column {$labels} " . lc $query->{metrics}{$column}} = $row->{$column} + 0;
		}
	}
}
my $view = decode_json($node->safe_psql('postgres', 'SELECT json_agg(m) FROM recseq_openmetrics m'));
my (%expected, %names);
for my $sample (@$view)
{
	my $labels = $sample->{labels};

	$expected{"$sample->{name} {" . join(',', map { "$_=$labels->{$_}" } sort keys %$labels) . "} $sample->{type}"} = $sample->{value} + 0;
	$names{ $sample->{name} }{labels} = join ' ', sort keys %$labels;
}
is(join("\n", sort keys %samples), join("\n", sort keys %expected), 'the exporter makes the samples of recseq_openmetrics');
is(scalar(grep { abs($samples{$_} - $expected{$_}) > 1e-6 * abs $expected{$_} } keys %expected), 0, 'with their values');

# ---------------------------------------------------------------- Prometheus

my $text = $node->safe_psql('postgres', slurp_file("$app/prometheus.sql"));
my $label = qr/[a-z]+="(?:[^"\\\n]|\\[\\"n])*"/;
my $lines = 0;
my %announced;
for my $line (split /\n/, $text)
{
	if ($line =~ /^# HELP (\w+) \S/ || $line =~ /^# TYPE (\w+) (counter|gauge)$/) { $announced{$1}++; }
	elsif ($line =~ /^(\w+)\{$label(?:,$label)*\} [-+0-9.e]+$/) { $lines += $announced{$1} == 2; }
	else { fail("no line for Prometheus: $line"); }
}
is($lines, scalar @$view, 'the text has all samples, each after its HELP and TYPE');
like($text, qr/model="a \\"b\\" \\\\ c"/, 'with labels quoted');

# ---------------------------------------------------------------- Grafana

my $dashboard = decode_json(slurp_file("$app/grafana.json"));
my %shown;
for my $expression (
	(map { $_->{expr} } map { @{ $_->{targets} } } @{ $dashboard->{panels} }),
	(map { $_->{query} } grep { $_->{type} eq 'query' } @{ $dashboard->{templating}{list} }))
{
	while ($expression =~ /\b(recseq_\w+)/g)
	{
		ok($names{$1}, "the dashboard's $1 is a metric");
		$shown{$1} = 1;
	}
	while ($expression =~ /\b(?:by|on) \(([^)]*)\)/g)
	{
		ok(!grep({ !/^(datname|model|version|state)$/ } split /, /, $1), "labels are labels: $1");
	}
}
is(join(' ', sort keys %shown), join(' ', sort keys %names), 'and it shows every metric');

# ---------------------------------------------------------------- the log

# What the log has of a job, by what operations.md says to look for.
sub log_of_job
{
	my ($job) = @_;

	return join "\n", map { s/ after [\d.]+ s$/ after SECONDS s/r } slurp_file($node->logfile) =~ /LOG:  (recseq job $job: .*)/g;
}

sub run_job
{
	my ($call, $state) = @_;
	my $job = $node->safe_psql('postgres', "SET client_min_messages = error; SELECT $call");

	is($node->safe_psql('postgres', "SELECT recseq_wait($job)"), $state, "a job is $state");
	return $job;
}

my $role = $node->safe_psql('postgres', 'SELECT current_user');
my $job = run_job(q{recseq_train_async('source', 'shop', epochs => 1, ranker => false)}, 'done');
is(log_of_job($job), qq{recseq job $job: trains model "shop" on public.source as "$role"
recseq job $job: done, version 1 of model "shop" after SECONDS s}, 'the log says what it did');
$node->safe_psql('postgres', 'CREATE VIEW broken AS SELECT ARRAY[1 / (random() * 0)::int] AS items');
$job = run_job(q{recseq_train_async('broken', 'shop')}, 'failed');
is(log_of_job($job), qq{recseq job $job: trains model "shop" on public.broken as "$role"
recseq job $job: failed, SQLSTATE 22012}, 'and why it ended');

# ---------------------------------------------------------------- a start

$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_recseq'), '0', 'counting begins with the server');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'recseq'");
$node->restart;
$node->safe_psql('postgres', $ask);
is($node->safe_psql('postgres', 'SELECT model, calls, loads FROM pg_stat_recseq'), 'default|1|1', 'preloaded, it is the same');

done_testing();
