#!/usr/bin/perl
# The rules of who may include whom in src/, as TAP:
#
#   - A folder uses those after it in FOLDERS, never those before it. Files of src/ itself stand where "shared" does, but for
#     recseq.c, the entry of the module, which starts all the others and is used by none.
#   - No circle: a file (NAME.c with NAME.h) that needs another is not needed by it, over however many steps.
#   - The libraries know nothing of PostgreSQL: they include each other, and headers of C, POSIX, the processor and CBLAS.
#   - The rest sees of a library its one public header, LIBRARY/LIBRARY.h.
#
# Run it from anywhere: perl test/includes.pl [SOURCES]. Another directory than the checkout's src is for trying a violation out.
use strict;
use warnings;

use File::Find;
use FindBin;
use Test::More;

my @FOLDERS = qw(entry jobs evaluate train serve store data shared model rank nn);
my @LIBRARIES = qw(model rank nn);

# Arrows "FROM TO" that break a rule and are on their way out; one that is not there any more fails, so that the list empties.
my @KNOWN = ();

my $sources = $ARGV[0] || "$FindBin::RealBin/../src";
my %level = map { $FOLDERS[$_] => $_ } 0 .. $#FOLDERS;
my %is_library = map { $_ => 1 } @LIBRARIES;
my %known = map { $_ => 1 } @KNOWN;
my (%quoted, %system);    # of each file: what it includes

find(
	{
		no_chdir => 1,
		wanted => sub {
			return unless /\.[ch]$/;
			my $file = substr($_, length($sources) + 1);

			$quoted{$file} = [];
			$system{$file} = [];
			open(my $in, '<', $_) or die "$_: $!";
			while (my $line = <$in>)
			{
				push @{ $quoted{$file} }, $1 if $line =~ /^\s*#\s*include\s*"([^"]+)"/;
				push @{ $system{$file} }, $1 if $line =~ /^\s*#\s*include\s*<([^>]+)>/;
			}
		}
	},
	$sources);

sub folder
{
	my ($file) = @_;

	return 'entry' if $file eq 'recseq.c';
	return $file =~ m{^([^/]+)/} ? $1 : 'shared';
}

# A name and its header are one file for the rule on circles; recseq.c is no part of a header of that name.
sub unit
{
	my ($file) = @_;

	return $file eq 'recseq.c' ? $file : $file =~ s/\.[ch]$//r;
}

sub none
{
	my ($title, @violations) = @_;

	is(join("\n", grep { !$known{$_} } @violations), '', $title);
	delete @known{@violations};
}

# ---------------------------------------------------------------- the rules

cmp_ok(scalar keys %quoted, '>', 50, 'sources were found');
none('every folder has its place in the order', grep { !exists $level{ folder($_) } } sort keys %quoted);

my (@upwards, @foreign, @inside, %uses);
for my $file (sort keys %quoted)
{
	for my $included (@{ $quoted{$file} })
	{
		my ($from, $to) = (folder($file), folder($included));

		if (!exists $quoted{$included})
		{
			push @foreign, "$file $included" if $is_library{$from};
			next;
		}
		push @upwards, "$file $included" if $level{$to} < $level{$from};
		push @inside, "$file $included" if $is_library{$to} && !$is_library{$from} && $included ne "$to/$to.h";
		$uses{ unit($file) }{ unit($included) } = 1 unless unit($file) eq unit($included);
	}
	next unless $is_library{ folder($file) };
	for my $included (@{ $system{$file} })
	{
		push @foreign, "$file $included"
		  unless $included =~ m{^(?:assert|errno|float|inttypes|limits|math|stdalign|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|time)\.h$}
		  || $included =~ m{^(?:cblas|[a-z]mmintrin|cpuid)\.h$};
	}
}
none('no include against the order of folders', @upwards);
none('the libraries include nothing but C, CBLAS and each other', @foreign);
SKIP:
{
	my @without = grep { !exists $quoted{"$_/$_.h"} } @LIBRARIES;

	skip "no public header yet of: @without", 1 if @without;
	none('of a library, others include its public header alone', @inside);
}

# ---------------------------------------------------------------- circles

# Of a walk through what each file uses, an arrow back to where the walk stands closes a circle.
my (%state, @path, @circles);

sub walk
{
	my ($unit) = @_;

	$state{$unit} = 'open';
	push @path, $unit;
	for my $used (sort keys %{ $uses{$unit} || {} })
	{
		my $seen = $state{$used} || '';

		if ($seen eq 'open')
		{
			my ($start) = grep { $path[$_] eq $used } 0 .. $#path;

			push @circles, join(' ', @path[ $start .. $#path ], $used);
		}
		elsif ($seen ne 'done')
		{
			walk($used);
		}
	}
	pop @path;
	$state{$unit} = 'done';
}

for my $unit (sort keys %uses)
{
	walk($unit) unless $state{$unit};
}
none('no circle between files', @circles);

is(join("\n", sort keys %known), '', 'every exception that is listed is needed');
done_testing();
