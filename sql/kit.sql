-- A kit: over a log of a shop's own, the views from it to training sequences, and what
-- answers from them.
--
-- Everything here is SQL over objects that belong to the caller: nothing is a member of
-- the extension but the function, nothing of the shop's is copied, and nothing in the C
-- code knows these names.
--
-- Ids.  The views that name one item a row have it as the shop does, so that the shop's
-- own indexes answer; sequences, and what asks a model, have it as a type that models
-- know: integer, bigint, or text, which uuid is cast to.

CREATE FUNCTION @extschema@.recseq_kit_schema(schema name, relations name[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	taken	text;
BEGIN
	IF schema IS NULL OR relations IS NULL THEN
		RAISE EXCEPTION 'schema and relations must not be null'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = schema) THEN
		EXECUTE format('CREATE SCHEMA %I', schema);
		RETURN;
	END IF;

	SELECT string_agg(format('%I', r.relname), ', ' ORDER BY k.place)
	INTO taken
	FROM unnest(relations) WITH ORDINALITY AS k(relname, place)
	JOIN pg_class r ON r.relname = k.relname
	JOIN pg_namespace n ON n.oid = r.relnamespace AND n.nspname = schema;

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
END
$function$;

COMMENT ON FUNCTION @extschema@.recseq_kit_schema(name, name[]) IS
'The schema of a kit, for the functions that make kits: creates it when there is no such schema, and otherwise fails when it has one of the relations (duplicate_table) or when the caller may not create in it (insufficient_privilege).';

CREATE FUNCTION @extschema@.recseq_kit(
	schema name,
	events regclass,
	user_column name DEFAULT NULL,
	item_column name DEFAULT NULL,
	time_column name DEFAULT NULL,
	kind_column name DEFAULT NULL,
	order_column name DEFAULT NULL,
	event_kinds text[] DEFAULT NULL,
	items regclass DEFAULT NULL,
	item_id_column name DEFAULT NULL,
	category_column name DEFAULT NULL,
	name_column name DEFAULT NULL,
	picture_column name DEFAULT NULL,
	url_column name DEFAULT NULL,
	price_column name DEFAULT NULL,
	available_column name DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $function$
DECLARE
	-- The types that a column may have; what is made of them calls nothing but built-in functions.
	whole_numbers CONSTANT regtype[] := '{smallint,integer,bigint}';
	texts		CONSTANT regtype[] := '{text,character varying,character}';
	numbers		CONSTANT regtype[] := whole_numbers || '{numeric,real,double precision}'::regtype[];
	ids			CONSTANT regtype[] := whole_numbers || texts || '{uuid}'::regtype[];
	moments		CONSTANT regtype[] := '{timestamp with time zone,timestamp without time zone,date,bigint}';
	-- What other shops call them, for reports; purchases are those of recseq_train.
	views		CONSTANT text[] := '{view,click,visit}';
	carts		CONSTANT text[] := '{addtocart,add_to_cart,cart}';
	purchases	CONSTANT text[] := '{transaction,purchase,buy,order}';

	recseq		name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
						 WHERE e.extname = 'recseq');
	in_literal	text := replace(quote_ident(schema), '''', '''''');
	taken		text;
	relation	regclass;
	c			record;		-- of the columns that are looked for
	col		record;		-- the column of the relation
	columns		jsonb := '{}';	-- by argument: name, place and type of the column
	guessed		text[] := '{}';
	log			text;		-- the log's qualified name
	products	text;		-- that of items
	item		text;		-- type of items where models are asked, and of their categories; for any search path
	visitor		regtype;	-- visitors as an argument
	as_item		text;		-- an item of a model's, "i.item", as the shop has it
	given		text[];		-- views that the schema has already, which count
	categories	boolean;
	prices		boolean;
	triggers	boolean;	-- note whose events have changed; else refresh_visitor_recommendations compares
	prefix		text;		-- of the triggers' names
	state		CONSTANT text := 'hash_array_extended(s.items, 0) # coalesce(hash_array_extended(s.categories, 1), 0) # hash_array_extended(s.events, 2) # hash_array_extended(s.times, 3)';
BEGIN
	IF schema IS NULL OR events IS NULL THEN
		RAISE EXCEPTION 'schema and events must not be null'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'For example: SELECT recseq_kit(''shop'', events => ''orders'').';
	END IF;

	FOREACH relation IN ARRAY ARRAY[events, items] LOOP
		CONTINUE WHEN relation IS NULL;
		IF NOT EXISTS (SELECT FROM pg_class r
					   WHERE r.oid = relation AND r.relkind IN ('r', 'p', 'v', 'm', 'f') AND r.relpersistence <> 't') THEN
			RAISE EXCEPTION '"%" is not a table or view that stays', relation
				USING ERRCODE = 'wrong_object_type',
					HINT = 'Give a table, a foreign table, or a view, and no temporary one.';
		END IF;
		IF NOT has_table_privilege(relation, 'SELECT') THEN
			RAISE EXCEPTION 'permission denied for relation %', relation
				USING ERRCODE = 'insufficient_privilege',
					HINT = 'The kit''s views read it with the rights of who calls this, who needs SELECT on it.';
		END IF;
	END LOOP;

	-- Which column is which: the one that is named, else the only one of a usual name; '' where there is none.
	FOR c IN
		SELECT a.* FROM (VALUES
			('user_column', events, user_column, true, ids,
			 '{visitorid,visitor_id,user_id,userid,customer_id,customerid,client_id,session_id}'::name[]),
			('item_column', events, item_column, true, ids,
			 '{itemid,item_id,product_id,productid,sku,article_id}'),
			('time_column', events, time_column, true, moments,
			 '{timestamp,time,at,created_at,ordered_at,bought_at,event_time,occurred_at}'),
			('kind_column', events, kind_column, false, whole_numbers || texts,
			 '{event,kind,event_type,event_kind}'),
			('order_column', events, order_column, false, ids || moments,
			 '{line,line_no,line_number,position}'),
			('item_id_column', items, item_id_column, true, ids,
			 ARRAY['itemid', 'item_id', 'product_id', 'productid', 'sku', 'article_id', 'id']),
			('category_column', items, category_column, false, ids,
			 '{category,category_id,categoryid}'),
			('name_column', items, name_column, false, texts,
			 '{name,title,product_name,item_name}'),
			('picture_column', items, picture_column, false, texts,
			 '{picture,picture_url,image,image_url,photo,photo_url,thumbnail}'),
			('url_column', items, url_column, false, texts,
			 '{url,link,product_url,page_url}'),
			('price_column', items, price_column, false, numbers,
			 '{price}'),
			('available_column', items, available_column, false, whole_numbers || '{boolean}'::regtype[],
			 '{available,in_stock,is_available}'))
			AS a(argument, relation, given, needed, types, usual)
		WHERE a.relation IS NOT NULL
	LOOP
		CONTINUE WHEN c.given = '' AND NOT c.needed;

		WITH RECURSIVE base AS (
			SELECT a.attname, a.attnum, a.atttypid AS type
			FROM pg_attribute a
			WHERE a.attrelid = c.relation AND a.attnum > 0 AND NOT a.attisdropped
				AND CASE WHEN c.given IS NULL THEN a.attname = ANY (c.usual) ELSE a.attname = c.given END
			UNION ALL
			SELECT b.attname, b.attnum, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
		)
		SELECT count(*) AS many, min(b.attname) AS attname, min(b.attnum) AS attnum, min(b.type)::regtype AS type,
			bool_or(t.typtype = 'e') AS is_enum, string_agg(quote_ident(b.attname), ', ' ORDER BY b.attnum) AS names
		INTO col
		FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype <> 'd';

		-- A column of a usual name that cannot be it is none, where none is needed.
		CONTINUE WHEN c.given IS NULL AND NOT c.needed
			AND (col.many <> 1 OR NOT (col.type = ANY (c.types) OR col.is_enum AND c.argument = 'kind_column'));

		IF col.many <> 1 THEN
			RAISE EXCEPTION '%', CASE WHEN c.given IS NOT NULL
					THEN format('column "%s" of relation "%s" does not exist', c.given, c.relation)
					ELSE format('cannot tell which column of relation "%s" is the %s', c.relation, c.argument) END
				USING ERRCODE = CASE WHEN col.many > 1 THEN 'ambiguous_column' ELSE 'undefined_column' END,
					DETAIL = (SELECT format('Its columns are: %s.', string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)),
																			  ', ' ORDER BY a.attnum))
							  FROM pg_attribute a
							  WHERE a.attrelid = c.relation AND a.attnum > 0 AND NOT a.attisdropped),
					HINT = format('Name it: %s => ''...''.', c.argument);
		END IF;
		IF NOT (col.type = ANY (c.types) OR col.is_enum AND c.argument = 'kind_column') THEN
			RAISE EXCEPTION 'column "%" of relation "%" is of type %, which the % cannot have',
					col.attname, c.relation, col.type, c.argument
				USING ERRCODE = 'datatype_mismatch',
					DETAIL = format('It can be of type %s.', array_to_string(c.types, ', ')),
					HINT = format('Make a view that casts it%s, and give the view instead of the relation.',
								  CASE WHEN c.argument = 'time_column' THEN ', for example with to_timestamp()' ELSE '' END);
		END IF;
		IF c.given IS NULL THEN
			guessed := guessed || format('%s => %L', c.argument, col.attname);
		END IF;
		columns := columns || jsonb_build_object(c.argument,
			jsonb_build_object('name', col.attname, 'place', col.attnum, 'type', col.type::oid));
	END LOOP;

	IF items IS NOT NULL
		AND (SELECT count(DISTINCT CASE WHEN t.type = ANY (whole_numbers) THEN 1 WHEN t.type = ANY (texts) THEN 2 ELSE 3 END)
			 FROM unnest(ARRAY[columns #>> '{item_column,type}', columns #>> '{item_id_column,type}']::oid[]) AS t(type)) > 1 THEN
		RAISE EXCEPTION 'column "%" of relation "%" cannot be compared with column "%" of relation "%"',
				columns #>> '{item_id_column,name}', items, columns #>> '{item_column,name}', events
			USING ERRCODE = 'datatype_mismatch',
				DETAIL = format('One is of type %s, the other of type %s.',
								(columns #>> '{item_id_column,type}')::oid::regtype, (columns #>> '{item_column,type}')::oid::regtype),
				HINT = 'Make a view that casts one of them, and give the view instead of the relation.';
	END IF;

	EXECUTE format('SELECT %I.recseq_kit_schema($1, $2)', recseq) USING schema,
		'{settings,log,interactions,products,catalog,sequences,sequence_length_bounds,training_sequences,sequence_statistics,sequence_lengths,item_popularity,events_by_day,recommendations,visitor_recommendations,changed_visitors,visitor_states,impressions,outcomes,impression_outcomes,variant_days}'::name[];

	-- What somebody else has made could call functions of theirs.
	SELECT array_agg(r.relname), min(r.relname) FILTER (WHERE r.relowner <> current_user::regrole)
	INTO given, taken
	FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace AND n.nspname = schema
	WHERE r.relname IN ('item_categories', 'item_price_bands');
	IF taken IS NOT NULL THEN
		RAISE EXCEPTION 'relation "%.%" belongs to another role', schema, taken
			USING ERRCODE = 'insufficient_privilege';
	END IF;

	SELECT format('%I.%I', n.nspname, r.relname), r.relkind = 'r' AND pg_has_role(r.relowner, 'USAGE'),
		CASE WHEN n.nspname = schema THEN '' ELSE left(schema::text, 40) || '_' END
	INTO log, triggers, prefix
	FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = events;
	products := (SELECT format('%I.%I', n.nspname, r.relname)
				 FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = items);
	categories := columns ? 'category_column' OR 'item_categories' = ANY (given);
	prices := columns ? 'price_column' OR 'item_price_bands' = ANY (given);

	-- Of the types the one that holds both items and categories.
	SELECT CASE WHEN bool_or(NOT (t.type = ANY (whole_numbers))) THEN 'pg_catalog.text'
				WHEN bool_or(t.type = 'bigint'::regtype) THEN 'bigint'
				ELSE 'integer' END
	INTO item
	FROM unnest(ARRAY[columns #>> '{item_column,type}', columns #>> '{category_column,type}']::oid[]) AS t(type)
	WHERE t.type IS NOT NULL;
	visitor := CASE WHEN (columns #>> '{user_column,type}')::oid = ANY (texts) THEN 'text'
					WHEN (columns #>> '{user_column,type}')::oid = 'smallint'::regtype THEN 'integer'
					ELSE (columns #>> '{user_column,type}')::oid::regtype END;
	-- These stand in functions that are inlined, where the caller's search path holds.
	as_item := CASE
		WHEN item <> 'pg_catalog.text' OR (columns #>> '{item_column,type}')::oid = ANY (texts) THEN 'i.item'
		WHEN (columns #>> '{item_column,type}')::oid = 'uuid'::regtype
			THEN 'CASE WHEN i.item OPERATOR(pg_catalog.~) ''^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'' THEN i.item::pg_catalog.uuid END'
		ELSE 'CASE WHEN i.item OPERATOR(pg_catalog.~) ''^-?[0-9]{1,18}$'' THEN i.item::bigint END' END;

	-- The rules, as one row that UPDATE changes.
	EXECUTE format($sql$
		CREATE TABLE %1$I.settings (
			event_kinds		text[] DEFAULT %3$L,
			cut				timestamptz,
			min_length		int NOT NULL DEFAULT 3 CHECK (min_length >= 2),
			max_length		int NOT NULL DEFAULT 28 CHECK (max_length >= min_length),
			long_sequences	text NOT NULL DEFAULT 'newest'
							CHECK (long_sequences IN ('newest', 'drop')),
			fence			boolean NOT NULL DEFAULT false,
			model			text NOT NULL DEFAULT 'default',
			k				int NOT NULL DEFAULT 5 CHECK (k >= 0),
			exclude_seen	boolean NOT NULL DEFAULT false,
			unknown_items	boolean,
			rules			jsonb CHECK (jsonb_typeof(rules) = 'object'),
			attribution		interval NOT NULL DEFAULT '1 day' CHECK (attribution > '0'),
			one_row			boolean PRIMARY KEY DEFAULT true CHECK (one_row)
		);
		INSERT INTO %1$I.settings DEFAULT VALUES;

		COMMENT ON TABLE %1$I.settings IS
			'The rules that the views follow, in one row. Change them with UPDATE; the views follow at once. Without its row the views are empty: INSERT INTO %2$s.settings DEFAULT VALUES brings it back.';
		COMMENT ON COLUMN %1$I.settings.event_kinds IS
			'the kinds of event that count, in the order they are taken to happen at the same instant; NULL: all kinds';
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
		COMMENT ON COLUMN %1$I.settings.model IS 'the model that answers, unless a call names another';
		COMMENT ON COLUMN %1$I.settings.k IS 'how many items it answers, likewise';
		COMMENT ON COLUMN %1$I.settings.exclude_seen IS 'whether items that the visitor had before are left out, likewise';
		COMMENT ON COLUMN %1$I.settings.unknown_items IS 'whether items of a history that the model does not know may be answered, likewise; NULL: those that products has and that are available';
		COMMENT ON COLUMN %1$I.settings.rules IS 'the rules of recseq_recommend that answers follow, likewise; NULL: none';
		COMMENT ON COLUMN %1$I.settings.attribution IS 'what a visitor does with an item for so long after it was shown counts as an outcome of that';
		COMMENT ON COLUMN %1$I.settings.one_row IS 'always true: keeps the table at one row';
	$sql$, schema, in_literal, event_kinds);

	EXECUTE format($sql$
		CREATE VIEW %1$I.log AS
			SELECT %3$s AS visitorid, %4$s AS itemid, %5$s AS event, %6$s AS "time", %7$s AS transactionid
			FROM %2$s e%8$s;

		COMMENT ON VIEW %1$I.log IS
			'Step 0: the log as the kit reads it, one row an event, whatever the rules in settings are.';
		COMMENT ON COLUMN %1$I.log.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.log.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.log.event IS 'what kind of event';
		COMMENT ON COLUMN %1$I.log."time" IS 'when';
		COMMENT ON COLUMN %1$I.log.transactionid IS 'number of the order or of its line, where there is one';
	$sql$, schema, log,
	'e.' || quote_ident(columns #>> '{user_column,name}'),
	'e.' || quote_ident(columns #>> '{item_column,name}'),
	CASE WHEN columns ? 'kind_column' THEN format('e.%I::text', columns #>> '{kind_column,name}')
		 ELSE quote_literal(purchases[2]) || '::text' END,
	format(CASE (columns #>> '{time_column,type}')::oid::regtype
				WHEN 'bigint'::regtype THEN 'to_timestamp(e.%I / 1000.0::float8)'
				WHEN 'date'::regtype THEN '(e.%I::timestamp AT TIME ZONE ''UTC'')'
				WHEN 'timestamp without time zone'::regtype THEN '(e.%I AT TIME ZONE ''UTC'')'
				ELSE 'e.%I' END, columns #>> '{time_column,name}'),
	CASE WHEN columns ? 'order_column' THEN 'e.' || quote_ident(columns #>> '{order_column,name}') ELSE 'NULL::integer' END,
	(SELECT ' WHERE ' || string_agg(format('e.%I IS NOT NULL', a.attname), ' AND ' ORDER BY a.attnum)
	 FROM pg_attribute a
	 WHERE a.attrelid = events AND NOT a.attnotnull
		AND a.attnum = ANY (ARRAY[columns #>> '{user_column,place}', columns #>> '{item_column,place}',
								  columns #>> '{time_column,place}', columns #>> '{kind_column,place}']::smallint[])));

	-- The steps.  "LIMIT 1" tells the planner what the primary key of settings
	-- implies; without it an estimate for a table that was never analyzed would
	-- multiply every row count.
	EXECUTE format($sql$
		CREATE VIEW %1$I.interactions AS
			SELECT DISTINCT
				e.visitorid,
				e.itemid,
				e.event,
				e."time",
				e.transactionid,
				coalesce(array_position(s.event_kinds, e.event), 0) AS event_order
			FROM (SELECT event_kinds, cut FROM %1$I.settings LIMIT 1) s
			CROSS JOIN %1$I.log e
			WHERE (s.event_kinds IS NULL OR e.event = ANY (s.event_kinds))
				AND (s.cut IS NULL OR e."time" < s.cut)
			ORDER BY "time", event_order, visitorid, transactionid, itemid;

		COMMENT ON VIEW %1$I.interactions IS
			'Step 1: the events that count (settings.event_kinds, settings.cut), exact duplicates dropped, ordered by time, and at the same instant as settings.event_kinds orders them.';
		COMMENT ON COLUMN %1$I.interactions.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.interactions.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.interactions.event IS 'what kind of event';
		COMMENT ON COLUMN %1$I.interactions."time" IS 'when';
		COMMENT ON COLUMN %1$I.interactions.transactionid IS 'number of the order or of its line, where there is one';
		COMMENT ON COLUMN %1$I.interactions.event_order IS
			'place of the kind in settings.event_kinds, which orders events of the same instant';
	$sql$, schema);

	-- What the items are: the shop's products, where they are given.
	IF 'item_categories' = ANY (given) IS NOT TRUE THEN
		EXECUTE format($sql$
			CREATE VIEW %1$I.item_categories AS
				SELECT DISTINCT ON (p.itemid) p.itemid, p.category
				FROM %2$s
				WHERE p.category IS NOT NULL
				ORDER BY p.itemid, p.category;

			COMMENT ON VIEW %1$I.item_categories IS
				'Step 2: the category of each item that has one, and of several the first in order.';
			COMMENT ON COLUMN %1$I.item_categories.itemid IS 'the item';
			COMMENT ON COLUMN %1$I.item_categories.category IS 'its category';
		$sql$, schema,
		CASE WHEN columns ? 'category_column'
			 THEN format('(SELECT %I AS itemid, %I AS category FROM %s) p', columns #>> '{item_id_column,name}', columns #>> '{category_column,name}', products)
			 ELSE format('(SELECT itemid, NULL::%s AS category FROM %I.log WHERE false) p', item, schema) END);
	END IF;
	IF 'item_price_bands' = ANY (given) IS NOT TRUE AND prices THEN
		EXECUTE format($sql$
			CREATE VIEW %1$I.item_price_bands AS
				SELECT DISTINCT ON (p.itemid) p.itemid, p.price_band
				FROM (SELECT %3$I AS itemid, 1 + floor(log(2, least(greatest(%4$I::numeric, 1), 1e12)))::int AS price_band FROM %2$s) p
				WHERE p.price_band IS NOT NULL
				ORDER BY p.itemid, p.price_band;

			COMMENT ON VIEW %1$I.item_price_bands IS
				'Beside step 2: the price band of each item that has a price, and of several the lowest. Each band goes up to twice the price of the one below.';
			COMMENT ON COLUMN %1$I.item_price_bands.itemid IS 'the item';
			COMMENT ON COLUMN %1$I.item_price_bands.price_band IS 'its band: 1 for prices below 2, 2 below 4, 3 below 8, ...';
		$sql$, schema, products, columns #>> '{item_id_column,name}', columns #>> '{price_column,name}');
	END IF;
	EXECUTE format($sql$
		CREATE VIEW %1$I.products AS
			SELECT %3$s AS itemid, %4$s AS name, %5$s AS picture, %6$s AS url, %7$s AS price, %8$s AS available
			FROM %2$s p;

		COMMENT ON VIEW %1$I.products IS
			'What the page and reports show of an item. Empty where the kit was given no items.';
		COMMENT ON COLUMN %1$I.products.itemid IS 'the item';
		COMMENT ON COLUMN %1$I.products.name IS 'its name';
		COMMENT ON COLUMN %1$I.products.picture IS 'address of a picture';
		COMMENT ON COLUMN %1$I.products.url IS 'address of its page';
		COMMENT ON COLUMN %1$I.products.price IS 'its price';
		COMMENT ON COLUMN %1$I.products.available IS 'whether it can be had; NULL: not known';

		CREATE VIEW %1$I.catalog AS
			SELECT
				p.itemid::%9$s AS item,
				(SELECT c.category::%9$s FROM %1$I.item_categories c WHERE c.itemid = p.itemid LIMIT 1) AS category%11$s,
				bool_or(p.available IS NOT FALSE) AS available
			FROM %1$I.products p
			WHERE p.itemid IS NOT NULL
			GROUP BY p.itemid;

		COMMENT ON VIEW %1$I.catalog IS
			'The products with the columns that recseq_train expects of a catalog. Empty where the kit was given no items.';
		COMMENT ON COLUMN %1$I.catalog.item IS 'the item';
		COMMENT ON COLUMN %1$I.catalog.category IS 'its category';
		COMMENT ON COLUMN %1$I.catalog.available IS 'false: it cannot be had, and is not answered';

		CREATE FUNCTION %1$I.describe_items(items %9$s[])
		RETURNS TABLE (item %9$s, category %9$s, name text, picture text, url text, price numeric, available boolean, known boolean)
		LANGUAGE sql STABLE ROWS 10
		AS %10$L;

		COMMENT ON FUNCTION %1$I.describe_items(%9$s[]) IS
			'What there is to say of items, in their order: category, what products says of them, and whether any event that counts has them.';
	$sql$, schema,
	coalesce(products, format('(SELECT itemid FROM %I.log WHERE false)', schema)),
	'p.' || quote_ident(coalesce(columns #>> '{item_id_column,name}', 'itemid')),
	CASE WHEN columns ? 'name_column' THEN format('p.%I::text', columns #>> '{name_column,name}') ELSE 'NULL::text' END,
	CASE WHEN columns ? 'picture_column' THEN format('p.%I::text', columns #>> '{picture_column,name}') ELSE 'NULL::text' END,
	CASE WHEN columns ? 'url_column' THEN format('p.%I::text', columns #>> '{url_column,name}') ELSE 'NULL::text' END,
	CASE WHEN columns ? 'price_column' THEN format('p.%I::numeric', columns #>> '{price_column,name}') ELSE 'NULL::numeric' END,
	CASE WHEN NOT columns ? 'available_column' THEN 'NULL::boolean'
		 WHEN (columns #>> '{available_column,type}')::oid = 'boolean'::regtype THEN format('p.%I::boolean', columns #>> '{available_column,name}')
		 ELSE format('p.%I OPERATOR(pg_catalog.>) 0', columns #>> '{available_column,name}') END,
	item,
	format($body$
		SELECT i.item,
			(SELECT c.category::%2$s FROM %1$I.item_categories c WHERE c.itemid OPERATOR(pg_catalog.=) (%3$s) LIMIT 1),
			p.name, p.picture, p.url, p.price, p.available,
			EXISTS (SELECT FROM %1$I.interactions n WHERE n.itemid OPERATOR(pg_catalog.=) (%3$s))
		FROM pg_catalog.unnest(describe_items.items) WITH ORDINALITY AS i(item, place)
		LEFT JOIN LATERAL (SELECT * FROM %1$I.products d WHERE d.itemid OPERATOR(pg_catalog.=) (%3$s) LIMIT 1) p ON true
		ORDER BY i.place
	$body$, schema, item, as_item),
	CASE WHEN prices THEN format(', (SELECT b.price_band FROM %I.item_price_bands b WHERE b.itemid = p.itemid LIMIT 1) AS price_bands', schema) ELSE '' END);
	IF prices THEN
		EXECUTE format($sql$
			COMMENT ON COLUMN %1$I.catalog.price_bands IS 'its price band, for models that read the feature price_bands';
		$sql$, schema);
	END IF;

	EXECUTE format($sql$
		CREATE VIEW %1$I.sequences AS
			SELECT
				i.visitorid,
				array_agg(i.itemid::%2$s ORDER BY i.step) AS items,
				%3$s AS categories,
				array_agg(i.event ORDER BY i.step) AS events,
				array_agg(i."time" ORDER BY i.step) AS times,
				count(*)::int AS length,
				min(i."time") AS first_time,
				max(i."time") AS last_time%4$s
			FROM (SELECT visitorid, itemid, event, "time",
						 row_number() OVER (PARTITION BY visitorid
											ORDER BY "time", event_order, transactionid, itemid) AS step
				  FROM %1$I.interactions) i
			GROUP BY i.visitorid;

		COMMENT ON VIEW %1$I.sequences IS
			'Step 3: one row a visitor, whatever its length: parallel arrays of what the visitor did, oldest first, ordered by time, then settings.event_kinds, then the order''s number or line, then the item.';
		COMMENT ON COLUMN %1$I.sequences.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.sequences.items IS 'the items, oldest first';
		COMMENT ON COLUMN %1$I.sequences.categories IS 'the category of each item, 0 or (where ids are texts) NULL where it has none';
		COMMENT ON COLUMN %1$I.sequences.events IS 'the kind of each event';
		COMMENT ON COLUMN %1$I.sequences.times IS 'the time of each event';
		COMMENT ON COLUMN %1$I.sequences.length IS 'number of events';
		COMMENT ON COLUMN %1$I.sequences.first_time IS 'time of the first event';
		COMMENT ON COLUMN %1$I.sequences.last_time IS 'time of the last event';

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
				s.items[t.start:] AS items%5$s,
				s.events[t.start:] AS events,
				s.times[t.start:] AS times,
				s.length - t.start + 1 AS length,
				s.times[t.start] AS first_time,
				s.last_time%6$s
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
		COMMENT ON COLUMN %1$I.training_sequences.events IS 'the kind of each event';
		COMMENT ON COLUMN %1$I.training_sequences.times IS 'the time of each event';
		COMMENT ON COLUMN %1$I.training_sequences.length IS 'number of events in this row';
		COMMENT ON COLUMN %1$I.training_sequences.first_time IS 'time of the first event in this row';
		COMMENT ON COLUMN %1$I.training_sequences.last_time IS 'time of the last event';
	$sql$, schema, item,
	-- a subquery rather than a join, so that looking up one visitor looks up only that visitor's items
	CASE WHEN categories
		 THEN format('array_agg(coalesce((SELECT c.category FROM %I.item_categories c WHERE c.itemid = i.itemid LIMIT 1)::%s, %s) ORDER BY i.step)',
					 schema, item, CASE item WHEN 'pg_catalog.text' THEN 'NULL' ELSE '0' END)
		 ELSE format('NULL::%s[]', item) END,
	CASE WHEN prices THEN format(', array_agg(coalesce((SELECT p.price_band FROM %I.item_price_bands p WHERE p.itemid = i.itemid LIMIT 1), 0) ORDER BY i.step) AS price_bands', schema) ELSE '' END,
	CASE WHEN categories THEN ', s.categories[t.start:] AS categories' ELSE '' END,
	CASE WHEN prices THEN ', s.price_bands[t.start:] AS price_bands' ELSE '' END);

	IF categories THEN
		EXECUTE format($sql$
			COMMENT ON COLUMN %1$I.training_sequences.categories IS 'the category of each item, 0 or (where ids are texts) NULL where it has none';
		$sql$, schema);
	END IF;
	IF prices THEN
		EXECUTE format($sql$
			COMMENT ON COLUMN %1$I.sequences.price_bands IS 'the price band of each item, 0 where it has none; a model reads it with features => ''{categories,price_bands}''';
			COMMENT ON COLUMN %1$I.training_sequences.price_bands IS 'the price band of each item, 0 where it has none';
		$sql$, schema);
	END IF;

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
					  count(*) FILTER (WHERE event = ANY (%2$L::text[]))::int AS addtocarts,
					  count(*) FILTER (WHERE event = ANY (%3$L::text[]))::int AS transactions,
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
		COMMENT ON COLUMN %1$I.sequence_statistics.addtocarts IS 'of the events, those of a kind that fills a cart: %6$s';
		COMMENT ON COLUMN %1$I.sequence_statistics.transactions IS 'of the events, those of a kind that is a purchase: %7$s';
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
				(SELECT c.category FROM %1$I.item_categories c WHERE c.itemid = i.itemid LIMIT 1) AS category,
				i.views,
				i.addtocarts,
				i.transactions,
				i.last_time,
				rank() OVER (ORDER BY i.others DESC)::int AS rank
			FROM (SELECT
					  itemid,
					  count(*) FILTER (WHERE event = ANY (%4$L::text[])) AS views,
					  count(*) FILTER (WHERE event = ANY (%2$L::text[])) AS addtocarts,
					  count(*) FILTER (WHERE event = ANY (%3$L::text[])) AS transactions,
					  count(*) FILTER (WHERE event <> ALL (%4$L::text[])) AS others,
					  max("time") AS last_time
				  FROM %1$I.log
				  GROUP BY itemid) i;

		COMMENT ON VIEW %1$I.item_popularity IS
			'For reports: one row an item that occurs in the log, whatever the rules in settings are.';
		COMMENT ON COLUMN %1$I.item_popularity.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.item_popularity.category IS 'its category, NULL where it has none';
		COMMENT ON COLUMN %1$I.item_popularity.views IS 'number of events of a kind that only looks: %8$s';
		COMMENT ON COLUMN %1$I.item_popularity.addtocarts IS 'number of events of a kind that fills a cart: %6$s';
		COMMENT ON COLUMN %1$I.item_popularity.transactions IS 'number of events of a kind that is a purchase: %7$s';
		COMMENT ON COLUMN %1$I.item_popularity.last_time IS 'time of its last event of any kind';
		COMMENT ON COLUMN %1$I.item_popularity.rank IS 'place by the number of events that do not only look, from 1; equal numbers share a place';

		CREATE VIEW %1$I.events_by_day AS
			SELECT
				("time" AT TIME ZONE 'UTC')::date AS day,
				event,
				count(*) AS events,
				count(DISTINCT visitorid) AS visitors
			FROM %1$I.log
			GROUP BY 1, 2;

		COMMENT ON VIEW %1$I.events_by_day IS
			'For reports: one row a day and kind of event, whatever the rules in settings are.';
		COMMENT ON COLUMN %1$I.events_by_day.day IS 'the day, in UTC';
		COMMENT ON COLUMN %1$I.events_by_day.event IS 'what kind of event';
		COMMENT ON COLUMN %1$I.events_by_day.events IS 'number of events';
		COMMENT ON COLUMN %1$I.events_by_day.visitors IS 'number of visitors who had one';

		-- recseq's functions are called with all their arguments, and these of the
		-- exact types: whoever may create in the schema of the extension may put
		-- another function of the name there, which must not be a better match.
		--
		-- The view goes through a function, whose text is no dependency: DROP EXTENSION leaves the kit alone.
		CREATE FUNCTION %1$I.recommend_history(
			items %9$s[], k int DEFAULT NULL, model text DEFAULT NULL,
			categories %9$s[] DEFAULT NULL, events text[] DEFAULT NULL, times timestamptz[] DEFAULT NULL,
			exclude_seen boolean DEFAULT NULL, exclude %9$s[] DEFAULT NULL,
			only_categories %9$s[] DEFAULT NULL, only_items %9$s[] DEFAULT NULL,
			unknown_items boolean DEFAULT NULL, rules jsonb DEFAULT NULL)
		RETURNS TABLE (rank int, item %9$s, category %9$s, score real, confidence real, reason text, reason_item %9$s)
		LANGUAGE plpgsql STABLE ROWS 5
		SET search_path = pg_catalog, pg_temp
		AS %5$L;

		COMMENT ON FUNCTION %1$I.recommend_history(%9$s[], int, text, %9$s[], text[], timestamptz[], boolean, %9$s[], %9$s[], %9$s[], boolean, jsonb) IS
			'recseq_recommend, of the model and with the rules of settings where these are not given. Where the kit has products, only those are answered that are available; also such as the model does not know, when they are in the history.';

		CREATE VIEW %1$I.recommendations AS
			SELECT
				s.visitorid,
				r.rank,
				r.item AS itemid,
				r.category,
				r.score,
				r.confidence,
				r.reason,
				regexp_replace(r.reason, '^(follows|same category as) .*', '\1') AS reason_kind,
				r.reason_item
			FROM %1$I.sequences s
			CROSS JOIN LATERAL %1$I.recommend_history(s.items, NULL, NULL, s.categories, s.events, s.times) r;

		COMMENT ON VIEW %1$I.recommendations IS
			'For reports: what each visitor should be shown, one row an item, as the model of settings answers at this moment. Fails when there is no such model.';
		COMMENT ON COLUMN %1$I.recommendations.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.recommendations.rank IS 'place among the visitor''s items, from 1';
		COMMENT ON COLUMN %1$I.recommendations.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.recommendations.category IS 'its category, NULL where it has none';
		COMMENT ON COLUMN %1$I.recommendations.score IS 'the model''s probability of the item, 0 to 1';
		COMMENT ON COLUMN %1$I.recommendations.confidence IS 'score divided by the sum over the visitor''s rows';
		COMMENT ON COLUMN %1$I.recommendations.reason IS 'why the item is there, as recseq_recommend says it';
		COMMENT ON COLUMN %1$I.recommendations.reason_kind IS 'the reason without the item that it names, to group by';
		COMMENT ON COLUMN %1$I.recommendations.reason_item IS 'the item that the reason names, NULL where it names none';
	$sql$, schema, carts, purchases, views,
	-- What is answered is looked up among the products, and what cannot be had is left out of the next
	-- question: a look at a few products instead of all. Where few of the best can be had, all are looked at.
	format($body$
	#variable_conflict use_column
	DECLARE
		questions	CONSTANT int := 4;
		s			record;
		listed		boolean := EXISTS (SELECT FROM %1$I.products);
		left_out	%3$s[] := recommend_history.exclude;
		kept		%3$s[] := recommend_history.only_items;
		gone		%3$s[];
		ranks		int[];
		answers		%3$s[];
		categories_	%3$s[];
		scores		real[];
		confidences	real[];
		reasons		text[];
		because		%3$s[];
	BEGIN
		SELECT t.model, t.k, t.exclude_seen, t.unknown_items, t.rules INTO s FROM %1$I.settings t;
		FOR question IN 1..questions LOOP
			SELECT array_agg(r.rank), array_agg(r.item), array_agg(r.category), array_agg(r.score),
				array_agg(r.confidence), array_agg(r.reason), array_agg(r.reason_item)
			INTO ranks, answers, categories_, scores, confidences, reasons, because
			FROM %2$I.recseq_recommend(
				recommend_history.items,
				coalesce(recommend_history.k, s.k, 5),
				coalesce(recommend_history.model, s.model, 'default'),
				NULL::int,
				recommend_history.categories,
				recommend_history.events,
				recommend_history.times,
				coalesce(recommend_history.exclude_seen, s.exclude_seen, false),
				left_out,
				recommend_history.only_categories,
				kept,
				coalesce(recommend_history.unknown_items, s.unknown_items, listed),
				coalesce(recommend_history.rules, s.rules)) r;
			EXIT WHEN NOT listed;
			gone := ARRAY(SELECT i.item FROM unnest(answers) AS i(item)
						  WHERE NOT EXISTS (SELECT FROM %1$I.products p WHERE p.itemid = (%4$s) AND p.available IS NOT FALSE));
			EXIT WHEN gone = '{}';
			left_out := left_out || gone;
			IF question = questions - 1 THEN
				kept := ARRAY(SELECT p.itemid::%3$s FROM %1$I.products p
							  WHERE p.available IS NOT FALSE AND p.itemid IS NOT NULL
								AND (recommend_history.only_items IS NULL OR p.itemid::%3$s = ANY (recommend_history.only_items)));
			END IF;
		END LOOP;
		RETURN QUERY SELECT * FROM unnest(ranks, answers, categories_, scores, confidences, reasons, because);
	END
	$body$, schema, recseq, item, as_item),
	array_to_string(carts, ', '), array_to_string(purchases, ', '), array_to_string(views, ', '), item);

	-- Recommendations as of now, and kept ones.  Operators are qualified, since
	-- the caller's search path holds where recommend_visitor is inlined.  Bodies
	-- are literals of format(): a schema may be named like any dollar quote.
	EXECUTE format($sql$
		CREATE FUNCTION %1$I.recommend_visitor(
			visitorid %3$s, k int DEFAULT NULL, model text DEFAULT NULL,
			exclude_seen boolean DEFAULT NULL, exclude %2$s[] DEFAULT NULL,
			only_categories %2$s[] DEFAULT NULL, only_items %2$s[] DEFAULT NULL,
			unknown_items boolean DEFAULT NULL, rules jsonb DEFAULT NULL)
		RETURNS TABLE (rank int, item %2$s, category %2$s, score real, confidence real, reason text, reason_item %2$s)
		LANGUAGE sql STABLE ROWS 5
		AS %4$L;

		COMMENT ON FUNCTION %1$I.recommend_visitor(%3$s, int, text, boolean, %2$s[], %2$s[], %2$s[], boolean, jsonb) IS
			'The k items that a visitor most probably wants next, from all events that the statement sees: one that is committed counts in the next call. Popular items for a visitor without any. Arguments that are null are those of settings; where the kit has products, only those are answered that are available.';

		CREATE TABLE %1$I.visitor_recommendations (
			visitorid		%3$s NOT NULL,
			rank			int NOT NULL,
			item			%2$s NOT NULL,
			category		%2$s,
			score			real NOT NULL,
			confidence		real NOT NULL,
			reason			text NOT NULL,
			reason_item		%2$s,
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
		COMMENT ON COLUMN %1$I.visitor_recommendations.reason_item IS 'the item that the reason names, NULL where it names none';
		COMMENT ON COLUMN %1$I.visitor_recommendations.refreshed IS 'start of the transaction that computed it';

		CREATE TABLE %1$I.changed_visitors (
			visitorid		%3$s NOT NULL
		);

		COMMENT ON TABLE %1$I.changed_visitors IS
			'Visitors whose events have changed since their recommendations were computed; may name one more than once. Triggers on events write it, once refresh_visitor_recommendations() has been called.';
		COMMENT ON COLUMN %1$I.changed_visitors.visitorid IS 'who';
	$sql$, schema, item, visitor,
	format($body$
		SELECT r.rank, r.item, r.category, r.score, r.confidence, r.reason, r.reason_item
		FROM (SELECT) one
		LEFT JOIN %1$I.sequences s ON s.visitorid OPERATOR(pg_catalog.=) recommend_visitor.visitorid
		CROSS JOIN LATERAL %1$I.recommend_history(
			coalesce(s.items, '{}'::%2$s[]), recommend_visitor.k, recommend_visitor.model, s.categories, s.events, s.times,
			recommend_visitor.exclude_seen, recommend_visitor.exclude, recommend_visitor.only_categories,
			recommend_visitor.only_items, recommend_visitor.unknown_items, recommend_visitor.rules) r
	$body$, schema, item));

	IF triggers THEN
		-- Columns by their places, which renaming does not change.
		EXECUTE format($sql$
			-- With its owner's rights, so that who may write events need not have any
			-- on changed_visitors.
			CREATE FUNCTION %1$I.note_changed_visitors()
			RETURNS trigger
			LANGUAGE plpgsql SECURITY DEFINER
			SET search_path = pg_catalog, pg_temp
			AS %6$L;
			REVOKE ALL ON FUNCTION %1$I.note_changed_visitors() FROM PUBLIC;

			COMMENT ON FUNCTION %1$I.note_changed_visitors() IS
				'Trigger on events: writes to changed_visitors whose events of a kind that counts have changed.';

			CREATE TRIGGER %3$I AFTER INSERT ON %2$s
				REFERENCING NEW TABLE AS new_rows
				FOR EACH STATEMENT EXECUTE FUNCTION %1$I.note_changed_visitors(%7$L, %8$L);
			CREATE TRIGGER %4$I AFTER UPDATE ON %2$s
				REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
				FOR EACH STATEMENT EXECUTE FUNCTION %1$I.note_changed_visitors(%7$L, %8$L);
			CREATE TRIGGER %5$I AFTER DELETE ON %2$s
				REFERENCING OLD TABLE AS old_rows
				FOR EACH STATEMENT EXECUTE FUNCTION %1$I.note_changed_visitors(%7$L, %8$L);
			ALTER TABLE %2$s
				DISABLE TRIGGER %3$I,
				DISABLE TRIGGER %4$I,
				DISABLE TRIGGER %5$I;
		$sql$, schema, log, prefix || 'visitors_inserted', prefix || 'visitors_updated', prefix || 'visitors_deleted',
		$body$
		DECLARE
			kit		regnamespace := (SELECT p.pronamespace FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
									 WHERE t.tgrelid = TG_RELID AND t.tgname = TG_NAME);
			visitor	name := (SELECT attname FROM pg_attribute WHERE attrelid = TG_RELID AND attnum = TG_ARGV[0]::int);
			kind	name := (SELECT attname FROM pg_attribute WHERE attrelid = TG_RELID AND attnum = TG_ARGV[1]::int);
		BEGIN
			EXECUTE format('INSERT INTO %1$s.changed_visitors
							SELECT DISTINCT e.%2$I FROM %3$s e, %1$s.settings s
							WHERE e.%2$I IS NOT NULL AND (s.event_kinds IS NULL OR %4$s = ANY (s.event_kinds))',
						   kit, visitor,
						   CASE TG_OP WHEN 'UPDATE' THEN '(TABLE old_rows UNION ALL TABLE new_rows)'
									  WHEN 'DELETE' THEN 'old_rows'
									  ELSE 'new_rows' END,
						   CASE WHEN kind IS NULL THEN quote_literal('purchase') ELSE format('e.%I::text', kind) END);
			RETURN NULL;
		END
		$body$,
		columns #>> '{user_column,place}', coalesce(columns #>> '{kind_column,place}', '0'));
	ELSE
		EXECUTE format($sql$
			CREATE TABLE %1$I.visitor_states (
				visitorid		%2$s PRIMARY KEY,
				state			bigint NOT NULL
			);

			COMMENT ON TABLE %1$I.visitor_states IS
				'The sequences that visitor_recommendations were computed from, by a hash, for a log that cannot have triggers: refresh_visitor_recommendations() compares them.';
			COMMENT ON COLUMN %1$I.visitor_states.visitorid IS 'who';
			COMMENT ON COLUMN %1$I.visitor_states.state IS 'hash of the arrays in sequences';
		$sql$, schema, visitor);
	END IF;

	EXECUTE format($sql$
		-- Triggers write a visitor to changed_visitors in the transaction that writes
		-- the events.  So when the visitor is seen there, the events are seen too,
		-- and a transaction that commits late is found by the next refresh.
		CREATE FUNCTION %1$I.refresh_visitor_recommendations(
			model text DEFAULT NULL, k int DEFAULT NULL, all_visitors boolean DEFAULT false,
			exclude_seen boolean DEFAULT NULL, unknown_items boolean DEFAULT NULL, rules jsonb DEFAULT NULL)
		RETURNS bigint
		LANGUAGE plpgsql
		SET search_path = pg_catalog, pg_temp
		AS %2$L;
		REVOKE ALL ON FUNCTION %1$I.refresh_visitor_recommendations(text, int, boolean, boolean, boolean, jsonb) FROM PUBLIC;

		COMMENT ON FUNCTION %1$I.refresh_visitor_recommendations(text, int, boolean, boolean, boolean, jsonb) IS
			'Computes visitor_recommendations anew for the visitors whose events have changed since the last call, or for all, and returns for how many; then notifies the channel visitor_recommendations with {"schema": ..., "visitors": ...}. Those whose recommendations have an item that can no longer be had are computed, too. Arguments that are null are those of settings. all_visitors is for a new version of the model, changed settings or categories, items that can be had again, and after TRUNCATE. %3$s';
	$sql$, schema,
	format($body$
	DECLARE
		defaults	record;
		listed		boolean := EXISTS (SELECT FROM %1$I.products);
		kept		%10$s[];
		changed		%5$s[];
		visitors	bigint;
		differing	%5$s[];
		states		bigint[];
	BEGIN
		-- one refresh at a time; it does not hold up those who write events
		LOCK TABLE %1$I.changed_visitors IN SHARE UPDATE EXCLUSIVE MODE;
		%6$s
		SELECT t.model, t.k, t.exclude_seen, t.unknown_items, t.rules INTO defaults FROM %1$I.settings t;
		model := coalesce(model, defaults.model, 'default');
		k := coalesce(k, defaults.k, 5);
		exclude_seen := coalesce(exclude_seen, defaults.exclude_seen, false);
		unknown_items := coalesce(unknown_items, defaults.unknown_items, listed);
		rules := coalesce(rules, defaults.rules);
		IF all_visitors OR NOT EXISTS (SELECT FROM %1$I.visitor_recommendations) THEN
			DELETE FROM %1$I.changed_visitors;
			DELETE FROM %1$I.visitor_recommendations;
			%7$s
			IF listed THEN
				kept := ARRAY(SELECT p.itemid::%10$s FROM %1$I.products p WHERE p.available IS NOT FALSE AND p.itemid IS NOT NULL);
			END IF;
			INSERT INTO %1$I.visitor_recommendations
			SELECT r.id::%5$s, r.rank, r.item::%4$s, r.category::%4$s, r.score, r.confidence, r.reason, r.reason_item::%4$s, now()
			FROM %2$I.%9$I(%3$L::regclass, k, model, NULL::int, exclude_seen, NULL::%10$s[], NULL::%10$s[], kept, unknown_items, rules) r;
			SELECT count(DISTINCT visitorid) INTO visitors FROM %1$I.visitor_recommendations;
		ELSE
			WITH taken AS (DELETE FROM %1$I.changed_visitors RETURNING visitorid)
			SELECT coalesce(array_agg(DISTINCT visitorid), '{}') INTO changed FROM taken;
			%8$s
			IF listed THEN
				changed := ARRAY(SELECT c.visitorid FROM unnest(changed) AS c(visitorid)
								 UNION
								 SELECT i.visitorid FROM %1$I.visitor_recommendations i
								 WHERE NOT EXISTS (SELECT FROM %1$I.products p WHERE p.itemid = (%11$s) AND p.available IS NOT FALSE));
			END IF;
			DELETE FROM %1$I.visitor_recommendations WHERE visitorid = ANY (changed);
			INSERT INTO %1$I.visitor_recommendations
			SELECT q.visitorid, r.rank, r.item, r.category, r.score, r.confidence, r.reason, r.reason_item, now()
			FROM %1$I.sequences q
			CROSS JOIN LATERAL %1$I.recommend_history(q.items, k, model, q.categories, q.events, q.times,
				exclude_seen, NULL::%4$s[], NULL::%4$s[], NULL::%4$s[], unknown_items, rules) r
			WHERE q.visitorid = ANY (changed);
			visitors := cardinality(changed);
		END IF;

		IF visitors > 0 THEN
			PERFORM pg_notify('visitor_recommendations',
							  json_build_object('schema', %1$L, 'visitors', visitors)::text);
		END IF;
		RETURN visitors;
	END
	$body$, schema, recseq, format('%I.sequences', schema), item, visitor,
	CASE WHEN triggers THEN format($body$
		-- This waits for all who have written events, and their commit is seen
		-- by the next statement.
		IF EXISTS (SELECT FROM pg_trigger
				   WHERE tgrelid = %2$L::regclass AND tgenabled = 'D'
					 AND tgfoid = %1$L::regprocedure) THEN
			IF current_setting('transaction_isolation') <> 'read committed' THEN
				RAISE EXCEPTION 'the first refresh must be in a transaction in READ COMMITTED'
					USING ERRCODE = 'object_not_in_prerequisite_state';
			END IF;
			ALTER TABLE %2$s
				ENABLE TRIGGER %3$I,
				ENABLE TRIGGER %4$I,
				ENABLE TRIGGER %5$I;
			all_visitors := true;
		END IF;
	$body$, format('%I.note_changed_visitors()', schema), log, prefix || 'visitors_inserted', prefix || 'visitors_updated', prefix || 'visitors_deleted') ELSE '' END,
	-- States are read before the sequences that are answered for: what is committed in between is found the next time.
	CASE WHEN triggers THEN '' ELSE format($body$
			DELETE FROM %1$I.visitor_states;
			INSERT INTO %1$I.visitor_states SELECT s.visitorid, %2$s FROM %1$I.sequences s;
	$body$, schema, state) END,
	CASE WHEN triggers THEN '' ELSE format($body$
			SELECT coalesce(array_agg(coalesce(s.visitorid, o.visitorid)), '{}'), coalesce(array_agg(s.state), '{}') INTO differing, states
			FROM (SELECT s.visitorid::%3$s AS visitorid, %2$s AS state FROM %1$I.sequences s) s
			FULL JOIN %1$I.visitor_states o ON o.visitorid = s.visitorid
			WHERE s.state IS DISTINCT FROM o.state;
			DELETE FROM %1$I.visitor_states WHERE visitorid = ANY (differing);
			INSERT INTO %1$I.visitor_states
			SELECT d.visitorid, d.state FROM unnest(differing, states) AS d(visitorid, state) WHERE d.state IS NOT NULL;
			changed := (SELECT coalesce(array_agg(DISTINCT c.visitorid), '{}') FROM unnest(changed || differing) AS c(visitorid));
	$body$, schema, state, visitor) END,
	CASE item WHEN 'pg_catalog.text' THEN 'recseq_recommend_batch_text' ELSE 'recseq_recommend_batch' END,
	CASE item WHEN 'pg_catalog.text' THEN item ELSE 'bigint' END, as_item),
	CASE WHEN triggers
		 THEN 'The first call, which must be the owner''''s, computes all and turns on the triggers that note changes; until its transaction ends nobody else can write events.'
		 ELSE 'The log cannot have triggers: each call reads all of it, and finds whose sequences are others by their hash.' END);

	-- What was shown, and what came of it.  The application writes the tables.
	EXECUTE format($sql$
		CREATE TABLE %1$I.impressions (
			request			text PRIMARY KEY,
			visitorid		%2$s NOT NULL,
			shown			timestamptz NOT NULL DEFAULT now(),
			experiment		text NOT NULL DEFAULT '',
			variant			text NOT NULL,
			model			text NOT NULL,
			version			int,
			items			%3$s[] NOT NULL
		);
		CREATE INDEX ON %1$I.impressions (visitorid, shown);
		CREATE INDEX ON %1$I.impressions (experiment, shown);

		COMMENT ON TABLE %1$I.impressions IS
			'Recommendations that were shown, one row a list that a visitor saw. Written by the application, for example with record_impression.';
		COMMENT ON COLUMN %1$I.impressions.request IS 'names the list: any text, once';
		COMMENT ON COLUMN %1$I.impressions.visitorid IS 'who saw it';
		COMMENT ON COLUMN %1$I.impressions.shown IS 'when';
		COMMENT ON COLUMN %1$I.impressions.experiment IS 'the experiment that it is part of, as recseq_assign was told; empty: none';
		COMMENT ON COLUMN %1$I.impressions.variant IS 'what the visitor got in the experiment: mostly the name of a model';
		COMMENT ON COLUMN %1$I.impressions.model IS 'the model that answered';
		COMMENT ON COLUMN %1$I.impressions.version IS 'its version';
		COMMENT ON COLUMN %1$I.impressions.items IS 'the items in the order of their ranks, the first one has rank 1';

		CREATE TABLE %1$I.outcomes (
			request			text NOT NULL,
			item			%3$s NOT NULL,
			kind			text NOT NULL,
			at				timestamptz NOT NULL DEFAULT now()
		);
		CREATE INDEX ON %1$I.outcomes (request);

		COMMENT ON TABLE %1$I.outcomes IS
			'What came of impressions, as far as the log does not tell: what the log has need not be written here. Written by the application, for example with record_outcome.';
		COMMENT ON COLUMN %1$I.outcomes.request IS 'the list';
		COMMENT ON COLUMN %1$I.outcomes.item IS 'the item of it';
		COMMENT ON COLUMN %1$I.outcomes.kind IS 'what was done: click, or a kind that the log could have';
		COMMENT ON COLUMN %1$I.outcomes.at IS 'when';

		CREATE VIEW %1$I.impression_outcomes AS
			SELECT
				m.request,
				m.visitorid,
				m.shown,
				m.experiment,
				m.variant,
				m.model,
				m.version,
				i.rank::int AS rank,
				i.item,
				count(e.event) + count(o.kind) > 0 AS clicked,
				coalesce(bool_or(e.event = ANY (%4$L::text[]) OR o.kind = ANY (%4$L::text[])), false) AS carted,
				coalesce(bool_or(e.event = ANY (%5$L::text[]) OR o.kind = ANY (%5$L::text[])), false) AS purchased
			FROM (SELECT attribution FROM %1$I.settings LIMIT 1) s
			CROSS JOIN %1$I.impressions m
			CROSS JOIN LATERAL unnest(m.items) WITH ORDINALITY AS i(item, rank)
			LEFT JOIN %1$I.log e
				ON e.visitorid = m.visitorid AND e.itemid = (%6$s) AND e."time" > m.shown AND e."time" <= m.shown + s.attribution
			LEFT JOIN %1$I.outcomes o ON o.request = m.request AND o.item = i.item
			GROUP BY m.request, i.rank, i.item;

		COMMENT ON VIEW %1$I.impression_outcomes IS
			'One row an item that was shown: what the visitor did with it, by the log within settings.attribution, and by outcomes.';
		COMMENT ON COLUMN %1$I.impression_outcomes.request IS 'the list';
		COMMENT ON COLUMN %1$I.impression_outcomes.visitorid IS 'who saw it';
		COMMENT ON COLUMN %1$I.impression_outcomes.shown IS 'when';
		COMMENT ON COLUMN %1$I.impression_outcomes.experiment IS 'the experiment, empty: none';
		COMMENT ON COLUMN %1$I.impression_outcomes.variant IS 'what the visitor got in it';
		COMMENT ON COLUMN %1$I.impression_outcomes.model IS 'the model that answered';
		COMMENT ON COLUMN %1$I.impression_outcomes.version IS 'its version';
		COMMENT ON COLUMN %1$I.impression_outcomes.rank IS 'place of the item in the list, from 1';
		COMMENT ON COLUMN %1$I.impression_outcomes.item IS 'the item';
		COMMENT ON COLUMN %1$I.impression_outcomes.clicked IS 'whether anything was done with it: an event of any kind, or an outcome';
		COMMENT ON COLUMN %1$I.impression_outcomes.carted IS 'whether it was put into a cart: %7$s';
		COMMENT ON COLUMN %1$I.impression_outcomes.purchased IS 'whether it was bought: %8$s';

		CREATE VIEW %1$I.variant_days AS
			SELECT
				r.experiment,
				r.variant,
				(r.shown AT TIME ZONE 'UTC')::date AS day,
				count(*) AS impressions,
				count(*) FILTER (WHERE r.clicked) AS clicks,
				(count(*) FILTER (WHERE r.clicked) / count(*)::float8) AS ctr,
				count(DISTINCT r.visitorid) AS visitors,
				count(DISTINCT r.visitorid) FILTER (WHERE r.carted) AS carters,
				count(DISTINCT r.visitorid) FILTER (WHERE r.purchased) AS buyers,
				(count(DISTINCT r.visitorid) FILTER (WHERE r.purchased) / count(DISTINCT r.visitorid)::float8) AS conversion
			FROM (SELECT request, visitorid, shown, experiment, variant,
					  bool_or(clicked) AS clicked, bool_or(carted) AS carted, bool_or(purchased) AS purchased
				  FROM %1$I.impression_outcomes
				  GROUP BY request, visitorid, shown, experiment, variant) r
			GROUP BY 1, 2, 3;

		COMMENT ON VIEW %1$I.variant_days IS
			'For reports: what came of each variant of each experiment, one row a day on which it was shown. To decide between variants ask compare_variants.';
		COMMENT ON COLUMN %1$I.variant_days.experiment IS 'the experiment, empty: none';
		COMMENT ON COLUMN %1$I.variant_days.variant IS 'the variant: mostly the name of a model';
		COMMENT ON COLUMN %1$I.variant_days.day IS 'day on which the lists were shown, in UTC';
		COMMENT ON COLUMN %1$I.variant_days.impressions IS 'lists that were shown';
		COMMENT ON COLUMN %1$I.variant_days.clicks IS 'of these, those of which an item was clicked';
		COMMENT ON COLUMN %1$I.variant_days.ctr IS 'their share, 0 to 1';
		COMMENT ON COLUMN %1$I.variant_days.visitors IS 'visitors who saw one';
		COMMENT ON COLUMN %1$I.variant_days.carters IS 'of these, those who put an item into the cart that they were shown';
		COMMENT ON COLUMN %1$I.variant_days.buyers IS 'of these, those who bought an item that they were shown';
		COMMENT ON COLUMN %1$I.variant_days.conversion IS 'share of the buyers among the visitors, 0 to 1';

		CREATE FUNCTION %1$I.record_impression(
			visitorid %2$s, items %3$s[], model text DEFAULT NULL, version int DEFAULT NULL,
			experiment text DEFAULT '', variant text DEFAULT NULL, request text DEFAULT NULL)
		RETURNS text
		LANGUAGE plpgsql
		SET search_path = pg_catalog, pg_temp
		AS %9$L;

		COMMENT ON FUNCTION %1$I.record_impression(%2$s, %3$s[], text, int, text, text, text) IS
			'Writes down that a visitor is shown items, and returns the name of the list. model: null for that of settings; version: null for its active one; variant: null for the model; request: a name of the application''s own, which counts once however often it is written; null for a new one.';

		CREATE FUNCTION %1$I.record_outcome(request text, item %3$s, kind text DEFAULT 'click')
		RETURNS void
		LANGUAGE sql
		SET search_path = pg_catalog, pg_temp
		AS %10$L;

		COMMENT ON FUNCTION %1$I.record_outcome(text, %3$s, text) IS
			'Writes down that something was done with an item that was shown, where the log does not tell.';

		CREATE FUNCTION %1$I.forget_visitor(visitorid %2$s, model text DEFAULT NULL)
		RETURNS TABLE (version int, sequences int, events bigint, items_left int)
		LANGUAGE plpgsql ROWS 5
		SET search_path = pg_catalog, pg_temp
		AS %12$L;
		REVOKE ALL ON FUNCTION %1$I.forget_visitor(%2$s, text) FROM PUBLIC;

		COMMENT ON FUNCTION %1$I.forget_visitor(%2$s, text) IS
			'Takes a visitor out of a model by recseq_forget, and out of the tables of the kit: kept recommendations, impressions and their outcomes. The log must still have the visitor''s events; to delete these afterwards is the caller''s. model: null for that of settings. Once for each model that was trained on the kit.';

		CREATE FUNCTION %1$I.compare_variants(
			experiment text DEFAULT '', control text DEFAULT NULL, alpha float8 DEFAULT 0.05, lift float8 DEFAULT 0.1)
		RETURNS TABLE (variant text, outcome text, visitors bigint, successes bigint, rate float8,
			control_variant text, control_rate float8, difference float8, low float8, high float8, p_value float8, significant boolean)
		LANGUAGE plpgsql STABLE ROWS 6
		SET search_path = pg_catalog, pg_temp
		AS %11$L;

		COMMENT ON FUNCTION %1$I.compare_variants(text, text, float8, float8) IS
			'The variants of an experiment beside one of them, by visitor: whether they clicked, and bought, what they were shown, and bought anything, by recseq_sequential_test, which may be looked at every day. A visitor counts for the variant that was shown first. control: null for the variant of this name, or else the first one by name.';
	$sql$, schema, visitor, item, carts, purchases, as_item,
	array_to_string(carts, ', '), array_to_string(purchases, ', '),
	format($body$
	BEGIN
		request := coalesce(request, gen_random_uuid()::text);
		model := coalesce(model, (SELECT s.model FROM %1$I.settings s), 'default');
		version := coalesce(version, (SELECT m.version FROM %2$I.recseq_models m WHERE m.model = record_impression.model AND m.active));
		INSERT INTO %1$I.impressions (request, visitorid, experiment, variant, model, version, items)
		VALUES (record_impression.request, record_impression.visitorid, record_impression.experiment, coalesce(variant, record_impression.model),
			record_impression.model, record_impression.version, record_impression.items)
		ON CONFLICT DO NOTHING;
		RETURN request;
	END
	$body$, schema, recseq),
	format($body$
		INSERT INTO %1$I.outcomes (request, item, kind) VALUES (record_outcome.request, record_outcome.item, record_outcome.kind)
	$body$, schema),
	format($body$
	#variable_conflict use_column
	DECLARE
		beside	text := coalesce(compare_variants.control,
			(SELECT m.variant FROM %1$I.impressions m WHERE m.experiment = compare_variants.experiment
			 ORDER BY m.variant <> 'control', m.variant LIMIT 1));
	BEGIN
		RETURN QUERY
		WITH assigned AS (
			SELECT DISTINCT ON (m.visitorid) m.visitorid, m.variant
			FROM %1$I.impressions m WHERE m.experiment = compare_variants.experiment
			ORDER BY m.visitorid, m.shown, m.request
		), shown AS (
			SELECT o.visitorid, bool_or(o.clicked) AS clicked, bool_or(o.purchased) AS purchased
			FROM %1$I.impression_outcomes o WHERE o.experiment = compare_variants.experiment
			GROUP BY o.visitorid
		), bought AS (
			SELECT DISTINCT m.visitorid
			FROM (SELECT attribution FROM %1$I.settings LIMIT 1) s
			CROSS JOIN %1$I.impressions m
			JOIN %1$I.log e ON e.visitorid = m.visitorid AND e."time" > m.shown AND e."time" <= m.shown + s.attribution
			WHERE m.experiment = compare_variants.experiment AND e.event = ANY (%3$L::text[])
		), counted AS (
			SELECT a.variant, t.place, t.outcome, count(*) AS visitors, count(*) FILTER (WHERE t.success) AS successes
			FROM assigned a
			LEFT JOIN shown w USING (visitorid)
			LEFT JOIN bought b USING (visitorid)
			CROSS JOIN LATERAL (VALUES (1, 'clicked what was shown', w.clicked), (2, 'bought what was shown', w.purchased),
									   (3, 'bought anything', b.visitorid IS NOT NULL)) AS t(place, outcome, success)
			GROUP BY a.variant, t.place, t.outcome
		)
		SELECT v.variant, v.outcome, v.visitors, v.successes, t.rate_b, c.variant, t.rate_a, t.difference, t.low, t.high, t.p_value, t.significant
		FROM counted c
		JOIN counted v ON v.place = c.place AND v.variant <> c.variant
		CROSS JOIN LATERAL %2$I.recseq_sequential_test(c.visitors, c.successes, v.visitors, v.successes, compare_variants.alpha, compare_variants.lift) t
		WHERE c.variant = beside
		ORDER BY v.variant, v.place;
	END
	$body$, schema, recseq, purchases),
	format($body$
	#variable_conflict use_column
	DECLARE
		items	%3$s[];
		times	timestamptz[];
	BEGIN
		SELECT array_agg(l.itemid::%3$s ORDER BY l."time", l.itemid), array_agg(l."time" ORDER BY l."time", l.itemid)
		INTO items, times
		FROM %1$I.log l WHERE l.visitorid = forget_visitor.visitorid;
		RETURN QUERY SELECT f.* FROM %2$I.recseq_forget(
			coalesce(forget_visitor.model, (SELECT s.model FROM %1$I.settings s), 'default'), coalesce(items, '{}'), coalesce(times, '{}')) f;
		DELETE FROM %1$I.visitor_recommendations r WHERE r.visitorid = forget_visitor.visitorid;
		DELETE FROM %1$I.changed_visitors c WHERE c.visitorid = forget_visitor.visitorid;
		DELETE FROM %1$I.outcomes o USING %1$I.impressions m WHERE m.request = o.request AND m.visitorid = forget_visitor.visitorid;
		DELETE FROM %1$I.impressions m WHERE m.visitorid = forget_visitor.visitorid;
	END
	$body$, schema, recseq, CASE item WHEN 'pg_catalog.text' THEN item ELSE 'bigint' END));

	IF guessed <> '{}' THEN
		RAISE NOTICE 'columns that were not named: %', array_to_string(guessed, ', ');
	END IF;
END
$function$;

COMMENT ON FUNCTION @extschema@.recseq_kit(name, regclass, name, name, name, name, name, text[], regclass, name, name, name, name, name, name, name) IS
'Creates a kit over a shop''s own log, owned by the caller and read with the caller''s rights: the table settings that holds the rules, the views log, interactions, item_categories, products, catalog, sequences, sequence_length_bounds and training_sequences, the functions recommend_visitor and describe_items, the table visitor_recommendations with the function refresh_visitor_recommendations that fills it, and, for reports, the views sequence_statistics, sequence_lengths, item_popularity, events_by_day and recommendations. Nothing is copied.
schema: where, any name; created when there is no such schema. Views item_categories and item_price_bands of the caller''s that it has already are used as they are.
events: the log, a table or view with one row an event. user_column, item_column: smallint, integer, bigint, text, varchar, char or uuid; models see uuid as text. time_column: timestamptz, timestamp or date (of UTC), or bigint, milliseconds since 1970. kind_column: what kind of event, text, an enum or a whole number; without one all are purchases. order_column: orders events of one instant: the line of an order, or its number. Rows without one of these but the last are left out.
event_kinds: the kinds that count, in the order in which they happen at the same instant; null: all.
items: what there is to say of items, a table or view with one row an item. category_column becomes what models read beside items; price_column bands of prices; the others are shown by the page and by reports.
A column that is null is the one that has a usual name, where there is one only; '''''''' is none.
Fails, and changes nothing, when a column cannot be found (undefined_column, ambiguous_column) or is of a wrong type (datatype_mismatch), events or items is no table or view (wrong_object_type), a relation of the kit exists there already (duplicate_table), schema or events is null (null_value_not_allowed), or when the caller may not read them, or create the schema or relations in it (insufficient_privilege).';
