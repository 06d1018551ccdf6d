--
-- recseq_export_model, recseq_import_model: a version as one value
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items,
	   ARRAY(SELECT 'c' || (g + i) % 20 / 5 FROM generate_series(0, 7) i) AS categories
FROM generate_series(0, 199) g;
SELECT version FROM recseq_train('ring', 'm', epochs => 15, units => 4, item_dim => 8, feature_dim => 4, batch_size => 64, learning_rate => 0.02);
SELECT version FROM recseq_train('ring', 'm', epochs => 1, units => 4, seed => 2);

-- all that is known of the version goes along, and it answers to the bit as before
CREATE TABLE exported AS SELECT recseq_export_model('m', 1) AS image, recseq_export_model('m') AS active;
SELECT recseq_export_model('m', 1) = image AS always_the_same, recseq_export_model('m', 2) = active AS the_active_one FROM exported;
SELECT i.* FROM exported, recseq_import_model(image, 'copy') i;
SELECT count(*) AS versions, count(DISTINCT (source, options, vocabulary, sequences, windows, epochs, best_epoch, val_loss, hit_rate, seconds, bytes, curve)) AS different,
	   bool_and(active) FILTER (WHERE model = 'copy') AS active, bool_and(trained_by = current_user)
FROM recseq_models WHERE version = 1;
SELECT count(*) AS rows, count(DISTINCT o) - count(*) / 2 AS different
FROM generate_series(0, 20) a, unnest(ARRAY['m', 'copy']) model,
	 LATERAL (SELECT a, r.* FROM recseq_recommend(ARRAY[a, a * 3 % 20, 7], 20, model, version => 1) r) o;
SELECT count(DISTINCT c.data) AS images FROM recseq_chunk c JOIN recseq_version USING (id) WHERE version = 1;

-- by its own name: the next version, which need not be activated
SELECT i.* FROM exported, recseq_import_model(image) i;
SELECT i.* FROM exported, recseq_import_model(image, activate => 'never') i;
SELECT model, version, active FROM recseq_models ORDER BY model, version;
SELECT i.* FROM exported, recseq_import_model(image, activate => 'perhaps') i;
-- the description can be read
SELECT d ->> 'encoding' AS encoding, d -> 'version' ->> 'model' AS model, d -> 'version' ->> 'version' AS version, d -> 'version' -> 'vocabulary' AS vocabulary
FROM exported, convert_from(substring(image FROM 65 FOR get_byte(image, 24) + 256 * get_byte(image, 25)), 'UTF8') t, LATERAL CAST(t AS jsonb) d
WHERE get_byte(image, 12) = 4;

-- texts, and their encoding
CREATE TABLE texts AS SELECT ARRAY['é' || id % 5, 'b' || id % 7, 'c', 'ω'] AS items FROM ring;
SELECT items FROM recseq_train('texts', 'texts', epochs => 1, units => 4);
SELECT i.* FROM recseq_import_model(recseq_export_model('texts'), 'texts too') i;
SELECT count(*) FROM recseq_recommend(ARRAY['c', 'ω'], 20, 'texts too');

-- who has no such model, or nothing
SELECT recseq_export_model('n');
SELECT recseq_export_model('m', 99);
SELECT recseq_export_model('m', 0);
SELECT recseq_export_model(NULL);
SELECT recseq_import_model(NULL);
SELECT recseq_import_model(image, '') FROM exported;
SELECT recseq_import_model(image, repeat('x', 64)) FROM exported;
BEGIN READ ONLY;
SELECT length(recseq_export_model('m')) > 1000 AS exports;
SELECT recseq_import_model(image) FROM exported;
ROLLBACK;

