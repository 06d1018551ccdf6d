# Every function of the extension, and of the kit that it makes, is called with values at the edges of their types: nulls, empty
# arrays, other bounds and dimensions, the largest numbers, NaN and infinities, long texts, relations that are none; and with random
# ones: numbers of every magnitude, texts and bytes of anything, options of the right names and wrong types. Whatever the answer is, no process crashes, and no error is one that "cannot happen" (class XX) or says nothing.
#
# RECSEQ_CALLS says how many calls, RECSEQ_SEED which: the same seed makes the same calls, as far as the catalog is the same.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

use constant CALLS => $ENV{RECSEQ_CALLS} || 3000;
use constant SEED => $ENV{RECSEQ_SEED} || 1;
use constant IN_ONE_SESSION => 250;

my $node = new_server('main', conf => [ 'recseq.max_jobs = 1', "recseq.cache_size = '4MB'", 'max_locks_per_transaction = 200' ]);
sample_source($node, 150, 60);
$node->safe_psql('postgres', q{
	SET recseq.progress = off;
	CREATE TABLE texts AS SELECT visitorid::text AS id, items::text[] AS items FROM source;
	CREATE TABLE bigs AS SELECT items::bigint[], times FROM source;
	CREATE TABLE nothing (items int[], categories int[], times timestamptz[]);
	CREATE TABLE odd (id text, items int[], categories int[], times timestamptz[]);
	INSERT INTO odd VALUES (NULL, NULL, NULL, NULL), ('', '{}', '{}', '{}'), ('a', '{1,NULL,2}', '{1,1,1}', NULL), ('b', '[5:7]={1,2,3}', '{1,2,3}', NULL),
		('c', '{{1,2},{3,4}}', NULL, NULL), ('d', '{2147483647,-2147483648,0}', '{NULL,NULL,NULL}', ARRAY[timestamptz 'infinity', '-infinity', NULL]);
	CREATE TABLE infinite AS SELECT items, array_fill(timestamptz 'infinity', ARRAY[cardinality(items)]) AS times FROM source;
	CREATE TABLE parts (items int[]) PARTITION BY LIST (items);
	CREATE VIEW viewed AS SELECT items, categories FROM source;
	CREATE MATERIALIZED VIEW kept AS SELECT items FROM source;
	CREATE VIEW divides AS SELECT items, 1 / 0 AS id FROM source;
	CREATE SEQUENCE counter;
	CREATE TYPE composite AS (items int[]);
	CREATE INDEX an_index ON source (visitorid);
	SELECT recseq_train('source', epochs => 1, units => 4, item_dim => 4);
	SELECT recseq_train('source', epochs => 1, units => 4, item_dim => 4, ranker => false);
	SELECT recseq_train('texts', 'texts', epochs => 1, units => 4, item_dim => 4);
	CREATE TABLE exported AS SELECT recseq_export_model('default') AS data;
});

# ---------------------------------------------------------------- values: of each type, those that mostly make sense come first

my %sensible = map { $_->[0] => $_->[1] } (
	[ regclass => [ q{'source'}, q{'texts'}, q{'viewed'}, q{'bigs'} ] ],
	[ text => [ q{'default'}, q{'texts'} ] ],
	[ int2 => [ 1, 5 ] ], [ int4 => [ 1, 2, 5 ] ], [ int8 => [ 1, 2, 5 ] ], [ float4 => [ 0.1, 0.5 ] ], [ float8 => [ 0.1, 0.5 ] ],
	[ bool => [ 'true', 'false' ] ],
	[ name => [ q{'kit'}, q{'more'} ] ],
	[ jsonb => [ q('{"epochs": 1, "units": 4}'), q('{"epochs": 1, "ranker": false}'), q('{}') ] ],
	[ interval => [ q{'1 ms'}, q{'1 s'} ] ],
	[ timestamptz => [ q{'2026-01-01 UTC'} ] ],
	[ bytea => [ '(SELECT data FROM exported)' ] ],
	# and by the name of an argument
	[ loss => [ q{'softmax'}, q{'sampled_softmax'}, q{'bpr_max'} ] ], [ activate => [ q{'always'}, q{'if_better'}, q{'never'} ] ],
	[ protocol => [ q{'temporal'}, q{'random_windows'}, q{'leave_one_out'} ] ], [ features => [ q{'{}'}, q{'{categories}'} ] ],
	[ categories => ['NULL'] ], [ events => ['NULL'] ], [ times => ['NULL'] ], [ version => [ 'NULL', 1, 2 ] ],
	[ schema => [ q{'kit'}, q{'more'} ] ]);

