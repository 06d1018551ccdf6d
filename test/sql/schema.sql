--
-- The extension in a schema of its own, in a database of its own
--
\set SHOW_CONTEXT never
SELECT current_database() AS here \gset
SET client_min_messages = error;
DROP DATABASE IF EXISTS regress_recseq_schema;
RESET client_min_messages;
CREATE DATABASE regress_recseq_schema;
ALTER DATABASE regress_recseq_schema SET lc_messages = 'C';
\c regress_recseq_schema
CREATE SCHEMA "Odd, schema";
CREATE EXTENSION recseq SCHEMA "Odd, schema";
SET recseq.progress = off;
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items
FROM generate_series(0, 199) g;

-- by qualified names, with nothing in the path
SET search_path = '';
SELECT version FROM "Odd, schema".recseq_train('public.ring', 'm', epochs => 20, units => 16, item_dim => 16, batch_size => 64, learning_rate => 0.02, validation_fraction => 0);
SELECT item FROM "Odd, schema".recseq_recommend(ARRAY[6, 7], 1, 'm');
SELECT item FROM "Odd, schema".recseq_recommend(ARRAY['6', '7'], 1, 'm', version => 1);
SELECT method, cases FROM "Odd, schema".recseq_evaluate('public.ring', 'm');
SELECT model, version, active FROM "Odd, schema".recseq_models;
SELECT "Odd, schema".recseq_activate('m', 1);
-- what is found there under the same names does not matter
CREATE TABLE public.recseq_model (model text, owner name, active_id bigint, last_version int);
CREATE TABLE public.recseq_chunk (id bigint, chunk int, data bytea);
SET search_path = public, "Odd, schema";
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'm');
SELECT version FROM recseq_train('ring', 'm', epochs => 1, units => 4);
SELECT model, version, active FROM recseq_models ORDER BY version;
SELECT recseq_drop_model('m', 2);
-- with row security, by name
CREATE ROLE regress_recseq_reader;
GRANT USAGE ON SCHEMA "Odd, schema" TO regress_recseq_reader;
CREATE POLICY all_of_them ON "Odd, schema".recseq_model USING (true);
ALTER TABLE "Odd, schema".recseq_model ENABLE ROW LEVEL SECURITY;
SET ROLE regress_recseq_reader;
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'm');
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'm', version => 1);
RESET ROLE;
-- the schema may be renamed, the extension may not move
ALTER SCHEMA "Odd, schema" RENAME TO plain;
SELECT item FROM plain.recseq_recommend(ARRAY[6, 7], 1, 'm');
SELECT count(*) FROM plain.recseq_models;
ALTER EXTENSION recseq SET SCHEMA public;
SELECT plain.recseq_retailrocket('shop');
SELECT plain.recseq_sample_data('shop', 50, 20) > 0 AS filled;
SELECT sequences > 0 AS trained FROM plain.recseq_train('shop.training_sequences', 'shop', epochs => 1, units => 4);

-- dropped and created again, in one session: the old answers are gone
SELECT count(*) FROM plain.recseq_recommend(ARRAY[6, 7], 5, 'm');
DROP EXTENSION recseq;
SELECT count(*) FROM pg_class WHERE relnamespace = 'plain'::regnamespace;
-- and where everybody may create, that is said
GRANT CREATE ON SCHEMA plain TO PUBLIC;
CREATE EXTENSION recseq SCHEMA plain;
SELECT * FROM plain.recseq_recommend(ARRAY[6, 7], 1, 'm');
SELECT version FROM plain.recseq_train('ring', 'm', epochs => 20, units => 16, item_dim => 16, batch_size => 64, learning_rate => 0.02, validation_fraction => 0);
SELECT item FROM plain.recseq_recommend(ARRAY[6, 7], 1, 'm');

\c :"here"
DROP DATABASE regress_recseq_schema;
DROP ROLE regress_recseq_reader;