-- larger than a bytea
BEGIN;
UPDATE recseq_version SET bytes = 1073741824 WHERE model = 'm' AND version = 1;
SELECT recseq_export_model('m', 1);
ROLLBACK;
-- damaged: better now than when it is needed
BEGIN;
UPDATE recseq_chunk c SET data = set_byte(data, 3000, get_byte(data, 3000) # 1) FROM recseq_version v WHERE v.id = c.id AND model = 'm' AND version = 2;
SELECT recseq_export_model('m', 2);
ROLLBACK;

--
-- What is not sound is refused, and leaves nothing
--
CREATE FUNCTION outcome(image bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message	text;
	hint	text;
BEGIN
	PERFORM recseq_import_model(image, 'damaged');
	RAISE EXCEPTION USING ERRCODE = 'RS000';
EXCEPTION
	WHEN SQLSTATE 'RS000' THEN
		RETURN 'is imported';
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
		RETURN SQLSTATE || ' ' || message || CASE WHEN hint = '' THEN '' ELSE ' (' || hint || ')' END;
END $$;
CREATE FUNCTION flipped(image bytea, at int, bits int DEFAULT 255) RETURNS bytea LANGUAGE sql AS $$
	SELECT set_byte(image, at, get_byte(image, at) # bits)
$$;
SELECT outcome(image) FROM exported;
-- each byte of the header and of the description, and bytes all over the image
SELECT outcome, count(*), min(at) FROM exported, generate_series(0, 700) at, LATERAL outcome(flipped(image, at))
GROUP BY outcome ORDER BY min(at), outcome COLLATE "C";
SELECT outcome, count(*)
FROM exported, generate_series(1, 300) n, LATERAL outcome(flipped(image, 64 + (n * 7919) % (length(image) - 64), 1 + n % 255))
GROUP BY outcome;
-- cut, lengthened, emptied, something else
SELECT outcome, count(*)
FROM exported, unnest(ARRAY[0, 1, 8, 31, 32, 63, 64, 65, 500, 1000, length(image) - 1]) cut, LATERAL outcome(substring(image FROM 1 FOR cut))
GROUP BY outcome;
SELECT outcome(image || '\x00') FROM exported;
SELECT outcome(image || image) FROM exported;
SELECT outcome(decode(repeat('ff', 10000), 'hex'));
SELECT outcome(data) FROM recseq_chunk JOIN recseq_version USING (id) WHERE model = 'm' AND version = 1;
SELECT outcome(image) FROM exported;

-- with correct checksums: what an attacker, or a bug, would write
CREATE FUNCTION castagnoli(bytes bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	effect	bigint[];
	value	bigint;
BEGIN
	FOR b IN 0 .. 255 LOOP
		value := b;
		FOR bit IN 1 .. 8 LOOP
			value := CASE WHEN value & 1 = 1 THEN (value >> 1) # 2197175160 ELSE value >> 1 END;
		END LOOP;
		effect := effect || value;
	END LOOP;
	value := 4294967295;
	FOR i IN 0 .. length(bytes) - 1 LOOP
		value := (value >> 8) # effect[((value # get_byte(bytes, i)) & 255) + 1];
	END LOOP;
	RETURN value # 4294967295;
END $$;
-- byte 12 of the header tells the byte order of the machine
CREATE FUNCTION put_int(image bytea, at int, value bigint) RETURNS bytea LANGUAGE sql AS $$
	SELECT overlay(image PLACING CASE get_byte(image, 12)
		WHEN 4 THEN decode(string_agg(lpad(to_hex((value >> (8 * i)) & 255), 2, '0'), '' ORDER BY i), 'hex')
		ELSE decode(string_agg(lpad(to_hex((value >> (8 * i)) & 255), 2, '0'), '' ORDER BY i DESC), 'hex') END
		FROM at + 1 FOR 4) FROM generate_series(0, 3) i
$$;
CREATE FUNCTION signed(image bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT put_int(image, 28, castagnoli(put_int(image, 28, 0)))
$$;
SELECT signed(image) = image AS same FROM exported;
SELECT outcome(signed(put_int(image, 8, 2))) FROM exported;
SELECT outcome(signed(put_int(image, 8, 4294967295))) FROM exported;
SELECT outcome(signed(put_int(image, 12, 67305985))) FROM exported;
SELECT size, outcome(signed(put_int(image, 24, size))) FROM exported, unnest(ARRAY[0, 1, 64, 100000, 4294967295]) size;
-- a description that says something else; one with the same number of bytes
CREATE FUNCTION edited(image bytea, old text, new text) RETURNS bytea LANGUAGE sql AS $$
	SELECT signed(overlay(image PLACING convert_to(new, 'UTF8') FROM position(convert_to(old, 'UTF8') IN image) FOR length(convert_to(old, 'UTF8'))))
$$;
SELECT what, outcome(edited(image, old, new))
FROM exported, (VALUES
	('no json', '{"encoding"', 'x"encoding"'),
	('no version', '"version": {', '"versiom": {'),
	('no source', '"source":', '"souree":'),
	('no number', '"epochs": 15', '"epochs": "x'),
	('another encoding', '"UTF8"', '"BIG5"'),
	('no encoding', '"UTF8"', '"UTF9"'),
	('no model', '"model"', E'"m\u00e9el"')) v(what, old, new)
ORDER BY what;
SELECT outcome(signed(set_byte(image, position('"model": "m"'::bytea IN image) + 8, 255))) FROM exported;

-- fields of the description, one by one, around the image as it is: of another type, out of range, or against the image
CREATE FUNCTION description(image bytea) RETURNS jsonb LANGUAGE sql AS $$
	SELECT convert_from(substring(image FROM 65 FOR get_byte(image, 24) + 256 * get_byte(image, 25)), 'UTF8')::jsonb
$$;
CREATE FUNCTION described(image bytea, description text) RETURNS bytea LANGUAGE sql AS $$
	SELECT signed(put_int(put_int(substring(image FROM 1 FOR 64), 16, 64 + length(padded) + length(inner_image)), 24, length(told)) || padded || inner_image)
	FROM convert_to(description, 'UTF8') told,
		 LATERAL (SELECT told || decode(repeat('00', (64 - length(told) % 64) % 64), 'hex')) p(padded),
		 LATERAL (SELECT substring(image FROM 65 + 64 * ((get_byte(image, 24) + 256 * get_byte(image, 25) + 63) / 64))) i(inner_image)
$$;
SELECT outcome(described(image, description(image)::text)) FROM exported;
CREATE FUNCTION refusal(image bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM recseq_import_model(image, 'refused');
	PERFORM * FROM recseq_model_metrics;
	RETURN 'is imported';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || coalesce(nullif(detail, ''), SQLERRM);
END $$;
SELECT path, left(value::text, 20) AS value, refusal(described(image, jsonb_set(description(image), path, value)::text))
FROM exported, (VALUES
	('{version}'::text[], '[]'::jsonb), ('{version}', 'null'), ('{encoding}', '1'), ('{more}', '1'), ('{version,more}', '1'),
	('{version,model}', '7'), ('{version,source}', 'null'), ('{version,created}', '[]'), ('{version,trained_by}', '{}'),
	('{version,sequences}', '-1'), ('{version,sequences}', '1e400'), ('{version,sequences}', '1.5'), ('{version,windows}', '-5'), ('{version,windows}', '"9"'),
	('{version,epochs}', '0'), ('{version,epochs}', '99999999999'), ('{version,epochs}', '16'), ('{version,epochs}', '3'), ('{version,best_epoch}', '-1'), ('{version,best_epoch}', '16'),
	('{version,hit_rate}', '"NaN"'), ('{version,hit_rate}', '"Infinity"'), ('{version,hit_rate}', '1.01'), ('{version,hit_rate}', '-0.1'), ('{version,hit_rate}', '1e999'),
	('{version,val_loss}', '"NaN"'), ('{version,val_loss}', '-1'), ('{version,seconds}', '-1'), ('{version,seconds}', 'null'), ('{version,seconds}', '"Infinity"'),
	('{version,bytes}', '1'), ('{version,version}', '0'), ('{version,id}', '"x"'), ('{version,id}', '1.5'),
	('{version,options}', '[]'), ('{version,options}', '5'), ('{version,options}', '{}'), ('{version,options,more}', '1'),
	('{version,options,units}', '5'), ('{version,options,units}', '"4"'), ('{version,options,units}', '100000'), ('{version,options,layers}', '2'), ('{version,options,tied}', 'false'), ('{version,options,tied}', '1'), ('{version,options,copy}', '1'),
	('{version,options,features}', '["brands"]'), ('{version,options,features}', '[]'), ('{version,options,features}', '"categories"'), ('{version,options,purchases}', '[1]'), ('{version,options,purchases}', '["sale"]'),
	('{version,options,ranker}', 'false'), ('{version,options,epochs}', '-5'), ('{version,options,loss}', '{}'), ('{version,options,dropout}', '2'), ('{version,options,seed}', '1e30'), ('{version,options,seed}', '1.5'), ('{version,options,seed}', '9223372036854775808'), ('{version,options,seed}', '-9223372036854775809'), ('{version,options,dropout}', '1'), ('{version,options,item_dropout}', '0.99999999'), ('{version,options,loss}', '"softmin"'),
	('{version,options,negatives}', '65537'), ('{version,options,batch_size}', '2147483647'), ('{version,options,learning_rate}', '11'), ('{version,options,learning_rate}', '0'), ('{version,options,clip_norm}', '1e7'),
	('{version,options,validation_fraction}', '1'), ('{version,options,validation_metric}', '"ndcg"'), ('{version,options,embedding_dropout}', '1'), ('{version,options,decay}', '0'), ('{version,options,update_of}', '"x"'),
	('{version,vocabulary}', '{}'), ('{version,vocabulary}', '[]'), ('{version,vocabulary,items}', '"x"'), ('{version,vocabulary,items}', '21'), ('{version,vocabulary,items}', '-20'),
	('{version,vocabulary,categories}', '5'), ('{version,vocabulary,brands}', '1'),
	('{version,curve}', '{}'), ('{version,curve}', '"x"'), ('{version,curve}', '[1]'), ('{version,curve}', '[[]]'), ('{version,curve}', '[{}]'), ('{version,curve,0,epoch}', '2'), ('{version,curve,0,epoch}', '"1"'),
	('{version,curve,1,epoch}', '16'), ('{version,curve,0,loss}', '"NaN"'), ('{version,curve,0,hit_rate}', '2'), ('{version,curve,0,learning_rate}', '{}'), ('{version,curve,0,more}', '1')) v(path, value);
-- the highest and the lowest seed that there are
SELECT seed, refusal(described(image, jsonb_set(description(image), '{version,options,seed}', seed)::text))
FROM exported, unnest(ARRAY['9223372036854775807', '-9223372036854775808']::jsonb[]) seed;
SELECT options -> 'seed' AS seed FROM recseq_models WHERE model = 'refused' ORDER BY version;
SELECT recseq_drop_model('refused');
SELECT refusal(described(image, jsonb_set(description(image), '{version,source}', to_jsonb(repeat('x', 5000)))::text)) FROM exported;
SELECT refusal(described(image, jsonb_set(description(image), '{version,source}', to_jsonb(repeat('x', 60000)))::text)) FROM exported;
SELECT field, refusal(described(image, (description(image) #- ARRAY['version', field])::text)) FROM exported, unnest(ARRAY['id', 'curve', 'hit_rate', 'options', 'vocabulary']) field;
SELECT field, refusal(described(image, (description(image) #- ARRAY['version', 'options', field])::text)) FROM exported, unnest(ARRAY['units', 'features', 'seed']) field;
SELECT json, refusal(described(image, json)) FROM exported, unnest(ARRAY['', 'null', '[]', '1', '"x"', '{}', '{"encoding": "UTF8"}']) json;
SELECT refusal(described(image, repeat('[', 60000))) FROM exported;
DROP FUNCTION description, described, refusal;
SELECT recseq_drop_model('refused');
-- another encoding matters where there are texts in it
SELECT outcome(edited(recseq_export_model('texts'), '"UTF8"', '"BIG5"'));
-- texts of the image that are not valid: the first byte of ω is another
SELECT outcome(signed(overlay(image PLACING signed_image FROM length(image) - length(signed_image) + 1)))
FROM recseq_export_model('texts') image,
	 LATERAL (SELECT data AS inner_image FROM recseq_chunk JOIN recseq_version USING (id) WHERE model = 'texts') c,
	 LATERAL signed(overlay(inner_image PLACING '\xff' FROM position('\xcf89'::bytea IN inner_image) FOR 1)) signed_image;
SELECT model, count(*) FROM recseq_models GROUP BY model ORDER BY model;

--
-- Who may
--
CREATE ROLE regress_recseq_a;
CREATE ROLE regress_recseq_b;
GRANT SELECT ON exported TO regress_recseq_a, regress_recseq_b;
SET ROLE regress_recseq_a;
SELECT recseq_export_model('m');
SELECT recseq_import_model(image, 'mine') FROM exported;
RESET ROLE;
GRANT EXECUTE ON FUNCTION recseq_export_model, recseq_import_model TO regress_recseq_a, regress_recseq_b;
SET ROLE regress_recseq_a;
SELECT i.* FROM exported, recseq_import_model(image, 'mine') i;
\set VERBOSITY terse
SELECT i.* FROM exported, recseq_import_model(image) i;
\set VERBOSITY default
SELECT owner, trained_by FROM recseq_models WHERE model = 'mine';
SET ROLE regress_recseq_b;
SELECT i.* FROM exported, recseq_import_model(image, 'mine') i;
RESET ROLE;
-- who may not use a model may not export it
REVOKE SELECT ON recseq_model FROM PUBLIC;
SET ROLE regress_recseq_a;
SELECT recseq_export_model('m');
RESET ROLE;
GRANT SELECT ON recseq_model TO PUBLIC;
CREATE POLICY own ON recseq_model FOR SELECT USING (owner = current_user);
ALTER TABLE recseq_model ENABLE ROW LEVEL SECURITY;
SET ROLE regress_recseq_a;
SELECT length(recseq_export_model('mine')) > 1000 AS exports;
SELECT recseq_export_model('m');
SELECT recseq_export_model('m', 1);
RESET ROLE;
ALTER TABLE recseq_model DISABLE ROW LEVEL SECURITY;
DROP POLICY own ON recseq_model;

SELECT count(recseq_drop_model(model)) FROM recseq_model;
REVOKE EXECUTE ON FUNCTION recseq_export_model, recseq_import_model FROM regress_recseq_a, regress_recseq_b;
DROP TABLE ring, texts, exported;
DROP ROLE regress_recseq_a, regress_recseq_b;
DROP FUNCTION outcome, flipped, castagnoli, put_int, signed, edited;