my %edges = (
	regclass => [ 'NULL', q{'nothing'}, q{'odd'}, q{'infinite'}, q{'parts'}, q{'kept'}, q{'divides'}, q{'counter'}, q{'composite'}, q{'an_index'}, q{'pg_class'},
		q{'pg_toast.pg_toast_1255'}, q{'recseq_chunk'}, q{'recseq_models'}, q{'exported'}, '0', '4294967295', '999999' ],
	text => [ 'NULL', q{''}, q{' '}, q{'no such'}, q{repeat('x', 100000)}, q{repeat('ä', 63)}, q{E'\n\t\\x01'}, q{'"; DROP TABLE source; --'}, q{'%s%n'},
		q{'always'}, q{'never'}, q{'sampled_softmax'}, q{'bpr_max'} ],
	int2 => [ 'NULL', 0, -1, 32767, -32768 ],
	int4 => [ 'NULL', 0, -1, 3, 28, 1000, 65537, 2147483647, -2147483648 ],
	int8 => [ 'NULL', 0, -1, 1000, '9223372036854775807', '-9223372036854775808' ],
	float4 => [ 'NULL', 0, 1, -1, q{'NaN'}, q{'Infinity'}, q{'-Infinity'}, '1e-45', '3.4e38' ],
	float8 => [ 'NULL', 0, 1, -1, q{'NaN'}, q{'Infinity'}, q{'-Infinity'}, '1e-320', '1.7e308' ],
	bool => ['NULL'],
	name => [ 'NULL', q{''}, q{'no schema'}, q{'pg_catalog'}, q{'public'}, q{'pg_new'}, q{repeat('x', 70)}, q{'$body$ "'} ],
	jsonb => [ 'NULL', q{'[]'}, q{'null'}, q{'1'}, q{'"x"'}, q('{"units": 4}'), q('{"units": "x"}'), q('{"units": 1e400}'),
		q('{"units": null, "epochs": [1]}'), q('{"epochs": 1, "epochs": 2}'), q('{"no such": 1}'), q('{"features": ["categories"], "epochs": 1}'),
		q('{"learning_rate": -1e-400, "epochs": 1}'), q('{"batch_size": 0.5}'), q(jsonb_build_object(repeat('x', 10000), 1)) ],
	interval => [ 'NULL', q{'0'}, q{'-1 s'}, q{'-178000000 years'}, q{'178000000 years'}, q{'1 month -30 days'} ],
	timestamptz => [ 'NULL', q{'infinity'}, q{'-infinity'}, q{'4713-01-01 BC'}, q{'294276-12-31'}, q{'1970-01-01'} ],
	bytea => [ 'NULL', q{''}, q{'\\x00'}, '(SELECT substr(data, 1, 100) FROM exported)', q{(SELECT data || '\\x00' FROM exported)},
		'(SELECT set_byte(data, 40, 255) FROM exported)', '(SELECT set_byte(data, length(data) - 3, get_byte(data, length(data) - 3) # 1) FROM exported)' ]);

sub one_of { return $_[ rand @_ ]; }

