-- The Retailrocket kit: tables in the layout of the Kaggle files, the views that
-- turn them into a training source, and a generator of synthetic rows for them.
--
-- This is the worked example of preprocessing in plain SQL.  Everything here is
-- SQL over objects that belong to the caller: nothing is a member of the
-- extension but the two functions, and nothing in the C code knows these names.

CREATE FUNCTION @extschema@.recseq_retailrocket(schema name DEFAULT 'retailrocket')
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $function$
DECLARE
	taken	text;
	recseq	name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
					 WHERE e.extname = 'recseq');
	in_literal text := replace(quote_ident(schema), '''', '''''');
BEGIN
	IF schema IS NULL THEN
		RAISE EXCEPTION 'schema must not be null'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Leave the argument out to use the schema "retailrocket".';
	END IF;

	IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = schema) THEN
		SELECT string_agg(format('%I', c.relname), ', ' ORDER BY k.place)
		INTO taken
		FROM unnest(ARRAY['events', 'item_properties', 'category_tree', 'settings',
						  'interactions', 'item_categories', 'item_price_bands', 'sequences',
						  'sequence_length_bounds', 'training_sequences',
						  'sequence_statistics', 'sequence_lengths', 'item_popularity',
						  'events_by_day', 'recommendations', 'visitor_recommendations',
						  'changed_visitors'])
			 WITH ORDINALITY AS k(relname, place)
		JOIN pg_class c ON c.relname = k.relname
		JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = schema;

		IF taken IS NOT NULL THEN
			RAISE EXCEPTION 'schema "%" already has relations that the kit would create', schema
				USING ERRCODE = 'duplicate_table',
					DETAIL = format('In the way: %s.', taken),
					HINT = format('Nothing was changed. Name another schema, or move these away first, for example with ALTER SCHEMA %I RENAME TO %I.',
								  schema, 'old_' || schema);
		END IF;

		-- Asked here because CREATE would quote the whole script in its error.
		IF NOT (has_schema_privilege(schema, 'CREATE') AND has_schema_privilege(schema, 'USAGE')) THEN
			RAISE EXCEPTION 'permission denied for schema %', schema
				USING ERRCODE = 'insufficient_privilege',
					HINT = 'The kit belongs to who calls this, who needs CREATE and USAGE on the schema. Name a schema that does not exist to have one of your own.';
		END IF;
	ELSE
		EXECUTE format('CREATE SCHEMA %I', schema);
	END IF;

	-- The files, column by column, so that \copy takes them as they are.
	EXECUTE format($sql$
		CREATE TABLE %1$I.events (
			"timestamp"		bigint NOT NULL,
			visitorid		int NOT NULL,
			event			text NOT NULL,
			itemid			int NOT NULL,
			transactionid	int
		);
		CREATE INDEX ON %1$I.events (visitorid, "timestamp");
		CREATE INDEX ON %1$I.events (itemid);

		COMMENT ON TABLE %1$I.events IS
			'What visitors did, in the layout of the file events.csv. Load it with: \copy %2$s.events FROM ''events.csv'' WITH (FORMAT csv, HEADER)';
		COMMENT ON COLUMN %1$I.events."timestamp" IS 'when, in milliseconds since 1970-01-01 00:00 UTC';
		COMMENT ON COLUMN %1$I.events.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.events.event IS 'what kind of event: view, addtocart or transaction';
		COMMENT ON COLUMN %1$I.events.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.events.transactionid IS 'number of the order, for a transaction only';

		CREATE TABLE %1$I.item_properties (
			"timestamp"		bigint NOT NULL,
			itemid			int NOT NULL,
			property		text NOT NULL,
			value			text
		);
		CREATE INDEX ON %1$I.item_properties (itemid, "timestamp" DESC)
			WHERE property = 'categoryid';
		CREATE INDEX ON %1$I.item_properties (itemid, "timestamp" DESC)
			WHERE property = '790';

		COMMENT ON TABLE %1$I.item_properties IS
			'What items are, in the layout of the files item_properties_part1.csv and item_properties_part2.csv: one row for each time a property had a new value. The views read only the properties "categoryid" and "790", the price.';
		COMMENT ON COLUMN %1$I.item_properties."timestamp" IS 'since when, in milliseconds since 1970-01-01 00:00 UTC';
		COMMENT ON COLUMN %1$I.item_properties.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.item_properties.property IS 'name of the property: "categoryid", "available", or a number that stands for a hidden name';
		COMMENT ON COLUMN %1$I.item_properties.value IS 'value of the property, any text';

		CREATE TABLE %1$I.category_tree (
			categoryid		int NOT NULL,
			parentid		int
		);

		COMMENT ON TABLE %1$I.category_tree IS
			'How categories lie in one another, in the layout of the file category_tree.csv. No view needs it: it may stay empty.';
		COMMENT ON COLUMN %1$I.category_tree.categoryid IS 'the category';
		COMMENT ON COLUMN %1$I.category_tree.parentid IS 'the category it lies in, NULL at the top';
	$sql$, schema, in_literal);

	-- The rules, as one row that UPDATE changes.
	EXECUTE format($sql$
		CREATE TABLE %1$I.settings (
			event_kinds		text[] NOT NULL DEFAULT '{addtocart,transaction}',
			cut				timestamptz,
			min_length		int NOT NULL DEFAULT 3 CHECK (min_length >= 2),
			max_length		int NOT NULL DEFAULT 28 CHECK (max_length >= min_length),
			long_sequences	text NOT NULL DEFAULT 'newest'
							CHECK (long_sequences IN ('newest', 'drop')),
			fence			boolean NOT NULL DEFAULT false,
			model			text NOT NULL DEFAULT 'default',
			k				int NOT NULL DEFAULT 5 CHECK (k >= 0),
			one_row			boolean PRIMARY KEY DEFAULT true CHECK (one_row)
		);
		INSERT INTO %1$I.settings DEFAULT VALUES;

		COMMENT ON TABLE %1$I.settings IS
			'The rules that the views follow, in one row. Change them with UPDATE; the views follow at once. Without its row the views are empty: INSERT INTO %2$s.settings DEFAULT VALUES brings it back.';
		COMMENT ON COLUMN %1$I.settings.event_kinds IS
			'the kinds of event that count, in the order they are taken to happen at the same instant';
		COMMENT ON COLUMN %1$I.settings.cut IS
			'count only events before this time, to train on the past and measure on what came after it; NULL: all events';
		COMMENT ON COLUMN %1$I.settings.min_length IS
			'training_sequences and sequence_length_bounds leave out sequences with fewer events';
		COMMENT ON COLUMN %1$I.settings.max_length IS
			'training_sequences holds at most this many events of a visitor';
		COMMENT ON COLUMN %1$I.settings.long_sequences IS
			'what training_sequences does with a sequence of more than max_length events: "newest" keeps its newest max_length events, "drop" leaves the visitor out';
		COMMENT ON COLUMN %1$I.settings.fence IS
			'whether training_sequences leaves out visitors whose number of events, before any are cut off, is outside the fences of sequence_length_bounds';
		COMMENT ON COLUMN %1$I.settings.model IS 'the model whose answers the view recommendations shows';
		COMMENT ON COLUMN %1$I.settings.k IS 'how many items of each visitor it shows';
		COMMENT ON COLUMN %1$I.settings.one_row IS 'always true: keeps the table at one row';
	$sql$, schema, in_literal);

	-- The steps.  "LIMIT 1" tells the planner what the primary key of settings
	-- implies; without it an estimate for a table that was never analyzed would
	-- multiply every row count.
	EXECUTE format($sql$
		CREATE VIEW %1$I.interactions AS
			SELECT DISTINCT
				e.visitorid,
				e.itemid,
				e.event,
				to_timestamp(e."timestamp" / 1000.0::float8) AS "time",
				e.transactionid,
				array_position(s.event_kinds, e.event) AS event_order
			FROM (SELECT event_kinds, cut FROM %1$I.settings LIMIT 1) s
			CROSS JOIN %1$I.events e
			WHERE e.event = ANY (s.event_kinds)
				AND (s.cut IS NULL OR to_timestamp(e."timestamp" / 1000.0::float8) < s.cut)
			ORDER BY "time", event_order, visitorid, itemid, transactionid;

		COMMENT ON VIEW %1$I.interactions IS
			'Step 1: the events that count (settings.event_kinds, settings.cut), exact duplicates dropped, ordered by time, and at the same instant addtocart before transaction.';
		COMMENT ON COLUMN %1$I.interactions.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.interactions.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.interactions.event IS 'what kind of event';
		COMMENT ON COLUMN %1$I.interactions."time" IS 'when';
		COMMENT ON COLUMN %1$I.interactions.transactionid IS 'number of the order, for a transaction only';
		COMMENT ON COLUMN %1$I.interactions.event_order IS
			'place of the kind in settings.event_kinds, which orders events of the same instant';

		CREATE VIEW %1$I.item_categories AS
			SELECT DISTINCT ON (itemid)
				itemid,
				-- WHERE lets only numbers through, but need not be evaluated first
				CASE WHEN value ~ '^[0-9]{1,9}$' THEN value::int END AS category
			FROM %1$I.item_properties
			WHERE property = 'categoryid' AND value ~ '^[0-9]{1,9}$'
			ORDER BY itemid, "timestamp" DESC, category;

		COMMENT ON VIEW %1$I.item_categories IS
			'Step 2: the category of each item that has one: its newest "categoryid" property, and of several with the same timestamp the lowest. Values that are not a number of up to nine digits are passed over.';
		COMMENT ON COLUMN %1$I.item_categories.itemid IS 'the item';
		COMMENT ON COLUMN %1$I.item_categories.category IS 'its category';

		CREATE VIEW %1$I.item_price_bands AS
			SELECT DISTINCT ON (itemid)
				itemid,
				CASE WHEN value ~ '^n[0-9]{1,9}(\.[0-9]{1,9})?$'
					THEN 1 + floor(log(2, greatest(substr(value, 2)::numeric, 1)))::int END AS price_band
			FROM %1$I.item_properties
			WHERE property = '790' AND value ~ '^n[0-9]{1,9}(\.[0-9]{1,9})?$'
			ORDER BY itemid, "timestamp" DESC, price_band;

		COMMENT ON VIEW %1$I.item_price_bands IS
			'Beside step 2: the price band of each item that has a price: its newest property "790", of several with the same timestamp the lowest band. Each band goes up to twice the price of the one below. Values that are not "n" and a number are passed over.';
		COMMENT ON COLUMN %1$I.item_price_bands.itemid IS 'the item';
		COMMENT ON COLUMN %1$I.item_price_bands.price_band IS 'its band: 1 for prices below 2, 2 below 4, 3 below 8, ...';

		CREATE VIEW %1$I.sequences AS
			SELECT
				i.visitorid,
				array_agg(i.itemid ORDER BY i.step) AS items,
				-- a subquery rather than a join, so that looking up one visitor
				-- looks up only that visitor's items
				array_agg(coalesce((SELECT c.category
									FROM %1$I.item_categories c
									WHERE c.itemid = i.itemid), 0) ORDER BY i.step) AS categories,
				array_agg(i.event ORDER BY i.step) AS events,
				array_agg(i."time" ORDER BY i.step) AS times,
				count(*)::int AS length,
				min(i."time") AS first_time,
				max(i."time") AS last_time,
				array_agg(coalesce((SELECT p.price_band
									FROM %1$I.item_price_bands p
									WHERE p.itemid = i.itemid), 0) ORDER BY i.step) AS price_bands
			FROM (SELECT visitorid, itemid, event, "time",
						 row_number() OVER (PARTITION BY visitorid
											ORDER BY "time", event_order, itemid, transactionid) AS step
				  FROM %1$I.interactions) i
			GROUP BY i.visitorid;

		COMMENT ON VIEW %1$I.sequences IS
			'Step 3: one row a visitor, whatever its length: parallel arrays of what the visitor did, oldest first, ordered by time, then settings.event_kinds, then itemid.';
		COMMENT ON COLUMN %1$I.sequences.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.sequences.items IS 'the items, oldest first';
		COMMENT ON COLUMN %1$I.sequences.categories IS 'the category of each item, 0 where it has none';
		COMMENT ON COLUMN %1$I.sequences.events IS 'the kind of each event';
		COMMENT ON COLUMN %1$I.sequences.times IS 'the time of each event';
		COMMENT ON COLUMN %1$I.sequences.length IS 'number of events';
		COMMENT ON COLUMN %1$I.sequences.first_time IS 'time of the first event';
		COMMENT ON COLUMN %1$I.sequences.last_time IS 'time of the last event';
		COMMENT ON COLUMN %1$I.sequences.price_bands IS 'the price band of each item, 0 where it has none; a model reads it with features => ''{categories,price_bands}''';

		CREATE VIEW %1$I.sequence_length_bounds AS
			SELECT
				q.q1,
				q.q3,
				q.q3 - q.q1 AS iqr,
				q.q1 - 1.5 * (q.q3 - q.q1) AS lower_fence,
				q.q3 + 1.5 * (q.q3 - q.q1) AS upper_fence
			FROM (SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY length) AS q1,
						 percentile_cont(0.75) WITHIN GROUP (ORDER BY length) AS q3
				  FROM %1$I.sequences
				  WHERE length >= (SELECT min_length FROM %1$I.settings)) q;

		COMMENT ON VIEW %1$I.sequence_length_bounds IS
			'Step 4: quartiles and Tukey''s fences of the lengths of sequences with settings.min_length events or more. One row, all NULL when there is no such sequence.';
		COMMENT ON COLUMN %1$I.sequence_length_bounds.q1 IS 'first quartile of the length';
		COMMENT ON COLUMN %1$I.sequence_length_bounds.q3 IS 'third quartile of the length';
		COMMENT ON COLUMN %1$I.sequence_length_bounds.iqr IS 'interquartile range: q3 - q1';
		COMMENT ON COLUMN %1$I.sequence_length_bounds.lower_fence IS 'q1 - 1.5 iqr: a shorter sequence is an outlier';
		COMMENT ON COLUMN %1$I.sequence_length_bounds.upper_fence IS 'q3 + 1.5 iqr: a longer sequence is an outlier';

		CREATE VIEW %1$I.training_sequences AS
			SELECT
				s.visitorid,
				s.items[t.start:] AS items,
				s.categories[t.start:] AS categories,
				s.events[t.start:] AS events,
				s.times[t.start:] AS times,
				s.length - t.start + 1 AS length,
				s.times[t.start] AS first_time,
				s.last_time,
				s.price_bands[t.start:] AS price_bands
			FROM (SELECT min_length, max_length, long_sequences, fence
				  FROM %1$I.settings LIMIT 1) r
			CROSS JOIN %1$I.sequences s
			CROSS JOIN LATERAL (SELECT greatest(s.length - r.max_length, 0) + 1 AS start) t
			WHERE s.length >= r.min_length
				AND (s.length <= r.max_length OR r.long_sequences = 'newest')
				AND (NOT r.fence
					 OR s.length BETWEEN (SELECT lower_fence FROM %1$I.sequence_length_bounds)
									 AND (SELECT upper_fence FROM %1$I.sequence_length_bounds));

		COMMENT ON VIEW %1$I.training_sequences IS
			'Step 5: the sequences to train on, with the columns recseq_train expects: those of settings.min_length events and more; of a sequence with more than settings.max_length events the newest, or nothing (settings.long_sequences); inside the fences only where settings.fence says so.';
		COMMENT ON COLUMN %1$I.training_sequences.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.training_sequences.items IS 'the items, oldest first';
		COMMENT ON COLUMN %1$I.training_sequences.categories IS 'the category of each item, 0 where it has none';
		COMMENT ON COLUMN %1$I.training_sequences.events IS 'the kind of each event';
		COMMENT ON COLUMN %1$I.training_sequences.times IS 'the time of each event';
		COMMENT ON COLUMN %1$I.training_sequences.length IS 'number of events in this row';
		COMMENT ON COLUMN %1$I.training_sequences.first_time IS 'time of the first event in this row';
		COMMENT ON COLUMN %1$I.training_sequences.last_time IS 'time of the last event';
		COMMENT ON COLUMN %1$I.training_sequences.price_bands IS 'the price band of each item, 0 where it has none';
	$sql$, schema);

	-- For reports: plain types, no arrays, one fact a row.
	EXECUTE format($sql$
		CREATE VIEW %1$I.sequence_statistics AS
			SELECT
				i.visitorid,
				i.length,
				i.items,
				i.addtocarts,
				i.transactions,
				i.first_time,
				i.last_time,
				(extract(epoch FROM i.last_time - i.first_time) / 86400)::float8 AS days,
				i.length >= r.min_length
					AND (i.length <= r.max_length OR r.long_sequences = 'newest')
					AND (NOT r.fence
						 OR i.length BETWEEN (SELECT lower_fence FROM %1$I.sequence_length_bounds)
										 AND (SELECT upper_fence FROM %1$I.sequence_length_bounds)) AS in_training
			FROM (SELECT
					  visitorid,
					  count(*)::int AS length,
					  count(DISTINCT itemid)::int AS items,
					  count(*) FILTER (WHERE event = 'addtocart')::int AS addtocarts,
					  count(*) FILTER (WHERE event = 'transaction')::int AS transactions,
					  min("time") AS first_time,
					  max("time") AS last_time
				  FROM %1$I.interactions
				  GROUP BY visitorid) i
			CROSS JOIN (SELECT min_length, max_length, long_sequences, fence
						FROM %1$I.settings LIMIT 1) r;

		COMMENT ON VIEW %1$I.sequence_statistics IS
			'For reports: one row a visitor, with the figures of the sequence but not its arrays.';
		COMMENT ON COLUMN %1$I.sequence_statistics.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.sequence_statistics.length IS 'number of events that count (interactions)';
		COMMENT ON COLUMN %1$I.sequence_statistics.items IS 'number of different items';
		COMMENT ON COLUMN %1$I.sequence_statistics.addtocarts IS 'of the events, those of the kind addtocart';
		COMMENT ON COLUMN %1$I.sequence_statistics.transactions IS 'of the events, those of the kind transaction';
		COMMENT ON COLUMN %1$I.sequence_statistics.first_time IS 'time of the first event';
		COMMENT ON COLUMN %1$I.sequence_statistics.last_time IS 'time of the last event';
		COMMENT ON COLUMN %1$I.sequence_statistics.days IS 'days from the first event to the last';
		COMMENT ON COLUMN %1$I.sequence_statistics.in_training IS 'whether training_sequences has the visitor, by the rules in settings';

		CREATE VIEW %1$I.sequence_lengths AS
			SELECT
				length,
				count(*) AS visitors,
				(count(*) / sum(count(*)) OVER ())::float8 AS share,
				bool_or(in_training) AS in_training
			FROM %1$I.sequence_statistics
			GROUP BY length;

		COMMENT ON VIEW %1$I.sequence_lengths IS
			'For reports: how many visitors have a sequence of each length. sequence_length_bounds has the quartiles and fences to draw with it.';
		COMMENT ON COLUMN %1$I.sequence_lengths.length IS 'number of events of a visitor';
		COMMENT ON COLUMN %1$I.sequence_lengths.visitors IS 'visitors with that many';
		COMMENT ON COLUMN %1$I.sequence_lengths.share IS 'their share of all visitors, 0 to 1';
		COMMENT ON COLUMN %1$I.sequence_lengths.in_training IS 'whether sequences of this length are trained on, by the rules in settings';

		CREATE VIEW %1$I.item_popularity AS
			SELECT
				i.itemid,
				(SELECT c.category FROM %1$I.item_categories c WHERE c.itemid = i.itemid) AS category,
				i.views,
				i.addtocarts,
				i.transactions,
				i.last_time,
				rank() OVER (ORDER BY i.addtocarts + i.transactions DESC)::int AS rank
			FROM (SELECT
					  itemid,
					  count(*) FILTER (WHERE event = 'view') AS views,
					  count(*) FILTER (WHERE event = 'addtocart') AS addtocarts,
					  count(*) FILTER (WHERE event = 'transaction') AS transactions,
					  to_timestamp(max("timestamp") / 1000.0::float8) AS last_time
				  FROM %1$I.events
				  GROUP BY itemid) i;

		COMMENT ON VIEW %1$I.item_popularity IS
			'For reports: one row an item that occurs in events, whatever the rules in settings are.';
		COMMENT ON COLUMN %1$I.item_popularity.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.item_popularity.category IS 'its category, NULL where it has none';
		COMMENT ON COLUMN %1$I.item_popularity.views IS 'number of events of the kind view';
		COMMENT ON COLUMN %1$I.item_popularity.addtocarts IS 'number of events of the kind addtocart';
		COMMENT ON COLUMN %1$I.item_popularity.transactions IS 'number of events of the kind transaction';
		COMMENT ON COLUMN %1$I.item_popularity.last_time IS 'time of its last event of any kind';
		COMMENT ON COLUMN %1$I.item_popularity.rank IS 'place by addtocarts and transactions together, from 1; equal numbers share a place';

		CREATE VIEW %1$I.events_by_day AS
			SELECT
				(to_timestamp("timestamp" / 1000.0::float8) AT TIME ZONE 'UTC')::date AS day,
				event,
				count(*) AS events,
				count(DISTINCT visitorid) AS visitors
			FROM %1$I.events
			GROUP BY 1, 2;

		COMMENT ON VIEW %1$I.events_by_day IS
			'For reports: one row a day and kind of event, whatever the rules in settings are.';
		COMMENT ON COLUMN %1$I.events_by_day.day IS 'the day, in UTC';
		COMMENT ON COLUMN %1$I.events_by_day.event IS 'what kind of event: view, addtocart or transaction';
		COMMENT ON COLUMN %1$I.events_by_day.events IS 'number of events';
		COMMENT ON COLUMN %1$I.events_by_day.visitors IS 'number of visitors who had one';

		-- recseq's functions are called with all their arguments, and these of the
		-- exact types: whoever may create in the schema of the extension may put
		-- another function of the name there, which must not be a better match.
		--
		-- The view goes through a function, whose text is no dependency: DROP EXTENSION leaves the kit alone.
		CREATE FUNCTION %1$I.recommend_history(
			items int[], k int, model text, categories int[], events text[], times timestamptz[])
		RETURNS TABLE (rank int, item int, category int, score real, confidence real, reason text)
		LANGUAGE sql STABLE ROWS 5
		AS %2$L;

		COMMENT ON FUNCTION %1$I.recommend_history(int[], int, text, int[], text[], timestamptz[]) IS
			'recseq_recommend, for the view recommendations.';

		CREATE VIEW %1$I.recommendations AS
			SELECT
				s.visitorid,
				r.rank,
				r.item AS itemid,
				r.category,
				r.score,
				r.confidence,
				r.reason,
				regexp_replace(r.reason, '^(follows|same category as) .*', '\1') AS reason_kind
			FROM (SELECT model, k FROM %1$I.settings LIMIT 1) m
			CROSS JOIN %1$I.sequences s
			CROSS JOIN LATERAL %1$I.recommend_history(s.items, m.k, m.model,
				s.categories, s.events, s.times) r;

		COMMENT ON VIEW %1$I.recommendations IS
			'For reports: what each visitor should be shown, one row an item, as the model of settings.model answers at this moment. Fails when there is no such model.';
		COMMENT ON COLUMN %1$I.recommendations.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.recommendations.rank IS 'place among the visitor''s items, from 1';
		COMMENT ON COLUMN %1$I.recommendations.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.recommendations.category IS 'its category, NULL where it has none';
		COMMENT ON COLUMN %1$I.recommendations.score IS 'the model''s probability of the item, 0 to 1';
		COMMENT ON COLUMN %1$I.recommendations.confidence IS 'score divided by the sum over the visitor''s rows';
		COMMENT ON COLUMN %1$I.recommendations.reason IS 'why the item is there, as recseq_recommend says it';
		COMMENT ON COLUMN %1$I.recommendations.reason_kind IS 'the reason without the item that it names, to group by';
	$sql$, schema,
	format($body$
		SELECT r.rank, r.item, r.category, r.score, r.confidence, r.reason
		FROM %1$I.recseq_recommend(
			recommend_history.items, recommend_history.k, recommend_history.model, NULL::int,
			recommend_history.categories, recommend_history.events, recommend_history.times,
			false, NULL::int[], NULL::int[], NULL::int[], false) r
	$body$, recseq));

	-- The planner cannot tell how many days there are from the number of milliseconds.
	IF current_setting('server_version_num')::int >= 140000 THEN
		EXECUTE format($sql$
			CREATE STATISTICS %1$I.events_day
				ON ((to_timestamp("timestamp" / 1000.0::float8) AT TIME ZONE 'UTC')::date)
				FROM %1$I.events
		$sql$, schema);
	END IF;

	-- Recommendations as of now, and kept ones.  Operators are qualified, since
	-- the caller's search path holds where recommend_visitor is inlined.  Bodies
	-- are literals of format(): a schema may be named like any dollar quote.
	EXECUTE format($sql$
		CREATE FUNCTION %1$I.recommend_visitor(
			visitorid int, k int DEFAULT 5, model text DEFAULT 'default')
		RETURNS TABLE (rank int, item int, category int, score real, confidence real, reason text)
		LANGUAGE sql STABLE ROWS 5
		AS %2$L;

		COMMENT ON FUNCTION %1$I.recommend_visitor(int, int, text) IS
			'The k items that a visitor most probably wants next, from all events that the statement sees: one that is committed counts in the next call. Popular items for a visitor without any.';

		CREATE TABLE %1$I.visitor_recommendations (
			visitorid		int NOT NULL,
			rank			int NOT NULL,
			item			int NOT NULL,
			category		int,
			score			real NOT NULL,
			confidence		real NOT NULL,
			reason			text NOT NULL,
			refreshed		timestamptz NOT NULL,
			PRIMARY KEY (visitorid, rank)
		);

		COMMENT ON TABLE %1$I.visitor_recommendations IS
			'Recommendations computed ahead, which refresh_visitor_recommendations() keeps up to date.';
		COMMENT ON COLUMN %1$I.visitor_recommendations.visitorid IS 'for whom';
		COMMENT ON COLUMN %1$I.visitor_recommendations.rank IS '1 is the best';
		COMMENT ON COLUMN %1$I.visitor_recommendations.item IS 'the recommended item';
		COMMENT ON COLUMN %1$I.visitor_recommendations.category IS 'its category, NULL where the model knows none';
		COMMENT ON COLUMN %1$I.visitor_recommendations.score IS 'the model''s probability of the item';
		COMMENT ON COLUMN %1$I.visitor_recommendations.confidence IS 'the score''s share among those of the visitor';
		COMMENT ON COLUMN %1$I.visitor_recommendations.reason IS 'why: see recseq_recommend';
		COMMENT ON COLUMN %1$I.visitor_recommendations.refreshed IS 'start of the transaction that computed it';

		CREATE TABLE %1$I.changed_visitors (
			visitorid		int NOT NULL
		);

		COMMENT ON TABLE %1$I.changed_visitors IS
			'Visitors whose events have changed since their recommendations were computed; may name one more than once. Triggers on events write it, once refresh_visitor_recommendations() has been called.';
		COMMENT ON COLUMN %1$I.changed_visitors.visitorid IS 'who';

		-- With its owner's rights, so that who may write events need not have any
		-- on changed_visitors.
		CREATE FUNCTION %1$I.note_changed_visitors()
		RETURNS trigger
		LANGUAGE plpgsql SECURITY DEFINER
		SET search_path = pg_catalog, pg_temp
		AS %3$L;
		REVOKE ALL ON FUNCTION %1$I.note_changed_visitors() FROM PUBLIC;

		COMMENT ON FUNCTION %1$I.note_changed_visitors() IS
			'Trigger on events: writes to changed_visitors whose events of a kind that counts have changed.';

		CREATE TRIGGER visitors_inserted AFTER INSERT ON %1$I.events
			REFERENCING NEW TABLE AS new_rows
			FOR EACH STATEMENT EXECUTE FUNCTION %1$I.note_changed_visitors();
		CREATE TRIGGER visitors_updated AFTER UPDATE ON %1$I.events
			REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
			FOR EACH STATEMENT EXECUTE FUNCTION %1$I.note_changed_visitors();
		CREATE TRIGGER visitors_deleted AFTER DELETE ON %1$I.events
			REFERENCING OLD TABLE AS old_rows
			FOR EACH STATEMENT EXECUTE FUNCTION %1$I.note_changed_visitors();
		ALTER TABLE %1$I.events
			DISABLE TRIGGER visitors_inserted,
			DISABLE TRIGGER visitors_updated,
			DISABLE TRIGGER visitors_deleted;

		-- A visitor is written to changed_visitors by the transaction that writes
		-- the events.  So when the visitor is seen there, the events are seen too,
		-- and a transaction that commits late is found by the next refresh.
		CREATE FUNCTION %1$I.refresh_visitor_recommendations(
			model text DEFAULT 'default', k int DEFAULT 5, all_visitors boolean DEFAULT false)
		RETURNS bigint
		LANGUAGE plpgsql
		SET search_path = pg_catalog, pg_temp
		AS %4$L;
		REVOKE ALL ON FUNCTION %1$I.refresh_visitor_recommendations(text, int, boolean) FROM PUBLIC;

		COMMENT ON FUNCTION %1$I.refresh_visitor_recommendations(text, int, boolean) IS
			'Computes visitor_recommendations anew for the visitors whose events have changed since the last call, or for all, and returns for how many; then notifies the channel visitor_recommendations with {"schema": ..., "visitors": ...}. all_visitors is for a new version of the model, changed settings or categories, and after TRUNCATE. The first call, which must be the owner''s, computes all and turns on the triggers that note changes; until its transaction ends nobody else can write events.';
	$sql$, schema,
	format($body$
		SELECT r.rank, r.item, r.category, r.score, r.confidence, r.reason
		FROM (SELECT) one
		LEFT JOIN %1$I.sequences s ON s.visitorid OPERATOR(pg_catalog.=) recommend_visitor.visitorid
		CROSS JOIN LATERAL %2$I.recseq_recommend(
			coalesce(s.items, '{}'::int[]), recommend_visitor.k, recommend_visitor.model, NULL::int,
			s.categories, s.events, s.times, false, NULL::int[], NULL::int[], NULL::int[], false) r
	$body$, schema, recseq),
	$body$
	BEGIN
		EXECUTE format('INSERT INTO %1$I.changed_visitors
						SELECT DISTINCT visitorid FROM %2$s e
						WHERE event = ANY ((SELECT event_kinds FROM %1$I.settings)::text[])',
					   TG_TABLE_SCHEMA,
					   CASE TG_OP WHEN 'UPDATE' THEN '(TABLE old_rows UNION ALL TABLE new_rows)'
								  WHEN 'DELETE' THEN 'old_rows'
								  ELSE 'new_rows' END);
		RETURN NULL;
	END
	$body$,
	format($body$
	DECLARE
		changed		int[];
		visitors	bigint;
	BEGIN
		-- one refresh at a time; it does not hold up those who write events
		LOCK TABLE %1$I.changed_visitors IN SHARE UPDATE EXCLUSIVE MODE;

		-- This waits for all who have written events, and their commit is seen
		-- by the next statement.
		IF EXISTS (SELECT FROM pg_trigger
				   WHERE tgrelid = %3$L::regclass AND tgenabled = 'D'
					 AND tgname IN ('visitors_inserted', 'visitors_updated', 'visitors_deleted')) THEN
			IF current_setting('transaction_isolation') <> 'read committed' THEN
				RAISE EXCEPTION 'the first refresh must be in a transaction in READ COMMITTED'
					USING ERRCODE = 'object_not_in_prerequisite_state';
			END IF;
			ALTER TABLE %1$I.events
				ENABLE TRIGGER visitors_inserted,
				ENABLE TRIGGER visitors_updated,
				ENABLE TRIGGER visitors_deleted;
			all_visitors := true;
		END IF;

		IF all_visitors OR NOT EXISTS (SELECT FROM %1$I.visitor_recommendations) THEN
			DELETE FROM %1$I.changed_visitors;
			DELETE FROM %1$I.visitor_recommendations;
			INSERT INTO %1$I.visitor_recommendations
			SELECT r.id::int, r.rank, r.item::int, r.category::int, r.score, r.confidence, r.reason, now()
			FROM %2$I.recseq_recommend_batch(%4$L::regclass, k, model, NULL::int, false, NULL::bigint[], NULL::bigint[], NULL::bigint[], false) r;
			SELECT count(DISTINCT visitorid) INTO visitors FROM %1$I.visitor_recommendations;
		ELSE
			WITH taken AS (DELETE FROM %1$I.changed_visitors RETURNING visitorid)
			SELECT coalesce(array_agg(DISTINCT visitorid), '{}') INTO changed FROM taken;
			DELETE FROM %1$I.visitor_recommendations WHERE visitorid = ANY (changed);
			INSERT INTO %1$I.visitor_recommendations
			SELECT s.visitorid, r.rank, r.item, r.category, r.score, r.confidence, r.reason, now()
			FROM %1$I.sequences s
			CROSS JOIN LATERAL %2$I.recseq_recommend(s.items, k, model, NULL::int,
				s.categories, s.events, s.times, false, NULL::int[], NULL::int[], NULL::int[], false) r
			WHERE s.visitorid = ANY (changed);
			visitors := cardinality(changed);
		END IF;

		IF visitors > 0 THEN
			PERFORM pg_notify('visitor_recommendations',
							  json_build_object('schema', %1$L, 'visitors', visitors)::text);
		END IF;
		RETURN visitors;
	END
	$body$, schema, recseq, format('%I.events', schema), format('%I.sequences', schema)));
