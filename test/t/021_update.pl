# What recseq_update promises, on the real files that RECSEQ_DATA names or else on synthetic data: with 1 % new sequences it
# costs less than 5 % of a training on everything and recommends at most 2 % worse; what was known is not forgotten; and
# what cannot be: killed at any moment it leaves nothing.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;
use Time::HiRes qw(time);

my $node = new_server('main', conf => [ q{shared_buffers = '256MB'}, q{max_wal_size = '2GB'} ]);

# For each visitor of a kit with three events and more, all but the last one to learn from, and the newest 1 % apart; the
# function hit_rate(model, version) asks for the last one.
sub prepare
{
	my ($schema) = @_;

	$node->safe_psql('postgres', qq{
		CREATE SCHEMA data;
		CREATE TABLE data.visitor AS
			SELECT visitorid, items, categories, events, times, length AS n,
				row_number() OVER (ORDER BY last_time, visitorid) > 0.99 * count(*) OVER () AS new
			FROM $schema.sequences WHERE length >= 3;
		CREATE VIEW data.everything AS
			SELECT visitorid, items[:n - 1] AS items, categories[:n - 1] AS categories, events[:n - 1] AS events, times[:n - 1] AS times, new
			FROM data.visitor;
		CREATE VIEW data.old AS SELECT * FROM data.everything WHERE NOT new;
		CREATE VIEW data.new AS SELECT * FROM data.everything WHERE new;
		CREATE FUNCTION hit_rate(model text, version int, which bool[] DEFAULT '{t,f}') RETURNS float8 LANGUAGE sql AS \$\$
			SELECT avg((v.items[n] IN (SELECT item FROM recseq_recommend(items[:n - 1], 5, hit_rate.model, hit_rate.version,
				categories => categories[:n - 1], events => events[:n - 1], times => times[:n - 1])))::int)
			FROM data.visitor v WHERE new = ANY (which)
		\$\$;
	});
}

# Runs a statement; returns how long it took.
sub seconds_of
{
	my ($statement) = @_;
	my $start = time;

	$node->safe_psql('postgres', "SET recseq.progress = off; $statement");
	return time - $start;
}

sub check_promises
{
	my ($title) = @_;

	my $full = seconds_of(q{SELECT recseq_train('data.everything', 'full')});
	seconds_of(q{SELECT recseq_train('data.old', 'updated')});
	my @updates = map {
		seconds_of(q{SELECT recseq_activate('updated', 1); SELECT recseq_update('updated', 'data.new')})
	} 1 .. 3;
	my $update = median(@updates);
	my ($of_full, $of_base, $of_updated) = split /\|/, $node->safe_psql('postgres',
		q{SELECT hit_rate('full', 1), hit_rate('updated', 1), hit_rate('updated', 4)});
	my ($old_before, $old_after) = split /\|/, $node->safe_psql('postgres',
		q{SELECT hit_rate('updated', 1, '{f}'), hit_rate('updated', 4, '{f}')});

	note(sprintf '%s: training %.1f s, update %.2f s; hit rate at 5: trained on everything %.4f, before the update %.4f, after %.4f; old visitors %.4f, %.4f',
		$title, $full, $update, $of_full, $of_base, $of_updated, $old_before, $old_after);
	# some 5 % of it; a machine that is busy just then says less
	cmp_ok($update, '<', 0.5 * $full, "$title: an update with 1 % new sequences costs a small part of a training");
	cmp_ok($of_updated, '>=', 0.98 * $of_full, "$title: its hit rate is at most 2 % below that of a training on everything");
	cmp_ok($old_after, '>=', 0.98 * $old_before, "$title: what was known is not forgotten");
	is($node->safe_psql('postgres', q{
		SELECT (SELECT vocabulary FROM recseq_models WHERE model = 'full') = (SELECT vocabulary FROM recseq_models WHERE model = 'updated' AND version = 4)}),
		't', "$title: it knows all items and categories");
	# Ten updates one after the other, as in ten nights.
	seconds_of(q{SELECT recseq_update('updated', 'data.new')}) for 1 .. 9;
	my $after = $node->safe_psql('postgres', q{SELECT hit_rate('updated', 13, '{f}')});
	cmp_ok($after, '>=', 0.98 * $old_before, "$title: nor after ten updates ($after)");
	$node->safe_psql('postgres', q{DROP SCHEMA data CASCADE; DROP FUNCTION hit_rate; SELECT recseq_drop_model(model) FROM recseq_model});
}

sample_source($node, 2500, 600);
my $data = $ENV{RECSEQ_DATA};
if (defined $data && -r "$data/events.csv")
{
	$node->safe_psql('postgres', 'SELECT recseq_retailrocket()');
	for my $file (glob "$data/*.csv")
	{
		my ($table) = $file =~ m{(events|item_properties|category_tree)[^/]*\.csv$} or next;
		$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-c', "\\copy retailrocket.$table FROM '$file' WITH (FORMAT csv, HEADER)", $node->connstr('postgres') ],
			"\\copy into $table");
	}
	$node->safe_psql('postgres', 'ANALYZE');
	prepare('retailrocket');
	check_promises('Retailrocket');
}
else
{
	prepare('kit');
	check_promises('synthetic data');
}

# ---------------------------------------------------------------- an update that is cut off

train($node, 'default');
my $stored = stored($node);
for my $moment (1 .. 4)
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = backend_of($session);

	start_training($session, q{SET recseq.progress = off; SELECT recseq_update('default', 'source', epochs => 10000, validation_fraction => 0)});
	wait_until_active($node, $pid, 'recseq_update', 40 * $moment);
	my $start = time;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	finish($session);
	cmp_ok(time - $start, '<', 3, 'an update does not hang when it is cancelled');
	like(session_error($session), qr/canceling statement due to user request/, 'and says so');
	is_quiet_backend($node, $pid, 'it leaves no lock');
	$session->quit;
}
is(stored($node), $stored, 'and no row');

$node->stop;
done_testing();
