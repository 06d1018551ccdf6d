-- How often recseq_sequential_test is wrong, and how soon it is right, when it is looked at every day: 1,000 simulated
-- experiments of each kind. Beside it what becomes of a usual test at 5 % that is looked at as often.
--
-- psql -f bench/sequential.sql       in a database with the extension
\set QUIET on
\pset footer off
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.successes(visitors int, rate float8) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	at		int := 0;
	found	int := -1;
BEGIN
	-- how many fail until the next one is a success
	WHILE at <= visitors LOOP
		at := at + 1 + least(floor(ln(1 - random()) / ln(1 - rate)), 1e6)::int;
		found := found + 1;
	END LOOP;
	RETURN found;
END $$;

-- One experiment: the days on which the tests are first significant. late: share of the buyers who buy a week after they came.
CREATE FUNCTION pg_temp.experiment(rate_a float8, rate_b float8, daily_a int, daily_b int, days int, late float8,
	OUT sequential int, OUT usual int) LANGUAGE plpgsql AS $$
DECLARE
	a		int := 0;
	b		int := 0;
	n_a		int;
	n_b		int;
	v		float8;
BEGIN
	FOR day IN 1..days LOOP
		n_a := daily_a * day;
		n_b := daily_b * day;
		a := a + pg_temp.successes(daily_a, rate_a * (1 - late));
		b := b + pg_temp.successes(daily_b, rate_b * (1 - late));
		IF late > 0 AND day > 7 THEN
			a := a + pg_temp.successes(daily_a, rate_a * late);
			b := b + pg_temp.successes(daily_b, rate_b * late);
		END IF;
		IF sequential IS NULL AND (SELECT significant FROM recseq_sequential_test(n_a, a, n_b, b)) THEN
			sequential := day;
		END IF;
		v := (a + b)::float8 / (n_a + n_b);
		v := v * (1 - v) * (1.0 / n_a + 1.0 / n_b);
		IF usual IS NULL AND v > 0 AND abs(b::float8 / n_b - a::float8 / n_a) > 1.96 * sqrt(v) THEN
			usual := day;
		END IF;
	END LOOP;
END $$;

DO $$BEGIN PERFORM setseed(0.5); END$$;
SELECT rate AS "rate", lift AS "true lift", daily_a || ' + ' || daily_b AS "visitors a day", days, late,
	round(avg((sequential IS NOT NULL)::int), 3) AS significant,
	percentile_disc(0.5) WITHIN GROUP (ORDER BY sequential) FILTER (WHERE sequential IS NOT NULL) AS "median day",
	round(avg((usual IS NOT NULL)::int), 3) AS "usual test"
FROM (VALUES
	(1, 0.03, 0.0, 500, 500, 60, 0.0), (2, 0.03, 0, 500, 500, 60, 0.5), (3, 0.005, 0, 500, 500, 60, 0), (4, 0.3, 0, 500, 500, 60, 0),
	(5, 0.03, 0, 100, 900, 60, 0), (6, 0.03, 0, 20, 20, 60, 0), (7, 0.03, 0.1, 500, 500, 60, 0), (8, 0.03, 0.2, 500, 500, 60, 0),
	(9, 0.03, 0.3, 500, 500, 60, 0), (10, 0.03, 0.1, 2000, 2000, 60, 0), (11, 0.3, 0.1, 500, 500, 60, 0))
	AS k(kind, rate, lift, daily_a, daily_b, days, late)
CROSS JOIN generate_series(1, 1000) AS n
CROSS JOIN LATERAL pg_temp.experiment(rate, rate * (1 + lift), daily_a, daily_b, days, late + 0 * n)
GROUP BY kind, rate, lift, daily_a, daily_b, days, late ORDER BY kind;
