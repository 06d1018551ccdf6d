# Events on four nodes: the coordinator trains on sequences that the nodes aggregate (postgres_fdw), the models go to the nodes by logical
# replication, and each node answers for the visitors that it has (PL/Proxy): for one visitor, and for all of them in a nightly
# batch. All of it gives the same rows as one server that has everything.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use List::Util qw(sum);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

use constant NODES => 4;

my $coordinator = new_server('coordinator', init => { allows_streaming => 'logical' });
my $available = $coordinator->safe_psql('postgres',
	q{SELECT string_agg(name, ' ' ORDER BY name) FROM pg_available_extensions WHERE name IN ('plproxy', 'postgres_fdw')});

plan skip_all => 'postgres_fdw is not installed' unless $available =~ /postgres_fdw/;

my @nodes = map { new_server("node$_", init => { allows_streaming => 'logical' }) } 0 .. NODES - 1;

sub ask { return $coordinator->safe_psql('postgres', "SET recseq.progress = off; $_[0]"); }

# ---------------------------------------------------------------- events, by visitor, and what the nodes make of them

my $histories = q{SELECT visitorid, array_agg(itemid ORDER BY "time", itemid) AS items, array_agg(category ORDER BY "time", itemid) AS categories,
	array_agg("time" ORDER BY "time", itemid) AS times FROM %s GROUP BY visitorid HAVING count(*) BETWEEN 3 AND 28};
my $columns = 'visitorid int, itemid int, category int, "time" timestamptz';

