--
-- Damaged weights: each damage is a clear error, none is a crash or a wrong answer, and a
-- sound copy answers as before
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items,
	   ARRAY(SELECT 'c' || (g + i) % 20 / 5 FROM generate_series(0, 7) i) AS categories
FROM generate_series(0, 199) g;
SELECT items FROM recseq_train('ring', 'm', epochs => 15, units => 4, item_dim => 8, feature_dim => 4, batch_size => 64, learning_rate => 0.02);
CREATE TABLE sound AS
SELECT v.id, v.bytes, c.data AS image, (SELECT string_agg(r::text, ';' ORDER BY rank) FROM recseq_recommend(ARRAY[5, 6], 20, 'm') r) AS answer
FROM recseq_version v JOIN recseq_chunk c USING (id);

CREATE SEQUENCE damaged_id START 1000000000;

-- what comes of an image, stored under an id of its own, which no cache can know; all is undone
CREATE FUNCTION outcome(image bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	new_id	bigint := nextval('damaged_id');
	answer	text;
	message	text;
	hint	text;
BEGIN
	INSERT INTO recseq_version (id, model, version, created, trained_by, source, options, vocabulary, sequences, windows, epochs, best_epoch, seconds, bytes, curve)
	SELECT new_id, model, 1000, created, trained_by, source, options, vocabulary, sequences, windows, epochs, best_epoch, seconds, length(image), curve
	FROM recseq_version WHERE version = 1 AND model = 'm';
	INSERT INTO recseq_chunk VALUES (new_id, 0, image);
	UPDATE recseq_model SET active_id = new_id WHERE model = 'm';
	answer := (SELECT string_agg(r::text, ';' ORDER BY rank) FROM recseq_recommend(ARRAY[5, 6], 20, 'm') r);
	RAISE EXCEPTION USING ERRCODE = 'RS000';
EXCEPTION
	WHEN SQLSTATE 'RS000' THEN
		RETURN CASE WHEN answer = (SELECT s.answer FROM sound s) THEN 'answers as before' ELSE 'answers otherwise' END;
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
		RETURN SQLSTATE || ' ' || regexp_replace(message, 'id \d+', 'id N') || CASE WHEN hint = '' THEN ' / no hint' ELSE '' END;
END $$;
SELECT outcome(image) FROM sound;

-- each byte of the header, and what follows it
CREATE FUNCTION flipped(image bytea, at int, bits int DEFAULT 255) RETURNS bytea LANGUAGE sql AS $$
	SELECT set_byte(image, at, get_byte(image, at) # bits)
$$;
SELECT outcome, count(*), min(at), max(at)
FROM sound, generate_series(0, 63) at, LATERAL outcome(flipped(image, at))
GROUP BY outcome ORDER BY min(at), outcome COLLATE "C";
-- bytes all over the body
SELECT outcome, count(*)
FROM sound, generate_series(1, 300) n, LATERAL outcome(flipped(image, 64 + ((n * 7919) % (bytes - 64))::int, 1 + n % 255))
GROUP BY outcome;
-- cut, doubled, emptied, filled with nonsense
SELECT outcome, count(*)
FROM sound, unnest(ARRAY[1, 10, 31, 32, 63, 64, 65, 500, 1000, bytes::int - 1]) cut, LATERAL outcome(substring(image FROM 1 FOR cut))
GROUP BY outcome;
SELECT outcome(image || '\x00') FROM sound;
SELECT outcome(image || image) FROM sound;
SELECT outcome('');
SELECT outcome(decode(repeat('00', 10000), 'hex'));
SELECT outcome(decode(repeat('ff', 10000), 'hex'));
SELECT outcome(convert_to(repeat('not a model ', 1000), 'UTF8'));

--
-- Damage with a correct checksum: what an attacker, or a bug, would write
--
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
SELECT to_hex(castagnoli('123456789'));
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
-- the checksum here is the one there
SELECT signed(image) = image AS same FROM sound;
-- another format, and the header's other fields
SELECT outcome(signed(put_int(image, 8, 1000))) FROM sound;
SELECT outcome(signed(put_int(image, 8, 4294967295))) FROM sound;
SELECT outcome(signed(put_int(image, 16, bytes + 64))) FROM sound;
SELECT outcome(signed(put_int(image, 16, bytes - 64))) FROM sound;
SELECT outcome(signed(put_int(image, 24, sections))), sections FROM sound, unnest(ARRAY[0, 1, 4, 1000, 4294967295]) sections;
-- anything else may change the answer or be refused, and never more than that
SELECT what, count(*) > 0 AS seen
FROM sound, generate_series(1, 150) n,
	 LATERAL outcome(signed(flipped(image, CASE WHEN n <= 100 THEN 32 + n * 13 ELSE 64 + ((n * 7919) % (bytes - 64))::int END, 1 + n * 37 % 255))),
	 regexp_replace(outcome, 'as before|otherwise', '...') AS what
GROUP BY what ORDER BY what COLLATE "C";

--
-- Damage to the rows
--
CREATE FUNCTION after(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	new_id	bigint := nextval('damaged_id');
	answer	text;
	message	text;
BEGIN
	UPDATE recseq_version SET id = new_id;
	UPDATE recseq_chunk SET id = new_id;
	UPDATE recseq_model SET active_id = new_id;
	EXECUTE change;
	answer := (SELECT string_agg(r::text, ';' ORDER BY rank) FROM recseq_recommend(ARRAY[5, 6], 20, 'm') r);
	RAISE EXCEPTION USING ERRCODE = 'RS000';
EXCEPTION
	WHEN SQLSTATE 'RS000' THEN
		RETURN CASE WHEN answer = (SELECT s.answer FROM sound s) THEN 'answers as before' ELSE 'answers otherwise' END;
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
		RETURN SQLSTATE || ' ' || regexp_replace(message, '(id|needs) \d+', '\1 N');
END $$;
SELECT change, after(change)
FROM unnest(ARRAY[
	'SELECT',
	'DELETE FROM recseq_chunk',
	'UPDATE recseq_chunk SET chunk = 1',
	'UPDATE recseq_chunk SET chunk = -1',
	'UPDATE recseq_chunk SET data = ''''',
	'UPDATE recseq_chunk SET data = substring(data FROM 1 FOR 1000)',
	'UPDATE recseq_chunk SET data = data || ''x''',
	'INSERT INTO recseq_chunk SELECT id, 1, ''x'' FROM recseq_chunk',
	-- cut in two at any place, it is the same image
	'INSERT INTO recseq_chunk SELECT id, 1, substring(data FROM 1002) FROM recseq_chunk; UPDATE recseq_chunk SET data = substring(data FROM 1 FOR 1001) WHERE chunk = 0',
	'INSERT INTO recseq_chunk SELECT id, 2, substring(data FROM 1002) FROM recseq_chunk; UPDATE recseq_chunk SET data = substring(data FROM 1 FOR 1001) WHERE chunk = 0',
	'UPDATE recseq_version SET bytes = bytes - 1',
	'UPDATE recseq_version SET bytes = bytes + 1',
	'UPDATE recseq_version SET bytes = 0',
	'UPDATE recseq_version SET bytes = -1',
	'UPDATE recseq_version SET bytes = 9223372036854775807',
	'DELETE FROM recseq_version',
	'UPDATE recseq_model SET active_id = NULL',
	'UPDATE recseq_model SET active_id = 999999',
	'ALTER TABLE recseq_chunk ALTER data DROP NOT NULL; UPDATE recseq_chunk SET data = NULL',
	'ALTER TABLE recseq_chunk DROP CONSTRAINT recseq_chunk_pkey, ALTER chunk DROP NOT NULL, ALTER id DROP NOT NULL; CREATE INDEX recseq_chunk_pkey ON recseq_chunk (id, chunk); UPDATE recseq_chunk SET chunk = NULL',
	'ALTER TABLE recseq_version ALTER bytes DROP NOT NULL; UPDATE recseq_version SET bytes = NULL',
	'ALTER TABLE recseq_model ALTER owner DROP NOT NULL; UPDATE recseq_model SET owner = NULL, owner_oid = NULL',
	'DELETE FROM recseq_model']) WITH ORDINALITY AS u(change, n)
ORDER BY n;

-- columns that are null once nothing forbids it
BEGIN;
ALTER TABLE recseq_model ALTER owner DROP NOT NULL;
UPDATE recseq_model SET owner = NULL, owner_oid = NULL;
SELECT recseq_activate('m', 1);
ROLLBACK;
BEGIN;
ALTER TABLE recseq_model ALTER last_version DROP NOT NULL;
UPDATE recseq_model SET last_version = NULL;
SELECT recseq_train('ring', 'm', epochs => 1, units => 4);
ROLLBACK;
BEGIN;
ALTER TABLE recseq_version ALTER version DROP NOT NULL, ALTER source DROP NOT NULL, ALTER options DROP NOT NULL, ALTER bytes DROP NOT NULL;
UPDATE recseq_version SET version = NULL, source = NULL, options = NULL, bytes = NULL;
SELECT version, source, options, bytes FROM recseq_models;
SAVEPOINT s;
\set VERBOSITY sqlstate
SELECT recseq_export_model('m');
ROLLBACK TO s;
SELECT recseq_update('m', 'ring');
\set VERBOSITY default
ROLLBACK;

-- tables that are gone
BEGIN;
ALTER TABLE recseq_chunk RENAME TO renamed;
SELECT * FROM recseq_recommend(ARRAY[5, 6], 1, 'm');
ROLLBACK;

-- all is as before, also in a new session
\c
SELECT answer = (SELECT string_agg(r::text, ';' ORDER BY rank) FROM recseq_recommend(ARRAY[5, 6], 20, 'm') r) AS same FROM sound;

-- a message in whole, in a session that has not loaded it before the damage
UPDATE recseq_chunk SET data = flipped(data, 2000);
\c
\set SHOW_CONTEXT never
LOAD 'recseq';
SET recseq.shared_cache_size = 0;
SELECT * FROM recseq_recommend(ARRAY[5, 6], 1, 'm');
SELECT * FROM recseq_evaluate('ring', 'm');
-- the data is still there: it can be trained again, and the damaged version dropped
SET recseq.progress = off;
SELECT version FROM recseq_train('ring', 'm', epochs => 1, units => 4);
SELECT count(*) FROM recseq_recommend(ARRAY[5, 6], 1, 'm');
SELECT recseq_drop_model('m', 1);
SELECT recseq_drop_model('m');
DROP TABLE ring, sound;
DROP SEQUENCE damaged_id;
DROP FUNCTION outcome, flipped, castagnoli, put_int, signed, after;
