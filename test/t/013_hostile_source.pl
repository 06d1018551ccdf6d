# A source that is swapped for another while it is read: whoever owns a schema can rename relations, or whole schemas, at any
# moment, so the relation that a call looked at need not be the one that its query finds by name. A role without any right
# of recseq's does so as fast as it can, with relations whose columns have other types under the same names, while it
# calls what everybody may call. Every call must answer, or end in an error; none may crash or read what is not an id.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecseqTest;
use Test::More;

# A race ends after 1500 calls and 1500 swaps, or so many seconds.
use constant SECONDS => 6;

my $node = new_server('main', conf => [ q{log_min_messages = fatal}, 'deadlock_timeout = 100ms' ]);
sample_source($node, 300, 100);
train($node, 'default');
my $expected = answers($node);
$node->safe_psql('postgres', q{
	CREATE ROLE mallory LOGIN;
	GRANT CREATE ON DATABASE postgres TO mallory;
	CREATE SCHEMA mallory AUTHORIZATION mallory;
	CREATE TABLE progress (who text PRIMARY KEY, done int, odd int DEFAULT 0, message text);
	GRANT ALL ON progress TO mallory;

	-- Calls one of two relations by its OID until time is up; counts the calls, and answers that no honest source gives.
	CREATE PROCEDURE call_in_turn(function text, one oid, other oid, until timestamptz) LANGUAGE plpgsql AS $$
	DECLARE
		n int := 0;
		odd_rows int;
	BEGIN
		WHILE clock_timestamp() < until LOOP
			n := n + 1;
			BEGIN
				EXECUTE format(function, CASE n % 2 WHEN 0 THEN one ELSE other END) INTO odd_rows;
				UPDATE progress SET odd = odd + odd_rows WHERE who = 'caller';
			EXCEPTION WHEN datatype_mismatch OR undefined_table OR undefined_column OR object_not_in_prerequisite_state
					OR invalid_schema_name OR deadlock_detected THEN
				UPDATE progress SET message = CASE WHEN message LIKE '%was replaced%' THEN message ELSE SQLERRM END WHERE who = 'caller';
			END;
			UPDATE progress SET done = n WHERE who = 'caller';
			COMMIT;
			EXIT WHEN n >= 1500 AND (SELECT done >= 1500 FROM progress WHERE who = 'swapper');
		END LOOP;
	END $$;
	CREATE PROCEDURE lock_in_turn(statement text, until timestamptz) LANGUAGE plpgsql AS $$
	BEGIN
		WHILE clock_timestamp() < until LOOP
			BEGIN
				EXECUTE statement;
			EXCEPTION WHEN undefined_table OR invalid_schema_name OR deadlock_detected THEN NULL;
			END;
			COMMIT;
			EXIT WHEN (SELECT message = 'ended' FROM progress WHERE who = 'end');
		END LOOP;
	END $$;
	CREATE PROCEDURE swap(statements text[], until timestamptz) LANGUAGE plpgsql AS $$
	DECLARE
		statement text;
	BEGIN
		WHILE clock_timestamp() < until LOOP
			BEGIN
				FOREACH statement IN ARRAY statements LOOP
					EXECUTE statement;
				END LOOP;
				UPDATE progress SET done = done + 1 WHERE who = 'swapper';
			EXCEPTION WHEN deadlock_detected THEN NULL;
			END;
			COMMIT;
			EXIT WHEN (SELECT message = 'ended' FROM progress WHERE who = 'end');
		END LOOP;
	END $$;
});

my @swap_tables = ('ALTER TABLE mallory.race RENAME TO race_tmp', 'ALTER TABLE mallory.race_other RENAME TO race',
	'ALTER TABLE mallory.race_tmp RENAME TO race_other');
my @swap_schemas = ('ALTER SCHEMA m_race RENAME TO m_tmp', 'ALTER SCHEMA m_other RENAME TO m_race', 'ALTER SCHEMA m_tmp RENAME TO m_other');
my $batch = q{SELECT count(*) FROM recseq_recommend_batch(%s::oid) WHERE id NOT IN ('1', '2')};
my $evaluate = q{SELECT 0 FROM recseq_evaluate(%s::oid) LIMIT 1};

