--
-- Learning from what happens: impressions, outcomes, and a test that may be looked at every day
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET recseq.progress = off;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA shop;
CREATE TABLE shop.clicks (client_id int NOT NULL, sku text NOT NULL, at timestamptz NOT NULL, kind text NOT NULL);
INSERT INTO shop.clicks SELECT n % 60, 's' || (n * 7 + n / 60) % 20, timestamptz '2026-01-01' + n * interval '1 minute', 'view' FROM generate_series(1, 600) n;
SELECT recseq_kit('lab', 'shop.clicks');
SELECT version FROM recseq_train('lab.training_sequences', 'lab', epochs => 1, units => 4, item_dim => 4);
UPDATE lab.settings SET model = 'lab';

-- written down: the model of settings and its active version, the variant is the model; once a request
SELECT lab.record_impression(1, '{s1,s2,s3}', request => 'a');
SELECT lab.record_impression(1, '{s1}', request => 'a');
SELECT length(lab.record_impression(2, '{s1,s2,s3}', experiment => 'autumn', variant => 'plain', model => 'other'));
SELECT length(lab.record_impression(3, '{s4}', 'other', 7, 'autumn'));
SELECT visitorid, shown = now() AS now, experiment, variant, model, version, items FROM lab.impressions ORDER BY visitorid;
\set VERBOSITY terse
SELECT lab.record_impression(NULL, '{s1}');
SELECT lab.record_impression(1, NULL);
\set VERBOSITY default
SELECT lab.record_outcome('a', 's2');
SELECT request, item, kind FROM lab.outcomes;
TRUNCATE lab.impressions, lab.outcomes;

-- what came of it: by the log, of what was shown, after it, and not for ever; and as written
INSERT INTO lab.impressions VALUES
	('r1', 101, '2026-03-01 10:00', 'autumn', 'control', 'lab', 1, '{s1,s2,s3}'),
	('r2', 101, '2026-03-02 10:00', 'autumn', 'control', 'lab', 1, '{s1,s4}'),
	('r3', 102, '2026-03-01 23:30', 'autumn', 'new', 'lab', 1, '{s1,s2}'),
	('r4', 103, '2026-03-01 10:00', 'autumn', 'new', 'lab', 1, '{s5,s6}'),
	('r5', 103, '2026-03-03 10:00', 'autumn', 'control', 'lab', 1, '{s5}'),
	('r6', 104, '2026-03-01 10:00', '', 'lab', 'lab', 1, '{s1}');
INSERT INTO shop.clicks VALUES
	(101, 's1', '2026-03-01 10:00', 'view'),		-- what led to it is no outcome
	(101, 's2', '2026-03-01 10:05', 'view'), (101, 's2', '2026-03-01 10:06', 'addtocart'), (101, 's2', '2026-03-01 10:06', 'addtocart'),
	(101, 's3', '2026-03-02 09:59', 'purchase'), (101, 's9', '2026-03-01 10:07', 'purchase'),
	(102, 's1', '2026-03-03 23:31', 'purchase'),	-- too late
	(102, 's9', '2026-03-02 01:00', 'purchase'),
	(103, 's6', '2026-03-01 12:00', 'view');
INSERT INTO lab.outcomes VALUES ('r4', 's5', 'click', '2026-03-01'), ('r4', 's5', 'click', '2026-03-01'), ('r6', 's1', 'buy', '2026-03-20'), ('r4', 's7', 'buy', '2026-03-01');
SELECT request, rank, item, clicked, carted, purchased FROM lab.impression_outcomes ORDER BY request, rank;
SELECT * FROM lab.variant_days ORDER BY experiment, variant, day;
UPDATE lab.settings SET attribution = '3 days';
SELECT request, item FROM lab.impression_outcomes WHERE purchased ORDER BY request;
UPDATE lab.settings SET attribution = '0';
UPDATE lab.settings SET attribution = DEFAULT;
-- by visitor, in the variant that was shown first
SELECT variant, outcome, visitors, successes, rate, control_variant, control_rate, difference, significant FROM lab.compare_variants('autumn');
SELECT variant, outcome, visitors, successes FROM lab.compare_variants('autumn', control => 'new');
SELECT count(*) FROM lab.compare_variants('winter');
SELECT count(*) FROM lab.compare_variants();
-- who is assigned to what is shown it
INSERT INTO lab.impressions SELECT 'w' || v, v, '2026-03-05', 'winter', recseq_assign(v::text, '{lab,other}', experiment => 'winter'), 'lab', 1, '{s1}' FROM generate_series(1000, 1999) v;
INSERT INTO shop.clicks SELECT v, 's1', '2026-03-05 01:00', 'buy' FROM generate_series(1000, 1999) v WHERE recseq_assign(v::text, '{lab,other}', experiment => 'winter') = 'other' AND v % 3 = 0 OR v % 10 = 0;
SELECT variant, outcome, visitors, successes, round(difference::numeric, 3) AS difference, round(low::numeric, 2) AS low, round(high::numeric, 2) AS high, significant FROM lab.compare_variants('winter', lift => 0.5);

