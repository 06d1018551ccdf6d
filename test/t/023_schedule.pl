# The schedule of docs/operations.md with pg_cron, by a role that may train and is no superuser: every job runs and does what
# it is for. The statements are those of the page; only the times are changed, to every minute.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

my ($sharedir) = run_command([ 'pg_config', '--sharedir' ]);
plan skip_all => 'pg_cron is not installed' unless -f "$sharedir/extension/pg_cron.control";

# The SQL under a heading of the page.
my $page = slurp_file("$FindBin::RealBin/../../docs/operations.md");
sub sql_under
{
	my ($heading) = @_;
	my ($section) = $page =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms or die "no heading \"$heading\"";

	return join "\n", $section =~ /```sql\n(.*?)```/gs;
}

my $node = new_server('main', conf => [
	q{shared_preload_libraries = 'pg_cron'}, q{cron.database_name = 'postgres'}, q{cron.use_background_workers = on}, q{max_worker_processes = 20} ]);
my ($grant) = sql_under('Rights') =~ /(CREATE ROLE recseq_trainer;.*?;)/s;

$node->safe_psql('postgres', qq{
	CREATE EXTENSION pg_cron;
	$grant
	ALTER ROLE recseq_trainer LOGIN;
	ALTER ROLE recseq_trainer SET recseq.progress = off;
	GRANT USAGE ON SCHEMA cron TO recseq_trainer;
	GRANT CREATE ON DATABASE postgres TO recseq_trainer;
	SET ROLE recseq_trainer;
	SELECT recseq_retailrocket();
	SELECT recseq_sample_data(visitors => 300, items => 60);
	SET recseq.progress = off;
	SELECT recseq_train('retailrocket.training_sequences', 'shop', epochs => 1, ranker => false);
});
my ($view) = sql_under('Staying current') =~ /(CREATE VIEW retailrocket\.new_sequences.*?;)/s;
my @schedule = sql_under('A schedule') =~ /(SELECT cron\.schedule\(.*?\);)/gs;
is(scalar @schedule, 4, 'the page schedules four jobs');
s/('\w+', )'[^']*'/$1'* * * * *'/ for @schedule;
$node->safe_psql('postgres', "SET ROLE recseq_trainer; $view");
# Somebody has come today, with an item that is new.
$node->safe_psql('postgres', q{
	INSERT INTO retailrocket.events
	SELECT extract(epoch FROM now())::bigint * 1000 - 60000 + n, 100000 + v, 'addtocart', CASE n WHEN 3 THEN 1000 ELSE 1 + (v + n) % 60 END, NULL
	FROM generate_series(1, 30) v, generate_series(1, 4) n});
is($node->safe_psql('postgres', 'SELECT count(*) FROM retailrocket.new_sequences'), '30', 'the sequences of today are new');
$node->safe_psql('postgres', join "\n", 'SET ROLE recseq_trainer;', @schedule);

$node->poll_query_until('postgres', q{
	SELECT count(DISTINCT jobname) = 4 FROM cron.job JOIN cron.job_run_details USING (jobid) WHERE status = 'succeeded'}) or fail('not all jobs have run');
$node->safe_psql('postgres', 'SELECT cron.unschedule(jobid) FROM cron.job');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT recseq_wait(job, '3 min') || ' ' || owner, ', ') FROM recseq_jobs}), 'done recseq_trainer',
	'trainings that were queued are done');
is($node->safe_psql('postgres', q{SELECT string_agg(status || ' ' || return_message, ', ') FROM cron.job_run_details WHERE status NOT IN ('succeeded', 'running', 'starting')}), '', 'no job has failed');
is($node->safe_psql('postgres', q{
	SELECT count(*) FILTER (WHERE options ? 'update_of') > 0, count(*) FILTER (WHERE version > 1 AND NOT options ? 'update_of') > 0,
		bool_and(owner = 'recseq_trainer' AND trained_by = 'recseq_trainer')
	FROM recseq_models WHERE model = 'shop'}), 't|t|t', 'there is an update and a training, by that role');
is($node->safe_psql('postgres', q{SELECT count(DISTINCT visitorid) FROM retailrocket.visitor_recommendations}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM retailrocket.sequences'), 'and recommendations are kept for everybody');
my ($retain) = sql_under('A schedule') =~ /(SELECT recseq_retain\(.*?\);)/;
$node->safe_psql('postgres', "SET ROLE recseq_trainer; $retain");
is($node->safe_psql('postgres', q{SELECT keep_versions FROM recseq_model WHERE model = 'shop'}), '14', 'old versions go by themselves');

$node->stop;
done_testing();
