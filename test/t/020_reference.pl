# docs/reference.md against the catalog, both ways: every function, view, table and setting has an entry and every entry is of
# one that exists; signatures, types, defaults, columns and ranges are the true ones; every example runs, those of docs/bi.md too.
#
# For an entry that is missing or wrong the diagnostics show what the catalog says, in the form of the page: fill in the rest.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my $docs = "$FindBin::RealBin/../../docs";
my $kit = 'retailrocket';

# An entry, whether of the page or of the catalog:
#   signatures  of a function, one a form
#   tables      { argument | column | type => [rows of cells, without what is said in words] }; "type" is that of a setting
#   comment     what the catalog says of it
#   errors      of the page: the names of conditions
#   examples    of the page

# ---------------------------------------------------------------- the page

# The cells of a table's line, without code marks.
sub cells
{
	my ($line) = @_;

	$line =~ s/^\|\s*|\s*\|\s*$//g;
	return map { s/`//gr =~ s/^\s+|\s+$//gr } split /(?<!\\)\|/, $line, -1;
}

my %known_cells = (argument => 3, column => 2, type => 4);

sub read_page
{
	my ($text) = @_;
	my (%entries, @order, $entry, $kind, $table, $fence);

	for my $line (split /\n/, $text)
	{
		if (defined $fence)
		{
			if ($line eq '```') { undef $fence; }
			elsif ($fence eq 'sql') { $entry->{examples}[-1] .= "$line\n"; }
			elsif ($line =~ /^\s/) { $entry->{signatures}[-1] .= " $line"; }
			else { push @{ $entry->{signatures} }, $line; }
		}
		elsif ($line =~ /^### `?([\w.]+)`?$/)
		{
			$entry = $entries{$1} = { name => $1, examples => [], tables => {} };
			push @order, $entry;
		}
		elsif ($line =~ /^##? /)
		{
			$entry = { name => $line, examples => [], tables => {} };
			push @order, $entry;
		}
		elsif ($line =~ /^```(.*)/)
		{
			$fence = $1;
			push @{ $entry->{examples} }, '' if $fence eq 'sql';
		}
		elsif ($line =~ /^\| (argument|column|type) \|/)
		{
			$kind = $1;
			$table = $entry->{tables}{$kind} = [];
		}
		elsif ($line =~ /^\|[-|]+$/) { }
		elsif ($line =~ /^\|/ && $table)
		{
			my @cells = cells($line);
			my $known = $known_cells{$kind};
			push @$table, [ @cells[ 0 .. $known - 1 ] ];
			$entry->{meanings}{ $cells[0] } = $cells[$known] if $kind eq 'column';
			$entry->{unexplained} = $cells[0] if $kind ne 'type' && ($cells[$known] // '') eq '';
		}
		else
		{
			undef $table;
			$entry->{errors} ||= [] if $line =~ /^Errors:/;
			push @{ $entry->{errors} }, $1 if $entry->{errors} && $line =~ /^(?:- |Errors: )`(\w+)`:/;
		}
	}
	return (\%entries, \@order);
}

# ---------------------------------------------------------------- the catalog

# As people write them.
sub plain
{
	my ($type) = @_;

	$type =~ s/timestamp with time zone/timestamptz/g;
	$type =~ s/::[a-z ]+(\[\])?//g;
	return join ' ', split ' ', $type;
}

# A session knows the settings once recseq is loaded.
sub rows { return @{ decode_json($_[0]->safe_psql('postgres', "LOAD 'recseq'; SELECT coalesce(json_agg(q), '[]') FROM ($_[1]) q")) }; }

my $member_of_kit_or_extension = sub {
	my ($catalog, $schema, $oid) = @_;
	return qq{($schema = '$kit'::regnamespace OR EXISTS (
		SELECT FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
		WHERE e.extname = 'recseq' AND d.classid = '$catalog'::regclass AND d.objid = $oid AND d.deptype = 'e'))};
};

# Joins the types that one argument or column has in the forms of a function; other cells are those of the first form.
sub merge_rows
{
	my ($into, @rows) = @_;

	for my $row (@rows)
	{
		my ($known) = grep { $_->[0] eq $row->[0] } @$into;
		if (!$known) { push @$into, [@$row]; }
		else { $known->[1] .= ", $row->[1]" unless grep { $_ eq $row->[1] } split /, /, $known->[1]; }
	}
}

sub read_catalog
{
	my ($node) = @_;
	my %entries;

	for my $function (rows($node, q{
		SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
			obj_description(p.oid, 'pg_proc') AS comment,
			(SELECT coalesce(json_agg(json_build_array(a.name, format_type(a.type, NULL), coalesce(pg_get_function_arg_default(p.oid, a.n::int), ''))
				ORDER BY a.n), '[]')
			 FROM unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) WITH ORDINALITY AS a(name, type, n) WHERE a.type IS NOT NULL) AS inputs,
			(SELECT coalesce(json_agg(json_build_array(a.name, format_type(a.type, NULL)) ORDER BY a.n), '[]')
			 FROM unnest(p.proargnames, p.proallargtypes, p.proargmodes) WITH ORDINALITY AS a(name, type, mode, n) WHERE a.mode IN ('t', 'o')) AS outputs
		FROM pg_proc p
		WHERE p.prorettype <> 'trigger'::regtype AND } . $member_of_kit_or_extension->('pg_proc', 'p.pronamespace', 'p.oid') . q{
		ORDER BY p.proname, p.oid}))
	{
		my $entry = $entries{ $function->{name} } ||= { name => $function->{name}, kind => 'function', tables => {}, comment => $function->{comment} };
		my $arguments = $function->{arguments} =~ s/(, )?OUT .*//r;
		my $result = $function->{result} =~ s/^TABLE\(.*/rows/r =~ s/^record$/a row/r;
		push @{ $entry->{signatures} }, plain("$function->{name}($arguments) returns $result");
		merge_rows($entry->{tables}{argument} ||= [], map { [ map { plain($_) } @$_ ] } @{ $function->{inputs} });
		merge_rows($entry->{tables}{column} ||= [], map { [ map { plain($_) } @$_ ] } @{ $function->{outputs} });
	}

	for my $relation (rows($node, q{
		SELECT c.relname AS name, coalesce(obj_description(c.oid, 'pg_class'), obj_description(c.reltype, 'pg_type')) AS comment,
			(SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)) ORDER BY a.attnum)
			 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
		FROM pg_class c
		WHERE c.relkind IN ('r', 'v', 'm', 'p') AND } . $member_of_kit_or_extension->('pg_class', 'c.relnamespace', 'c.oid') . q{
			OR c.relkind = 'c' AND } . $member_of_kit_or_extension->('pg_type', 'c.relnamespace', 'c.reltype')))
	{
		$entries{ $relation->{name} } = { name => $relation->{name}, kind => 'relation', comment => $relation->{comment},
			tables => { column => [ map { [ map { plain($_) } @$_[ 0, 1 ] ] } @{ $relation->{columns} } ] },
			meanings => { map { ($_->[0] => $_->[2]) } @{ $relation->{columns} } } };
	}

	for my $setting (rows($node, q{
		SELECT name, short_desc || coalesce(' ' || extra_desc, '') AS comment,
			vartype || coalesce(', ' || unit, '') AS type, current_setting(name) AS value,
			CASE WHEN enumvals IS NOT NULL THEN array_to_string(enumvals, ', ') WHEN vartype IN ('integer', 'real') THEN min_val || '..' || max_val ELSE '' END AS range,
			CASE context WHEN 'user' THEN 'anyone' ELSE context END AS who
		FROM pg_settings WHERE name LIKE 'recseq.%'}))
	{
		$entries{ $setting->{name} } = { name => $setting->{name}, kind => 'setting', comment => $setting->{comment},
			tables => { type => [ [ @$setting{qw(type value range who)} ] ] } };
	}
	return \%entries;
}

# ---------------------------------------------------------------- comparing

my %head = (argument => '| argument | type | default | |', column => '| column | type | |', type => '| type | default | range | who may set it |');

sub lines_of_tables
{
	my ($entry) = @_;
	my @lines;

	for my $kind (qw(argument column type))
	{
		my $rows = $entry->{tables}{$kind} or next;
		@$rows or next;
		push @lines, '', $head{$kind}, '|' . '---|' x (() = $head{$kind} =~ / \|/g);
		for my $row (@$rows)
		{
			my @cells = map { $_ eq '' ? '' : join(', ', map { "`$_`" } $kind eq 'type' ? $_ : split /, /) } @$row;
			push @cells, $entry->{meanings}{ $row->[0] } // '' if $kind ne 'type';
			push @lines, '| ' . join(' | ', @cells) . ' |';
		}
	}
	return @lines;
}

# What the catalog says of something, in the form of the page.
sub skeleton
{
	my ($entry) = @_;
	my @lines = ("### $entry->{name}", '', $entry->{comment} // '');

	push @lines, '', '```', @{ $entry->{signatures} }, '```' if $entry->{signatures};
	push @lines, lines_of_tables($entry);
	push @lines, '', 'Errors:' if $entry->{kind} eq 'function';
	push @lines, '', '```sql', '```';
	return join("\n", @lines);
}

my $node = new_server('main', conf => [ 'max_worker_processes = 16', q{shared_preload_libraries = ''} ]);
my ($entries, $order) = read_page(slurp_file("$docs/reference.md"));
my (undef, $on_reports) = read_page(slurp_file("$docs/bi.md"));

# The page's own examples make what the others need: the kit, sample data, a model; and what docs/bi.md asks for.
for my $entry (@$order, @$on_reports)
{
	for my $example (@{ $entry->{examples} })
	{
		my ($status, $output, $errors) = $node->psql('postgres', $example, on_error_stop => 1);
		is($status, 0, "$entry->{name}: the example runs") or diag("$example\n$errors");
	}
}

my $catalog = read_catalog($node);

for my $name (sort keys %$catalog)
{
	my $true = $catalog->{$name};
	my $said = $entries->{$name};

	if (!ok(defined $said, "$name has an entry"))
	{
		diag(skeleton($true));
		next;
	}
	my $right = 1;
	$right &= is_deeply([ sort map { plain($_) } @{ $said->{signatures} } ], [ sort @{ $true->{signatures} } ],
		"$name: the signatures are the true ones") if $true->{signatures};
	for my $kind (sort keys %{ $true->{tables} })
	{
		$right &= is_deeply($said->{tables}{$kind} || [], $true->{tables}{$kind}, "$name: so are the rows of ${kind}s");
	}
	$right &= is_deeply($said->{meanings}, $true->{meanings}, "$name: the columns mean what their comments say") if $true->{kind} eq 'relation';
	diag(skeleton($true)) unless $right;
	is($said->{unexplained}, undef, "$name: every row says something");
	ok(@{ $said->{examples} } > 0, "$name has an example");
	next unless $true->{kind} eq 'function';
	ok($said->{errors}, "$name says which errors there are");
	for my $error (@{ $said->{errors} || [] })
	{
		my ($status) = $node->psql('postgres', "DO \$\$ BEGIN EXCEPTION WHEN $error THEN NULL; END \$\$");
		is($status, 0, "$name: there is an error $error");
	}
}
is_deeply([ grep { !$catalog->{$_} } sort keys %$entries ], [], 'no entry is of something that does not exist');

$node->stop;
done_testing();
