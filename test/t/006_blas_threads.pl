# A backend that has trained and recommended has one thread, whatever the environment asks of OpenBLAS, and whichever build
# of OpenBLAS the loader finds: threads of a library would take PostgreSQL's signals.
#
# The threaded build is tested where Debian's package libopenblas0-pthread is installed, or where
# RECSEQ_THREADED_BLAS names a directory with its libopenblas.so.0.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

plan skip_all => 'no /proc/PID/task here' unless -d "/proc/$$/task";

my $node = new_server('main');
sample_source($node);

sub threads { return scalar(my @tasks = glob "/proc/$_[0]/task/*"); }

sub check_backend
{
	my ($title) = @_;
	my $session = $node->background_psql('postgres');
	my $pid = backend_of($session);

	$session->query_safe('SET recseq.progress = off; SET client_min_messages = error');
	$session->query_safe(q{SELECT count(*) FROM recseq_recommend(ARRAY[1, 2])}) if $title =~ /recommending first/;
	is(threads($pid), 1, "$title: one thread once the module is loaded") if $title =~ /recommending first/;
	$session->query_safe(q{SELECT recseq_train('source', epochs => 1, units => 128, batch_size => 1024)});
	is(threads($pid), 1, "$title: one thread after training");
	$session->query_safe(q{SELECT count(*) FROM source, LATERAL recseq_recommend(items)});
	$session->query_safe(q{SELECT count(*) FROM recseq_evaluate('source')});
	is(threads($pid), 1, "$title: one thread after recommending and evaluating");
	my ($library) = slurp_file("/proc/$pid/maps") =~ m{(/\S*(?:blas|BLAS)\S*)};
	note("$title: BLAS is " . ($library || 'unknown'));
	$session->quit;
	return $library || '';
}

sub restart_with
{
	my (%environment) = @_;

	$node->stop;
	local %ENV = %ENV;
	delete @ENV{qw(OPENBLAS_NUM_THREADS OMP_NUM_THREADS GOTO_NUM_THREADS)};
	@ENV{ keys %environment } = values %environment;
	$node->start;
}

restart_with();
check_backend('OPENBLAS_NUM_THREADS unset');
check_backend('recommending first');
restart_with(OPENBLAS_NUM_THREADS => 4, OMP_NUM_THREADS => 4);
check_backend('OPENBLAS_NUM_THREADS = 4');

SKIP:
{
	my ($directory) = grep { -e "$_/libopenblas.so.0" } grep { defined && length }
	  ($ENV{RECSEQ_THREADED_BLAS}, glob('/usr/lib/*/openblas-pthread'));

	skip 'the threaded build of OpenBLAS is not installed', 6 unless defined $directory;
	# The path in LD_LIBRARY_PATH goes before the one that recseq is linked with.
	restart_with(LD_LIBRARY_PATH => $directory);
	like(check_backend('threaded OpenBLAS'), qr/\Q$directory\E/, 'the threaded build was loaded');
	check_backend('threaded OpenBLAS, recommending first');
	restart_with(LD_LIBRARY_PATH => $directory, OPENBLAS_NUM_THREADS => 8);
	check_backend('threaded OpenBLAS, OPENBLAS_NUM_THREADS = 8');
}

$node->stop;
done_testing();