--
-- recseq_sequential_test
--
SELECT * FROM recseq_sequential_test(0, 0, 10, 3);
SELECT * FROM recseq_sequential_test(10000, 300, 10000, 300);
SELECT significant, p_value < 1e-10 AS surely, low > 0 AS above FROM recseq_sequential_test(10000, 300, 10000, 600);
-- the interval has 0 in it where, and only where, it is not significant
SELECT count(*) AS all, count(*) FILTER (WHERE significant <> (low > 0 OR high < 0)) AS otherwise, count(*) FILTER (WHERE significant) BETWEEN 1 AND 3000 AS some
FROM generate_series(0, 1000, 7) b, generate_series(0, 1000, 50) a, LATERAL recseq_sequential_test(1000, a, 1200, b, 0.01 + 0.0001 * a);
-- it is symmetric, however extreme the figures are
SELECT t.p_value = u.p_value AS same, t.difference = -u.difference AS opposite FROM recseq_sequential_test(500, 20, 700, 50) t, recseq_sequential_test(700, 50, 500, 20) u;
SELECT significant, p_value > 0 AS above, low >= -1 AND high <= 1 AS within FROM (VALUES (1, 0, 1, 1), (1, 1, 1, 1), (5, 0, 5, 5)) AS v(na, a, nb, b), LATERAL recseq_sequential_test(na, a, nb, b);
SELECT significant, p_value > 0 AS above FROM recseq_sequential_test(9000000000000000000, 0, 9000000000000000000, 9000000000000000000);
SELECT recseq_sequential_test(10, 11, 10, 1);
SELECT recseq_sequential_test(10, -1, 10, 1);
SELECT recseq_sequential_test(10, 1, NULL, 1);
SELECT recseq_sequential_test(10, 1, 10, 1, alpha => 0);
SELECT recseq_sequential_test(10, 1, 10, 1, alpha => 'NaN');
SELECT recseq_sequential_test(10, 1, 10, 1, lift => 0);

-- 1,000 experiments, looked at on each of 30 days: without a difference at most 5 % are called significant on any; with one most are
CREATE FUNCTION successes(visitors int, rate float8) RETURNS int LANGUAGE plpgsql AS $$
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
CREATE FUNCTION ever_significant(rate_a float8, rate_b float8, daily_a int, daily_b int, days int, lift float8 DEFAULT 0.1) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	a		int := 0;
	b		int := 0;
BEGIN
	FOR day IN 1..days LOOP
		a := a + successes(daily_a, rate_a);
		b := b + successes(daily_b, rate_b);
		IF (SELECT significant FROM recseq_sequential_test(daily_a * day, a, daily_b * day, b, lift => lift)) THEN
			RETURN day;
		END IF;
	END LOOP;
	RETURN NULL;
END $$;
SELECT setseed(0.5);
SELECT count(*) FILTER (WHERE day IS NOT NULL) <= 50 AS at_most_5_percent FROM (SELECT ever_significant(0.03, 0.03, 500, 500, 30) AS day FROM generate_series(1, 1000)) e;
SELECT count(*) FILTER (WHERE day IS NOT NULL) <= 50 AS at_most_5_percent FROM (SELECT ever_significant(0.005, 0.005, 100, 300, 30, 0.5) AS day FROM generate_series(1, 1000)) e;
SELECT count(*) FILTER (WHERE day IS NOT NULL) >= 80 AS at_least_80_percent FROM (SELECT ever_significant(0.03, 0.039, 500, 500, 30, 0.2) AS day FROM generate_series(1, 100)) e;

DROP FUNCTION successes, ever_significant;
DROP SCHEMA lab, shop CASCADE;
SELECT recseq_drop_model('lab');
