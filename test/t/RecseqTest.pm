# What the TAP tests share: a server with sample data and a model, what a server answers, and sessions whose backend is
# watched or hurt from outside.
package RecseqTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

use constant MB => 1024 * 1024;

our @EXPORT = qw(
  new_server sample_source train answers answers_query stored
  start_training wait_until_active backend_of finish session_error
  process_status is_quiet_backend median limit_backend segment_bytes
  wait_until_back
);

# new_server(NAME, conf => [settings], init => {options of init}): runs, and has the extension in "postgres".
sub new_server
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%{ $options{init} || {} });
	$node->append_conf('postgresql.conf', join("\n",
		'autovacuum = off', 'log_statement = none', 'log_min_messages = warning',
		'max_connections = 20', 'jit = off', @{ $options{conf} || [] }) . "\n");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION recseq');
	return $node;
}

# The table "source" with sequences of synthetic visitors.
sub sample_source
{
	my ($node, $visitors, $items) = @_;

	$node->safe_psql('postgres', sprintf(q{
		SELECT recseq_retailrocket('kit');
		SELECT recseq_sample_data('kit', %d, %d);
		CREATE TABLE source AS SELECT visitorid, items, categories, times FROM kit.training_sequences;
		ANALYZE source;
	}, $visitors || 1500, $items || 400));
}

# Trains in a session of its own and returns the new version's number.
sub train
{
	my ($node, $model, $options) = @_;

	$options = defined $options ? ", $options" : '';
	return $node->safe_psql('postgres',
		"SET recseq.progress = off; SELECT version FROM recseq_train('source', '$model', epochs => 2$options)");
}

# What a model answers to 41 histories, as the number of rows and a digest that tells every bit: float4 is printed so that
# it reads back exactly.
sub answers
{
	my ($node, %options) = @_;

	return $node->safe_psql($options{database} || 'postgres', answers_query(%options));
}

sub answers_query
{
	my (%options) = (model => 'default', schema => 'public', type => 'int', @_);

	return qq{
		SELECT count(*) || ' rows ' || md5(string_agg(concat_ws('|', h, r), ',' ORDER BY h, rank))
		FROM generate_series(0, 40) h, LATERAL "$options{schema}".recseq_recommend(
			(SELECT array_agg(1 + (h * 37 + i * i * 11) % 450) FROM generate_series(1, h % 12) i)::$options{type}\[],
			5, '$options{model}') r};
}

# All that recseq's tables hold, and whether every image is complete.
sub stored
{
	my ($node, $database) = @_;

	return $node->safe_psql($database || 'postgres', q{
		SELECT v.model, v.version, v.id, v.id = m.active_id, v.bytes = sum(length(c.data)), m.last_version
		FROM recseq_model m FULL JOIN recseq_version v USING (model) FULL JOIN recseq_chunk c ON c.id = v.id
		GROUP BY 1, 2, 3, 4, v.bytes, 6 ORDER BY 1, 2});
}

# ---------------------------------------------------------------- sessions

sub backend_of { return $_[0]->query_safe('SELECT pg_backend_pid()'); }

# Sends a statement and does not wait for its end; finish() does.
sub start_training
{
	my ($session, $statement) = @_;

	$session->query_until(qr/sent/, "\\echo sent\n$statement;\n");
}

# Waits for what start_training() has sent. The session must not stop at errors.
sub finish
{
	my ($session) = @_;

	my ($output) = $session->query('SELECT 1 WHERE false');
	return $output;
}

# The errors of the session since they were last asked for.
sub session_error
{
	my ($session) = @_;
	my $errors = $session->{stderr};

	$session->{stderr} = '';
	return $errors;
}

# Until the backend works on a statement like that, and then so many milliseconds more.
sub wait_until_active
{
	my ($node, $pid, $pattern, $more) = @_;

	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $pid AND state = 'active' AND query LIKE '%$pattern%'")
	  or die "backend $pid did not begin \"$pattern\"";
	usleep(1000 * ($more || 0));
}

# ---------------------------------------------------------------- processes

# A figure of /proc/PID/status, in kB where it is a size.
sub process_status
{
	my ($pid, $field) = @_;

	return slurp_file("/proc/$pid/status") =~ /^\Q$field\E:\s+(\d+)/m ? $1 : undef;
}

# Test that a backend holds no lock, no snapshot and no transaction.
sub is_quiet_backend
{
	my ($node, $pid, $title) = @_;

	is($node->safe_psql('postgres', qq{
		SELECT (SELECT count(*) FROM pg_locks WHERE pid = $pid),
			(SELECT count(*) FROM pg_stat_activity
			 WHERE pid = $pid AND (xact_start IS NOT NULL OR backend_xid IS NOT NULL OR backend_xmin IS NOT NULL))}),
		'0|0', $title);
}

# Sets (or with "unlimited" takes away) the soft limit of a resource of one backend.
sub limit_backend
{
	my ($pid, $resource, $value) = @_;

	system_or_bail('prlimit', '--pid', $pid, "--$resource=$value:");
}

# Bytes of the segments of a server that are as large as a model or a training. Its dynamic_shared_memory_type must be mmap:
# then they are files of the data directory. PostgreSQL's own are small, but for one of 256 MB.
sub segment_bytes
{
	my ($node) = @_;
	my $bytes = 0;

	for my $file (glob $node->data_dir . '/pg_dynshmem/mmap.*')
	{
		my $size = -s $file || 0;

		$bytes += $size if $size > 2 * MB && $size != 256 * MB;
	}
	return $bytes;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;

	return $sorted[ $#sorted / 2 ];
}

# Waits until a server that crashed answers again; by another checkpointer than that one, if it is given.
sub wait_until_back
{
	my ($node, $before) = @_;

	for (1 .. 600)
	{
		# a psql that is refused may be gone before it has read its query, which then cannot be written
		my $pid = eval { $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'") };
		return if $pid && $pid ne ($before // '');
		usleep(100_000);
	}
	die 'the server does not come back';
}

1;
