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
	recseq	name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
					 WHERE e.extname = 'recseq');
	in_literal text := replace(quote_ident(schema), '''', '''''');
BEGIN
	IF schema IS NULL THEN
		RAISE EXCEPTION 'schema must not be null'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Leave the argument out to use the schema "retailrocket".';
	END IF;

	EXECUTE format('SELECT %I.recseq_kit_schema($1, $2)', recseq) USING schema,
		'{events,item_properties,category_tree,settings,log,interactions,item_categories,item_price_bands,products,catalog,sequences,sequence_length_bounds,training_sequences,sequence_statistics,sequence_lengths,item_popularity,events_by_day,recommendations,visitor_recommendations,changed_visitors,impressions,outcomes,impression_outcomes,variant_days}'::name[];

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

	-- What the items are: their newest properties.
	EXECUTE format($sql$
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
	$sql$, schema);

	-- The planner cannot tell how many days there are from the number of milliseconds.
	IF current_setting('server_version_num')::int >= 140000 THEN
		EXECUTE format($sql$
			CREATE STATISTICS %1$I.events_day
				ON ((to_timestamp("timestamp" / 1000.0::float8) AT TIME ZONE 'UTC')::date)
				FROM %1$I.events
		$sql$, schema);
	END IF;

	EXECUTE format('SELECT %I.recseq_kit(%L::name, %L::regclass, ''visitorid''::name, ''itemid''::name, ''timestamp''::name, ''event''::name, ''transactionid''::name, ''{addtocart,transaction}''::text[], NULL::regclass, NULL::name, NULL::name, NULL::name, NULL::name, NULL::name, NULL::name, NULL::name)',
				   recseq, schema, format('%I.events', schema));
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
