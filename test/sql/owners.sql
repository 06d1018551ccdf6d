--
-- Whose a model is, when roles are renamed, dropped, and created again, here and in another cluster
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items
FROM generate_series(0, 199) g;
GRANT SELECT ON ring TO PUBLIC;
CREATE ROLE regress_recseq_alice;
GRANT EXECUTE ON FUNCTION recseq_train, recseq_activate, recseq_drop_model TO regress_recseq_alice;
SET ROLE regress_recseq_alice;
SELECT version FROM recseq_train('ring', 'hers', epochs => 1, units => 4);
RESET ROLE;
-- no more of the name is stored than the name
SELECT owner, owner_oid = 'regress_recseq_alice'::regrole AS by_oid, namesend(owner) = convert_to('regress_recseq_alice', 'UTF8') AS bytes FROM recseq_model;

-- renamed: the model goes with the role, and not to who takes the name
ALTER ROLE regress_recseq_alice RENAME TO regress_recseq_alicia;
CREATE ROLE regress_recseq_alice;
GRANT EXECUTE ON FUNCTION recseq_train, recseq_activate, recseq_drop_model TO regress_recseq_alice;
SELECT model, owner FROM recseq_models;
SET ROLE regress_recseq_alice;
SELECT recseq_drop_model('hers');
SELECT recseq_train('ring', 'hers');
SET ROLE regress_recseq_alicia;
SELECT version FROM recseq_train('ring', 'hers', epochs => 1, units => 4);
RESET ROLE;
-- the row has the new name from then on
SELECT owner, owner_oid = 'regress_recseq_alicia'::regrole AS by_oid FROM recseq_model;

-- another cluster, where the OID is somebody else's: the name wins, and its OID is kept from the first change on
UPDATE recseq_model SET owner_cluster = owner_cluster + 1, owner_oid = 'regress_recseq_alice'::regrole;
SELECT owner FROM recseq_models LIMIT 1;
SET ROLE regress_recseq_alice;
SELECT recseq_activate('hers', 1);
SET ROLE regress_recseq_alicia;
SELECT recseq_activate('hers', 1);
RESET ROLE;
SELECT owner, owner_oid = 'regress_recseq_alicia'::regrole AS by_oid, owner_cluster = (SELECT system_identifier FROM pg_control_system()) AS here FROM recseq_model;
-- no OID: the name, too; that is how a superuser gives a model away
UPDATE recseq_model SET owner = 'regress_recseq_alice', owner_oid = NULL;
SELECT owner FROM recseq_models LIMIT 1;
SET ROLE regress_recseq_alicia;
SELECT recseq_activate('hers', 2);
SET ROLE regress_recseq_alice;
SELECT recseq_activate('hers', 2);
RESET ROLE;
SELECT owner, owner_oid = 'regress_recseq_alice'::regrole AS by_oid FROM recseq_model;

-- dropped: nobody's, whoever takes the name
REVOKE EXECUTE ON FUNCTION recseq_train, recseq_activate, recseq_drop_model FROM regress_recseq_alice;
DROP ROLE regress_recseq_alice;
ALTER ROLE regress_recseq_alicia RENAME TO regress_recseq_alice;
SET ROLE regress_recseq_alice;
SELECT recseq_drop_model('hers');
RESET ROLE;
SELECT regexp_replace(owner, '\d+', 'N') AS owner FROM recseq_models LIMIT 1;
SELECT version FROM recseq_train('ring', 'hers', epochs => 1, units => 4);
SELECT owner FROM recseq_model;
SELECT recseq_drop_model('hers');

-- a name in another cluster that no role here has
SELECT version FROM recseq_train('ring', 'moved', epochs => 1, units => 4);
UPDATE recseq_model SET owner = 'regress_recseq_nobody', owner_cluster = 1;
SELECT owner FROM recseq_models;
SET ROLE regress_recseq_alice;
SELECT recseq_drop_model('moved');
RESET ROLE;
SELECT recseq_activate('moved', 1);
SELECT owner, owner_cluster FROM recseq_model;
SELECT recseq_drop_model('moved');

REVOKE EXECUTE ON FUNCTION recseq_train, recseq_activate, recseq_drop_model FROM regress_recseq_alice;
DROP TABLE ring;
DROP ROLE regress_recseq_alice;