for my $node (@nodes)
{
	$node->safe_psql('postgres', "CREATE TABLE events ($columns); CREATE INDEX ON events (visitorid); CREATE VIEW histories AS " . sprintf $histories, 'events');
}
ask("CREATE EXTENSION postgres_fdw; CREATE TABLE events ($columns) PARTITION BY HASH (visitorid);
	CREATE TABLE histories (visitorid int, items int[], categories int[], times timestamptz[]) PARTITION BY HASH (visitorid)");
for my $n (0 .. NODES - 1)
{
	my $server = sprintf q{host '%s', port '%s', dbname 'postgres'}, $nodes[$n]->host, $nodes[$n]->port;

	ask("CREATE SERVER node$n FOREIGN DATA WRAPPER postgres_fdw OPTIONS ($server, async_capable 'true', fetch_size '1000', batch_size '1000');
		CREATE USER MAPPING FOR CURRENT_USER SERVER node$n;
		CREATE FOREIGN TABLE events_$n PARTITION OF events FOR VALUES WITH (MODULUS @{[NODES]}, REMAINDER $n) SERVER node$n OPTIONS (table_name 'events');
		CREATE FOREIGN TABLE histories_$n PARTITION OF histories FOR VALUES WITH (MODULUS @{[NODES]}, REMAINDER $n) SERVER node$n OPTIONS (table_name 'histories')");
}
ask(q{SELECT recseq_retailrocket('kit'); SELECT recseq_sample_data('kit', 1500, 400);
	CREATE TABLE all_events AS SELECT i.visitorid, i.itemid, c.category, i."time" FROM kit.interactions i LEFT JOIN kit.item_categories c USING (itemid);
	INSERT INTO events SELECT * FROM all_events});
ask('CREATE VIEW all_histories AS ' . sprintf $histories, 'all_events');
my @counts = map { $_->safe_psql('postgres', 'SELECT count(*) FROM events') } @nodes;
is(sum(@counts), ask('SELECT count(*) FROM all_events'), 'the events are on the nodes');
ok(!grep({ $_ == 0 } @counts), 'on each of them');

my $plan = ask('EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM histories');
note $plan;
is(() = $plan =~ /Async Foreign Scan/g, NODES, 'the nodes are read at the same time');
unlike($plan, qr/Aggregate/, 'and aggregate by themselves');
my $bytes = q{SELECT sum(pg_column_size(t.*)) FROM %s t};
note sprintf 'sequences: %s rows, %s bytes; their events: %s rows, %s bytes', ask('SELECT count(*) FROM histories'), ask(sprintf $bytes, 'histories'),
	ask('SELECT count(*) FROM all_events'), ask(sprintf $bytes, 'all_events');

# ---------------------------------------------------------------- training

my $train = q{SELECT version FROM recseq_train('%s', '%s', epochs => 2, units => 16, item_dim => 16)};
ask(sprintf $train, 'all_histories', 'one');
ask(sprintf $train, 'histories', 'default');
my $weights = q{SELECT md5(string_agg(data, '' ORDER BY chunk)) FROM recseq_chunk WHERE id = (SELECT active_id FROM recseq_model WHERE model = '%s')};
is(ask(sprintf $weights, 'default'), ask(sprintf $weights, 'one'), 'a training on the nodes gives the weights of a training on one, byte for byte');

# ---------------------------------------------------------------- models to the nodes

ask('CREATE PUBLICATION models FOR TABLE recseq_model, recseq_version, recseq_chunk');
$nodes[$_]->safe_psql('postgres', sprintf q{CREATE SUBSCRIPTION models_%d CONNECTION '%s dbname=postgres' PUBLICATION models}, $_, $coordinator->connstr)
	for 0 .. NODES - 1;

sub synchronize
{
	for my $n (0 .. NODES - 1)
	{
		$nodes[$n]->poll_query_until('postgres', q{SELECT bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel}) or die;
		$coordinator->wait_for_catchup("models_$n");
	}
}

synchronize();
is(answers($_), answers($coordinator), $_->name . ' answers as the coordinator') for @nodes;
ask(sprintf $train, 'histories', 'default');
synchronize();
is($_->safe_psql('postgres', q{SELECT version FROM recseq_models WHERE model = 'default' AND active}), '2', $_->name . ' has what was trained since') for @nodes;

# ---------------------------------------------------------------- scoring where the data is

SKIP:
{
	skip 'PL/Proxy is not installed', 5 unless $available =~ /plproxy/;
	my $partitions = join ', ', map { sprintf q{p%d 'host=%s port=%s dbname=postgres'}, $_, $nodes[$_]->host, $nodes[$_]->port } 0 .. NODES - 1;
	my $signatures = 'TABLE (visitorid text, rank int, item int, score real, reason text)';

	for my $node (@nodes)
	{
		$node->safe_psql('postgres', "CREATE FUNCTION recommend_visitor(visitor int, k int) RETURNS $signatures LANGUAGE sql STABLE AS
			'SELECT visitor::text, r.rank, r.item, r.score, r.reason FROM histories h, LATERAL recseq_recommend(h.items, k, ''default'', categories => h.categories, times => h.times) r WHERE h.visitorid = visitor';
			CREATE FUNCTION recommend_all(k int) RETURNS $signatures LANGUAGE sql STABLE AS
			'SELECT id, rank, item::int, score, reason FROM recseq_recommend_batch(''histories'', k, ''default'')'");
	}
	ask("CREATE EXTENSION plproxy;
		CREATE SERVER nodes FOREIGN DATA WRAPPER plproxy OPTIONS ($partitions);
		CREATE USER MAPPING FOR CURRENT_USER SERVER nodes;
		CREATE FUNCTION node_of(visitor int) RETURNS int LANGUAGE sql STABLE AS
			'SELECT n FROM generate_series(0, @{[NODES - 1]}) n WHERE satisfies_hash_partition(''events''::regclass, @{[NODES]}, n, visitor)';
		CREATE FUNCTION recommend_visitor(visitor int, k int) RETURNS $signatures LANGUAGE plproxy AS
			'CLUSTER ''nodes''; RUN ON node_of(visitor);';
		CREATE FUNCTION recommend_all(k int) RETURNS $signatures LANGUAGE plproxy AS 'CLUSTER ''nodes''; RUN ON ALL;'");

	my $visitors = '(SELECT visitorid FROM all_histories ORDER BY visitorid LIMIT 200) v';
	my $digest = q{count(*) || ' ' || md5(string_agg(concat_ws('|', r.visitorid, rank, item, score, reason), ',' ORDER BY r.visitorid::int, rank))};

	is(ask("SELECT $digest FROM $visitors, LATERAL recommend_visitor(v.visitorid, 5) r"),
		ask("SELECT $digest FROM (SELECT h.visitorid, r.* FROM $visitors JOIN all_histories h USING (visitorid),
			LATERAL recseq_recommend(h.items, 5, 'default', categories => h.categories, times => h.times) r) r"),
		'RUN ON the node of a visitor: the rows of one server');
	is(ask('SELECT count(*) FROM recommend_visitor(-1, 5)'), '0', 'no rows for a visitor that there is not');

	# the rows of a batch go through the network together, other ones on each node: the last bits of scores may differ
	ask("CREATE TABLE nightly AS SELECT * FROM recommend_all(5);
		CREATE TABLE nightly_of_one AS SELECT id AS visitorid, rank, item::int, score, reason FROM recseq_recommend_batch('all_histories', 5, 'default')");
	is(ask('SELECT count(*) FROM nightly'), ask('SELECT count(*) FROM nightly_of_one'), 'RUN ON ALL: as many rows as of one server');
	is(ask('SELECT count(*) FROM nightly JOIN nightly_of_one USING (visitorid, rank, item, reason)'), ask('SELECT count(*) FROM nightly'), 'the same rows');
	cmp_ok(ask('SELECT max(abs(a.score - b.score)) FROM nightly a JOIN nightly_of_one b USING (visitorid, rank)'), '<', 1e-5, 'with the same scores');
}

done_testing();
