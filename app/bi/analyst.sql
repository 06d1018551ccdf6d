-- A role for a reporting tool: it may read the views that are made for reports and ask the models, and nothing else.
-- Run by the owner of the kit, in its database; running it again changes nothing.
BEGIN;

SELECT 'CREATE ROLE recseq_analyst LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recseq_analyst') \gexec
SELECT format('ALTER ROLE recseq_analyst IN DATABASE %I SET statement_timeout = ''1min''', current_database()) \gexec

GRANT USAGE ON SCHEMA retailrocket TO recseq_analyst;
GRANT SELECT ON retailrocket.recommendations, retailrocket.sequence_statistics, retailrocket.sequence_lengths,
	retailrocket.sequence_length_bounds, retailrocket.item_popularity, retailrocket.item_categories, retailrocket.events_by_day,
	retailrocket.settings TO recseq_analyst;

COMMIT;