# race(TITLE, FUNCTION, [DEFINITION, DEFINITION], [names], statements that swap them)
sub race
{
	my ($title, $function, $definitions, $names, @swap) = @_;
	my (@sessions, $caller);

	$node->safe_psql('postgres', "SET ROLE mallory; CREATE TABLE $names->[0] AS $definitions->[0]; CREATE TABLE $names->[1] AS $definitions->[1];");
	my @oids = map { $node->safe_psql('postgres', "SELECT '$_'::regclass::oid") } @$names;
	$node->safe_psql('postgres', q{TRUNCATE progress; INSERT INTO progress VALUES ('caller', 0), ('swapper', 0), ('end', 0)});
	my $until = $node->safe_psql('postgres', 'SELECT clock_timestamp() + make_interval(secs => ' . SECONDS . ')');
	my $statements = join ', ', map { "'$_'" } @swap;
	my @locks = map { "LOCK TABLE $_ IN ACCESS EXCLUSIVE MODE" } @$names;

	# one swaps, two make the others wait
	for my $what ("CALL swap(ARRAY[$statements], '$until')", map { "CALL lock_in_turn('$_', '$until')" } @locks)
	{
		my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'mallory' ]);
		start_training($session, $what);
		push @sessions, $session;
	}
	$caller = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'mallory' ]);
	start_training($caller, qq{CALL call_in_turn(\$f\$$function\$f\$, $oids[0], $oids[1], '$until')});
	eval { finish($caller) };
	is(session_error($caller), '', "$title: the caller's session goes on to the end");
	$node->poll_query_until('postgres', 'SELECT true');
	$node->safe_psql('postgres', q{UPDATE progress SET message = 'ended' WHERE who = 'end'});
	for my $session (@sessions) { eval { finish($session) }; eval { $session->quit }; }
	eval { $caller->quit };
	my ($calls, $swaps, $odd, $message) = split /\|/, $node->safe_psql('postgres', q{
		SELECT (SELECT done FROM progress WHERE who = 'caller'), (SELECT done FROM progress WHERE who = 'swapper'),
			(SELECT odd FROM progress WHERE who = 'caller'), (SELECT message FROM progress WHERE who = 'caller')});
	diag("$title: $calls calls, $swaps swaps; an error: " . ($message // ''));
	cmp_ok($calls, '>', 0, "$title: calls were made");
	cmp_ok($swaps, '>', 0, "$title: under swaps");
	is($odd, 0, "$title: no row that is not the source's");
	$node->safe_psql('postgres', 'DROP TABLE ' . join(', ', map { $node->safe_psql('postgres', "SELECT $_\::regclass") } @oids));
}

my $ids = q{SELECT g AS id, ARRAY[g, g + 1, g + 2] AS items FROM generate_series(1, 2) g};
my $numbers = q{SELECT g AS id, 1234567890123456789 + g AS items FROM generate_series(1, 2) g};
my $bytes = q{SELECT g AS id, decode(repeat('00010000', 200), 'hex') AS items FROM generate_series(1, 2) g};
my @tables = qw(mallory.race mallory.race_other);

race('tables, arrays and integers, batch', $batch, [ $ids, $numbers ], \@tables, @swap_tables);
race('tables, texts and bytes, batch', $batch, [ q{SELECT 1 AS id, ARRAY['1', '2'] AS items}, $bytes ], \@tables, @swap_tables);
race('tables, arrays and integers, evaluate', $evaluate, [ $ids, $numbers ], \@tables, @swap_tables);
$node->safe_psql('postgres', 'CREATE SCHEMA m_race AUTHORIZATION mallory; CREATE SCHEMA m_other AUTHORIZATION mallory');
race('schemas, arrays and integers, batch', $batch, [ $ids, $numbers ], [qw(m_race.race m_other.race)], @swap_schemas);

# A source that is dropped while a job trains on what it has read: no lock is held from one epoch to the next.
$node->safe_psql('postgres', 'CREATE TABLE gone AS SELECT * FROM source');
my $job = $node->safe_psql('postgres', q{SELECT recseq_train_async('gone', 'gone', epochs => 15, patience => 0)});
$node->poll_query_until('postgres', "SELECT epoch >= 1 FROM recseq_job WHERE job = $job");
$node->safe_psql('postgres', 'DROP TABLE gone');
$node->poll_query_until('postgres', "SELECT ended IS NOT NULL FROM recseq_job WHERE job = $job");
is($node->safe_psql('postgres', "SELECT j.state, v.source FROM recseq_job j LEFT JOIN recseq_version v USING (model) WHERE job = $job"),
	'done|public.gone', 'a job whose source is dropped while it trains stores what it has learned');

is(answers($node), $expected, 'the server lives, and answers as before');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|server process .* exited/, 'no backend has died');
$node->stop;
done_testing();
