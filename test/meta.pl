#!/usr/bin/perl
# META.json beside the PGXN Meta Specification 1.0.0 (https://pgxn.org/spec/), and beside what it describes, as TAP: required keys,
# no key that the specification does not have, kinds of values, and that files and versions are those of the checkout.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use Test::More;

my $root = "$FindBin::RealBin/..";

sub slurp
{
	open(my $in, '<:raw', $_[0]) or die "$_[0]: $!";
	local $/;
	return scalar <$in>;
}

my $meta = eval { JSON::PP->new->utf8->decode(slurp("$root/META.json")) };
is($@, '', 'META.json is JSON');

my @required = qw(name version abstract maintainer license provides meta-spec);
my @optional = qw(description generated_by tags no_index prereqs release_status resources);
my @licenses = qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1
	lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib open_source restricted unrestricted unknown);
my $semver = qr/^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-?[A-Za-z][0-9A-Za-z-]*)?$/;
my $term = qr/^[^\s\/\\[:cntrl:]]{2,}$/;

sub keys_are
{
	my ($title, $map, $required, $optional) = @_;
	my %known = map { $_ => 1 } @$required, @$optional;

	is(join(' ', grep { !exists $map->{$_} } @$required), '', "$title: nothing that is required is missing");
	is(join(' ', grep { !$known{$_} && !/^x_/i } sort keys %$map), '', "$title: nothing that the specification does not know");
	return;
}

keys_are('META.json', $meta, \@required, \@optional);
like($meta->{name}, $term, 'name is a term');
like($meta->{version}, $semver, 'version is a semantic version');
ok(length($meta->{$_}) && !ref $meta->{$_}, "$_ is a string") for qw(abstract maintainer);
ok(grep({ $_ eq $meta->{license} } @licenses), 'license is one of those that the specification names');
is($meta->{'meta-spec'}{version}, '1.0.0', 'meta-spec: version');
is(scalar(grep { ref || !length || /[\/\\[:cntrl:]]/ || length > 255 } @{ $meta->{tags} }), 0, 'tags are tags');
ok(!exists $meta->{release_status} || grep({ $_ eq $meta->{release_status} } qw(stable testing unstable)), 'release_status is one of three');

for my $name (sort keys %{ $meta->{provides} })
{
	my $extension = $meta->{provides}{$name};

	keys_are("provides: $name", $extension, [qw(file version)], [qw(abstract docfile)]);
	like($name, $term, "provides: $name is a term");
	like($extension->{version}, $semver, "provides: $name: a semantic version");
	ok(-f "$root/$extension->{$_}", "provides: $name: $_ is there") for grep { exists $extension->{$_} } qw(file docfile);
	my ($default) = slurp("$root/$name.control") =~ /^default_version = '(.*)'/m;
	like($extension->{version}, qr/^\Q$default\E(\.|$)/, "provides: $name: the version is that of its control file");
}

for my $phase (sort keys %{ $meta->{prereqs} })
{
	ok(grep({ $_ eq $phase } qw(configure build test runtime develop)) || $phase =~ /^x_/i, "prereqs: there is a phase $phase");
	for my $relation (sort keys %{ $meta->{prereqs}{$phase} })
	{
		ok(grep({ $_ eq $relation } qw(requires recommends suggests conflicts)), "prereqs: $phase: $relation is a relation");
		like($_, qr/^(0|(>=|<=|>|<|==|!=)?\s*\d+\.\d+\.\d+)$/, "prereqs: $phase: a range of versions")
			for values %{ $meta->{prereqs}{$phase}{$relation} };
	}
}

my ($changelog) = slurp("$root/CHANGELOG.md") =~ /^## (\S+)/m;
my ($debian) = slurp("$root/debian/changelog") =~ /^\S+ \((\S+)\)/;
is($changelog, $meta->{version}, 'CHANGELOG.md begins with this version');
is($debian, $meta->{version}, 'so does debian/changelog');

done_testing();