END
$function$;

COMMENT ON FUNCTION @extschema@.recseq_retailrocket(name) IS
'Creates the Retailrocket kit, owned by the caller: the tables events, item_properties and category_tree in the layout of the Kaggle files, the table settings that holds the rules, the views interactions, item_categories, sequences, sequence_length_bounds and training_sequences, the function recommend_visitor, the table visitor_recommendations with the function refresh_visitor_recommendations that fills it, and, for reports, the views sequence_statistics, sequence_lengths, item_popularity, events_by_day and recommendations.
schema: where, any name; created when there is no such schema.
Fails, and changes nothing, when one of these relations exists there already (duplicate_table), when schema is null (null_value_not_allowed), or when the caller may not create the schema or relations in it (insufficient_privilege).';

CREATE FUNCTION @extschema@.recseq_sample_data(schema name DEFAULT 'retailrocket',
											   visitors int DEFAULT 4000,
											   items int DEFAULT 1000,
											   seed int DEFAULT 1)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	max_visitors CONSTANT int := 1000000;
	max_items	CONSTANT int := 1000000;
	relation	text;
	filled		boolean;
	leaves		int;
	inserted	bigint;
BEGIN
	IF schema IS NULL OR visitors IS NULL OR items IS NULL OR seed IS NULL THEN
		RAISE EXCEPTION 'schema, visitors, items and seed must not be null'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Leave an argument out to use its default.';
	END IF;
	IF visitors NOT BETWEEN 1 AND max_visitors THEN
		RAISE EXCEPTION 'visitors must be between 1 and %, not %', max_visitors, visitors
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Leave the argument out to use the default of 4000.';
	END IF;
	IF items NOT BETWEEN 1 AND max_items THEN
		RAISE EXCEPTION 'items must be between 1 and %, not %', max_items, items
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Leave the argument out to use the default of 1000.';
	END IF;

	FOREACH relation IN ARRAY ARRAY['events', 'item_properties', 'category_tree'] LOOP
		IF to_regclass(format('%I.%I', schema, relation)) IS NULL THEN
			RAISE EXCEPTION 'relation "%.%" does not exist', schema, relation
				USING ERRCODE = 'undefined_table',
					HINT = format('Create the tables first: SELECT recseq_retailrocket(%L).', schema);
		END IF;
		EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', schema, relation) INTO filled;
		IF filled THEN
			RAISE EXCEPTION 'table "%.%" is not empty', schema, relation
				USING ERRCODE = 'object_not_in_prerequisite_state',
					HINT = 'Sample data is never mixed with other rows. Name another schema, or empty the tables first.';
		END IF;
	END LOOP;

	-- Items 1..items are dealt out over the leaf categories 0..leaves-1, so that
	-- item i is in leaf (i - 1) % leaves, and within it the lower the more popular.
	-- The category id of a leaf is 101 + leaf; 1.. are the categories above them.
	leaves := least(greatest(items / 20, 20), 100, items);

	EXECUTE format($sql$
		INSERT INTO %1$I.category_tree (categoryid, parentid)
		SELECT parent, NULL
		FROM generate_series(1, ($1 + 7) / 8) AS parent
		UNION ALL
		SELECT 101 + leaf, 1 + leaf / 8
		FROM generate_series(0, $1 - 1) AS leaf
	$sql$, schema) USING leaves;

	-- One item in 40 has no category; one in 20 was moved from another category.
	EXECUTE format($sql$
		INSERT INTO %1$I.item_properties ("timestamp", itemid, property, value)
		SELECT p."timestamp", item, p.property, p.value
		FROM generate_series(1, $2) AS item
		CROSS JOIN LATERAL (VALUES
			(1430622000000, 'available', '1', true),
			(1430622000000, 'categoryid', (101 + item %% $1)::text, item %% 20 = 7),
			(1431226800000, 'categoryid', (101 + (item - 1) %% $1)::text, item %% 40 <> 0)
		) AS p("timestamp", property, value, here)
		WHERE p.here
		ORDER BY p."timestamp", item, p.property COLLATE "C"
	$sql$, schema) USING leaves, items;

	-- Each visitor is a random walk of "length" events.  Chance comes from SHA-256
	-- of seed, visitor and step, cut into 24-bit fractions, and only integers and
	-- IEEE products follow: the rows are the same on every server and platform.
	-- OFFSET 0 keeps the planner from evaluating a subquery again at each reference.
	--
	-- u * u * u, times n, rounded down, is a rank below n with a density that
	-- falls like rank^(-2/3): few are popular, many are rare.
	EXECUTE format($sql$
		INSERT INTO %1$I.events ("timestamp", visitorid, event, itemid, transactionid)
		WITH RECURSIVE walk AS (
			-- step 0: who the visitor is; most look at one category, and at a second
			SELECT
				visitor,
				0 AS step,
				CASE
					WHEN d.class < 0.40 THEN 1 + floor(d.length * 2)::int
					WHEN d.class < 0.80 THEN 3 + floor(d.length * 4)::int
					WHEN d.class < 0.95 THEN 7 + floor(d.length * 8)::int
					WHEN d.class < 0.99 THEN 15 + floor(d.length * 16)::int
					ELSE 31 + floor(d.length * 30)::int
				END AS length,
				floor($1 * d.home * d.home)::int AS home,
				floor($1 * d.other * d.other)::int AS other,
				-- 3 May 2015, and 100 days from there
				1430611200000 + floor(d.start * 8640000000)::bigint AS ms,
				NULL::text AS event,
				NULL::int AS item,
				NULL::int AS item_before
			FROM generate_series(1, $3) AS visitor
			CROSS JOIN LATERAL (
				SELECT
					substring(h.bits FROM 1 FOR 24)::int / 16777216.0::float8 AS class,
					substring(h.bits FROM 25 FOR 24)::int / 16777216.0::float8 AS length,
					substring(h.bits FROM 49 FOR 24)::int / 16777216.0::float8 AS home,
					substring(h.bits FROM 73 FOR 24)::int / 16777216.0::float8 AS other,
					substring(h.bits FROM 97 FOR 24)::int / 16777216.0::float8 AS start
				FROM (SELECT ('x' || encode(sha256(($4 || '/' || visitor || '/0')::bytea), 'hex'))::bit(256) AS bits
					  OFFSET 0) h
				OFFSET 0) d

			UNION ALL

			SELECT
				w.visitor,
				w.step + 1,
				w.length,
				w.home,
				w.other,
				-- minutes go by, or now and then hours or days
				w.ms + CASE
					WHEN m.move = 'buy' OR d.pause < 0.80 THEN 60000 + floor(d.gap * 540000)::bigint
					ELSE 3600000 + floor(d.gap * d.gap * 432000000)::bigint
				END,
				CASE m.move WHEN 'buy' THEN 'transaction' ELSE 'addtocart' END,
				CASE m.move
					WHEN 'buy' THEN w.item
					WHEN 'again' THEN w.item
					WHEN 'back' THEN w.item_before
					-- each item has one accessory, in the leaf half the way round
					WHEN 'accessory' THEN (w.item - 1 + greatest($1 / 2, 1)) %% $2 + 1
					-- a popular item of the leaf, which has ($2 - leaf - 1) / $1 + 1 of them
					ELSE floor((($2 - l.leaf - 1) / $1 + 1) * d.item * d.item * d.item)::int * $1 + l.leaf + 1
				END,
				w.item
			FROM walk w
			CROSS JOIN LATERAL (
				SELECT
					substring(h.bits FROM 1 FOR 24)::int / 16777216.0::float8 AS move,
					substring(h.bits FROM 25 FOR 24)::int / 16777216.0::float8 AS leaf,
					substring(h.bits FROM 49 FOR 24)::int / 16777216.0::float8 AS any_leaf,
					substring(h.bits FROM 73 FOR 24)::int / 16777216.0::float8 AS item,
					substring(h.bits FROM 97 FOR 24)::int / 16777216.0::float8 AS pause,
					substring(h.bits FROM 121 FOR 24)::int / 16777216.0::float8 AS gap
				FROM (SELECT ('x' || encode(sha256(($4 || '/' || w.visitor || '/' || (w.step + 1))::bytea), 'hex'))::bit(256) AS bits
					  OFFSET 0) h
				OFFSET 0) d
			CROSS JOIN LATERAL (
				-- what is in the cart is bought or put there again; what was bought
				-- calls for its accessory, and is not wanted again
				SELECT CASE
					WHEN w.step = 0 THEN 'browse'
					WHEN w.event = 'addtocart' THEN
						CASE WHEN d.move < 0.40 THEN 'buy'
							 WHEN d.move < 0.50 THEN 'again'
							 WHEN d.move < 0.55 AND w.item_before IS NOT NULL THEN 'back'
							 WHEN d.move < 0.75 THEN 'accessory'
							 ELSE 'browse' END
					WHEN d.move < 0.60 THEN 'accessory'
					ELSE 'browse'
				END AS move
				OFFSET 0) m
			CROSS JOIN LATERAL (
				SELECT CASE
					WHEN d.leaf < 0.75 THEN w.home
					WHEN d.leaf < 0.92 THEN w.other
					ELSE floor($1 * d.any_leaf)::int
				END AS leaf
				OFFSET 0) l
			WHERE w.step < w.length
		)
		SELECT
			e.ms,
			w.visitor,
			e.event,
			w.item,
			CASE e.event WHEN 'transaction' THEN
				row_number() OVER (PARTITION BY e.event ORDER BY e.ms, w.visitor, w.step) - 1
			END
		FROM walk w
		-- who puts an item into the cart viewed it half a minute before
		CROSS JOIN LATERAL (VALUES
			(w.ms - 30000, 'view', w.event = 'addtocart'),
			(w.ms, w.event, true)
		) AS e(ms, event, here)
		WHERE w.step > 0 AND e.here
		ORDER BY e.ms, w.visitor, w.step
	$sql$, schema) USING leaves, items, visitors, seed;
	GET DIAGNOSTICS inserted = ROW_COUNT;

	-- Autovacuum would come too late for a training that follows at once.
	EXECUTE format('ANALYZE %1$I.events, %1$I.item_properties, %1$I.category_tree', schema);

	RETURN inserted;
END
$function$;

COMMENT ON FUNCTION @extschema@.recseq_sample_data(name, int, int, int) IS
'Fills the tables of the Retailrocket kit with synthetic rows in the layout of the real files, with skewed popularity, categories, carts that are bought, accessories that follow a purchase, and visitors who keep to one or two categories over about four months. Returns the number of rows in events. The same arguments give the same rows on every server.
schema: where recseq_retailrocket created the tables.
visitors: 1 to 1000000; each has 1 to 60 events other than views, on average about five.
items: 1 to 1000000; ids are 1 to items, in 20 to 100 leaf categories (fewer when there are fewer items).
seed: any number; another seed gives other visitors over the same items.
Fails when the tables do not exist (undefined_table) or one of them has rows (object_not_in_prerequisite_state), when an argument is out of its range (invalid_parameter_value) or null (null_value_not_allowed).';