# Any value of a type, as SQL; undef where it has no other values than those above.
sub random_integer
{
	my ($bits) = @_;
	my $magnitude = int(rand $bits);
	my $value = int(2**$magnitude * (1 + rand));

	$value = 2**53 if $value > 2**53;
	return sprintf '%s%.0f', one_of('', '-'), $value < 2**$bits ? $value : 2**$bits - 1;
}

sub random_text
{
	my $length = int(2**rand 9);

	return q{E'} . join('', map { sprintf '\\u%04X', one_of(1 + rand 126, 128 + rand 1920, 0x4e00 + rand 20000) } 1 .. $length) . q{'};
}

my @option_names;

sub random_options
{
	my @pairs = map
	{
		my $value = one_of(random_integer(31), sprintf('%g', 10**(rand(40) - 20)), 'true', 'null', '"softmax"', '[]', '["categories"]', '{}', '"x"');

		sprintf q("%s": %s), one_of(@option_names, 'no such'), $value;
	} 1 .. 1 + rand 4;

	return q('{"epochs": 1, "units": 4, ) . join(', ', @pairs) . q(}');
}

my %random = (
	int2 => sub { random_integer(15) }, int4 => sub { random_integer(31) }, int8 => sub { random_integer(63) },
	float4 => sub { sprintf '%s%.9g', one_of('', '-'), 10**(rand(80) - 42) }, float8 => sub { sprintf '%s%.17g', one_of('', '-'), 10**(rand(600) - 300) },
	text => \&random_text,
	bytea => sub { q{'\x} . join('', map { sprintf '%02x', rand 256 } 1 .. 2**rand 10) . q{'} },
	jsonb => \&random_options,
	interval => sub { q{'} . random_integer(31) . ' ' . one_of('us', 's', 'days', 'months') . q{'} },
	timestamptz => sub { 'to_timestamp(' . random_integer(37) . ')' });

# A value of a type as SQL, mostly at the edge by the share $wild.
sub value
{
	my ($type, $wild, $name) = @_;
	my $pool = $sensible{ $name // '' };

	if (rand() < $wild || !$pool)
	{
		return array_of($1, $wild) if $type =~ /^_(.*)/;
		return '(' . $random{$type}->() . ")::$type" if $random{$type} && rand() < 0.4;
		$pool = rand() < $wild ? $edges{$type} : $sensible{$type};
	}
	return 'NULL' unless $pool;
	return '(' . one_of(@$pool) . ")::$type";
}

sub array_of
{
	my ($type, $wild) = @_;
	my @elements = map { value($type, $wild / 3) } 1 .. 1 + rand 6;
	my $array = 'ARRAY[' . join(', ', @elements) . "]::$type\[]";

	return $array if rand() >= $wild;
	return one_of("NULL::$type\[]", "'{}'::$type\[]", "'{NULL}'::$type\[]", "ARRAY[$array, $array]",
		"array_fill($elements[0], ARRAY[3], ARRAY[5])", "array_fill($elements[0], ARRAY[2], ARRAY[-2147483648])", "array_fill($elements[0], ARRAY[2, 2, 2])",
		"array_fill($elements[0], ARRAY[20000])", rand() < 0.1 ? "array_fill($elements[0], ARRAY[3000000])" : "'{}'::$type\[]", "ARRAY['categories', 'times']::text[]::$type\[]");
}

# ---------------------------------------------------------------- functions

# Names and types of the arguments, and how many must be given.
my @functions;
for my $line (split /\n/, $node->safe_psql('postgres', q{
	SELECT p.pronamespace::regnamespace || '.' || quote_ident(p.proname), p.pronargs - p.pronargdefaults, p.proretset,
		(SELECT string_agg(coalesce(quote_ident(p.proargnames[o]), '') || ':' || t.typname, ',' ORDER BY o) FROM unnest(p.proargtypes) WITH ORDINALITY a (type, o)
		 JOIN pg_type t ON t.oid = a.type)
	FROM pg_proc p
	WHERE p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype AND (p.pronamespace = 'kit'::regnamespace
		OR EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
			WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'recseq'))
	ORDER BY 1, p.oid}))
{
	my ($name, $required, undef, $arguments) = split /\|/, $line;

	push @functions, { name => $name, required => $required, arguments => [ map { [ split /:/ ] } split /,/, $arguments || '' ] };
}
@option_names = grep { /^\w+$/ } map { $_->[0] } map { @{ $_->{arguments} } } grep { $_->{name} =~ /recseq_train$/ } @functions;
cmp_ok(scalar(@option_names), '>', 30, scalar(@option_names) . ' options of recseq_train are known');
cmp_ok(scalar(@functions), '>', 30, scalar(@functions) . ' functions are called');

sub call
{
	my ($function) = @_;
	my $wild = one_of(0.05, 0.2, 0.5, 1);
	my (@given, $i);

	for my $argument (@{ $function->{arguments} })
	{
		my ($name, $type) = @$argument;

		next if $i++ >= $function->{required} && rand() < 0.6;
		push @given, ($i > $function->{required} ? "$name => " : '') . value($type, $wild, $name);
	}
	my $list = join(', ', @given);
	# a training that anybody would wait for ends by statement_timeout
	return "SELECT count(f::text) FROM $function->{name}($list) f";
}

# ---------------------------------------------------------------- calls

my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my (%states, @odd, $called);
srand(SEED);
for (my $left = CALLS; $left > 0; $left -= IN_ONE_SESSION)
{
	my $script = "\\set VERBOSITY verbose\nSET statement_timeout = 150;\nSET recseq.progress = off;\n";
	my ($output, $errors) = ('', '');

	for (1 .. ($left < IN_ONE_SESSION ? $left : IN_ONE_SESSION))
	{
		my $function = one_of(@functions);
		# few calls leave something behind, and none takes away what others are about
		my $end = rand() < 0.1 && $function->{name} !~ /drop|retain/ ? 'COMMIT' : 'ROLLBACK';

		$script .= 'BEGIN; ' . (call($function) =~ s/\n/ /gr) . "; $end;\n";
		$called++;
	}
	# dies where psql has left before it has read all
	eval { IPC::Run::run([ 'psql', '-X', '-A', '-t', '-q', '--echo-errors', '-d', $node->connstr('postgres') ], '<', \$script, '>', \$output, '2>', \$errors) };
	if ($errors =~ /(server closed the connection|connection to server was lost|FATAL: .*)/)
	{
		push @odd, "the session broke off: $1, after\n" . substr($errors, -2000);
		last;
	}
	while ($errors =~ /ERROR:  (\w{5}): *([^\n]*)(.*?)(?=\n(?:psql:[^\n]*)?ERROR:|\z)/gs)
	{
		my ($state, $message, $rest) = ($1, $2, $3);
		my ($statement) = $rest =~ /STATEMENT:  ([^\n]*)/;

		$states{$state}++;
		push @odd, sprintf("%s: %s: %.600s", $state, $message, $statement || '') if $state =~ /^XX/ || $message !~ /\w/;
	}
}
diag(sprintf '%d calls, seed %d; errors by SQLSTATE: %s', $called, SEED, join(', ', map { "$_ $states{$_}" } sort keys %states));
is(join("\n", @odd), '', 'no call crashes, raises what cannot happen, or fails without a message');
cmp_ok(scalar(keys %states), '>', 5, 'errors were of several kinds');
my ($died) = slurp_file($node->logfile) =~ /((?:TRAP|PANIC|server process|background worker)[^\n]*(?:terminated by signal|exit code|TRAP|PANIC)?[^\n]*\n?[^\n]*running:[^\n]*)/;
is($died, undef, 'no process has died');
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server is the one that was started');
is($node->safe_psql('postgres', q{SELECT count(*) FROM recseq_recommend(ARRAY[1, 2, 3])}), 5, 'and answers');

$node->stop;
done_testing();
