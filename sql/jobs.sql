
/* recseq: training as a job, in a process of its own */

/*
 * Only recseq's functions write here.  A job belongs to its cluster: source and
 * roles are OIDs, which do not change when something is renamed, and which
 * nobody else can take; so the rows are not dumped.
 */
CREATE TABLE @extschema@.recseq_job (
	job bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model text COLLATE "C" NOT NULL,
	owner oid NOT NULL,
	login oid NOT NULL,
	source oid NOT NULL,
	source_name text NOT NULL,
	options jsonb NOT NULL,
	settings jsonb NOT NULL,
	state text NOT NULL CHECK (state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'running', 'done', 'failed', 'cancelled'])),
	queued timestamptz NOT NULL,
	started timestamptz,
	ended timestamptz,
	by_definer boolean NOT NULL,
	attempts integer NOT NULL DEFAULT 0,
	tried timestamptz,
	not_before timestamptz NOT NULL DEFAULT '-infinity',
	resumed integer NOT NULL DEFAULT 0,
	epoch integer NOT NULL DEFAULT 0,
	epochs integer NOT NULL,
	loss double precision,
	val_loss double precision,
	hit_rate double precision,
	mrr double precision,
	seconds double precision NOT NULL DEFAULT 0,
	checkpoint bigint,
	checkpoint_crc bigint,
	data_crc bigint,
	version integer,
	notice text,
	sqlstate text,
	error text
);
COMMENT ON TABLE @extschema@.recseq_job IS 'recseq: one row a job. Read it through recseq_jobs.';
COMMENT ON COLUMN @extschema@.recseq_job.job IS 'number of the job';
COMMENT ON COLUMN @extschema@.recseq_job.model IS 'model that it trains';
COMMENT ON COLUMN @extschema@.recseq_job.owner IS 'role with whose rights it runs: the current user of the call';
COMMENT ON COLUMN @extschema@.recseq_job.login IS 'role that its process connects as: the session user of the call';
COMMENT ON COLUMN @extschema@.recseq_job.source IS 'relation that it reads';
COMMENT ON COLUMN @extschema@.recseq_job.source_name IS 'name of the relation when the job was queued; the job fails if it has another one by now';
COMMENT ON COLUMN @extschema@.recseq_job.options IS 'options of the call';
COMMENT ON COLUMN @extschema@.recseq_job.settings IS 'settings that were in force, and are in force for the job';
COMMENT ON COLUMN @extschema@.recseq_job.state IS 'queued, running, done, failed or cancelled';
COMMENT ON COLUMN @extschema@.recseq_job.queued IS 'when the function was called';
COMMENT ON COLUMN @extschema@.recseq_job.started IS 'when the job first began to run';
COMMENT ON COLUMN @extschema@.recseq_job.ended IS 'when the job was done, failed or cancelled';
COMMENT ON COLUMN @extschema@.recseq_job.by_definer IS 'it was queued within a function with the rights of its owner: the session user need not be able to become the owner';
COMMENT ON COLUMN @extschema@.recseq_job.attempts IS 'how often a process was started for it since the last checkpoint';
COMMENT ON COLUMN @extschema@.recseq_job.tried IS 'when a process was last started for it';
COMMENT ON COLUMN @extschema@.recseq_job.not_before IS 'when the next process may be started';
COMMENT ON COLUMN @extschema@.recseq_job.resumed IS 'how often it has gone on from a checkpoint';
COMMENT ON COLUMN @extschema@.recseq_job.epoch IS 'epochs in the checkpoint, or of the trained network';
COMMENT ON COLUMN @extschema@.recseq_job.epochs IS 'epochs at most';
COMMENT ON COLUMN @extschema@.recseq_job.loss IS 'training loss of that epoch';
COMMENT ON COLUMN @extschema@.recseq_job.val_loss IS 'validation loss of that epoch; null without validation';
COMMENT ON COLUMN @extschema@.recseq_job.hit_rate IS 'hit rate at 5 of the network on the validation windows after that epoch; null without validation';
COMMENT ON COLUMN @extschema@.recseq_job.mrr IS 'mean reciprocal rank within 20 there; null without validation';
COMMENT ON COLUMN @extschema@.recseq_job.seconds IS 'seconds of training that led to the checkpoint';
COMMENT ON COLUMN @extschema@.recseq_job.checkpoint IS 'recseq_checkpoint.id of the checkpoint; null: none';
COMMENT ON COLUMN @extschema@.recseq_job.checkpoint_crc IS 'CRC-32C of the checkpoint';
COMMENT ON COLUMN @extschema@.recseq_job.data_crc IS 'CRC-32C of the data and the options that the checkpoint is of';
COMMENT ON COLUMN @extschema@.recseq_job.version IS 'version that was made';
COMMENT ON COLUMN @extschema@.recseq_job.notice IS 'why it began again, if it did';
COMMENT ON COLUMN @extschema@.recseq_job.sqlstate IS 'code of that error';
COMMENT ON COLUMN @extschema@.recseq_job.error IS 'why it failed or was cancelled';
-- for the limit a role, and whether there is anything to do
CREATE INDEX recseq_job_unfinished ON @extschema@.recseq_job (owner)
	WHERE state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'running']);
-- whose job is next, and which
CREATE INDEX recseq_job_queued ON @extschema@.recseq_job (owner, not_before, job)
	WHERE state OPERATOR(pg_catalog.=) 'queued';
CREATE INDEX recseq_job_delayed ON @extschema@.recseq_job (not_before)
	WHERE state OPERATOR(pg_catalog.=) 'queued' AND not_before OPERATOR(pg_catalog.>) '-infinity';
CREATE INDEX recseq_job_running ON @extschema@.recseq_job (owner)
	WHERE state OPERATOR(pg_catalog.=) 'running';
CREATE INDEX recseq_job_tried ON @extschema@.recseq_job (owner, tried)
	WHERE tried IS NOT NULL;
-- which to forget
CREATE INDEX recseq_job_ended ON @extschema@.recseq_job (ended)
	WHERE ended IS NOT NULL;

CREATE TABLE @extschema@.recseq_checkpoint (
	id bigint NOT NULL,
	chunk integer NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (id, chunk)
);
ALTER TABLE @extschema@.recseq_checkpoint ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE @extschema@.recseq_checkpoint IS 'recseq: what a job that is interrupted goes on from (weights, optimizer state), cut into chunks; each checkpoint replaces the one before, the last goes when the job ends';
COMMENT ON COLUMN @extschema@.recseq_checkpoint.id IS 'recseq_job.checkpoint';
COMMENT ON COLUMN @extschema@.recseq_checkpoint.chunk IS 'place of the chunk, from 0';
COMMENT ON COLUMN @extschema@.recseq_checkpoint.data IS 'bytes of the checkpoint';

CREATE FUNCTION @extschema@.recseq_train_async(
	source regclass,
	model text DEFAULT 'default',
	features text[] DEFAULT NULL,
	units integer DEFAULT 64,
	layers integer DEFAULT 1,
	bidirectional boolean DEFAULT true,
	attention boolean DEFAULT false,
	item_dim integer DEFAULT 64,
	feature_dim integer DEFAULT 32,
	tied boolean DEFAULT true,
	scale double precision DEFAULT 14,
	residual boolean DEFAULT true,
	copy boolean DEFAULT true,
	dropout double precision DEFAULT 0.3,
	embedding_dropout double precision DEFAULT 0.25,
	item_dropout double precision DEFAULT 0.05,
	loss text DEFAULT NULL,
	negatives integer DEFAULT 2048,
	epochs integer DEFAULT 12,
	batch_size integer DEFAULT 128,
	learning_rate double precision DEFAULT 0.002,
	decay double precision DEFAULT 0.3,
	decay_epochs integer DEFAULT NULL,
	clip_norm double precision DEFAULT 5,
	patience integer DEFAULT 3,
	validation_fraction double precision DEFAULT 0.1,
	validation_metric text DEFAULT 'mrr',
	max_length integer DEFAULT 28,
	seed bigint DEFAULT 1,
	workers integer DEFAULT NULL,
	purchases text[] DEFAULT '{transaction,purchase,buy,order}',
	ranker boolean DEFAULT true,
	min_support integer DEFAULT 1,
	activate text DEFAULT 'always',
	catalog regclass DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'recseq_train_async'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_train_async IS
'Queues a training and returns the number of the job. The arguments are those of recseq_train, and so is the result, to the bit. The job starts after the commit, in a background worker; recseq_jobs shows it.

It runs with the rights of the caller (the current user; the worker connects as the session user, who must be able to log in, and cannot become anybody else), with the settings of that role and database, and with these of the session: search_path, row_security, DateStyle, IntervalStyle, TimeZone, and the settings of recseq that were set there. No other setting of the session reaches it. statement_timeout does not apply.

At most recseq.max_jobs jobs run at once in the cluster; the others of a database wait. The roles take turns, those of each role go in the order of their numbers. A role may have recseq.max_jobs_per_role jobs that have not ended, and a job may run for recseq.job_timeout. It needs a background worker for the queue of the database, one for each job, and those of the training (max_worker_processes).

After every epoch the job stores a checkpoint. When its process, the server or the machine dies, it goes on from there and comes to the same weights. After a crash that the server recovers from by itself, this happens at once; after a start of the server or the promotion of a standby, at once where shared_preload_libraries has recseq, and else at the next call of recseq_train_async, recseq_wait, recseq_cancel or recseq_resume_jobs. A job that is interrupted again within the same epoch waits longer each time, and has failed after the fifth.

Raises the errors of recseq_train for bad options at once; those of the data make the job fail, as do: the source is dropped, or its name means another relation by then; the catalog, which goes by its name, is not there; the owner may not read it or call this function any more, or is gone; the session user may not connect or become the owner (SET ROLE) any more.';
REVOKE ALL ON FUNCTION @extschema@.recseq_train_async FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_cancel(job bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'recseq_cancel'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_cancel(bigint) IS
'Cancels a job: one that runs stops within a tenth of a second and becomes "cancelled"; one that is queued does so with the commit. False: it had ended already. Raises an error if there is no such job that the caller may see (see recseq_jobs), or if it is not the caller''s or of a role whose member the caller is. A process that does not stop is terminated after ten seconds.';
REVOKE ALL ON FUNCTION @extschema@.recseq_cancel(bigint) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_wait(job bigint, timeout interval DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'recseq_wait'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_wait(bigint, interval) IS
'Waits until a job has ended, or for the given time (null: without limit), and returns its state: done, failed or cancelled; queued or running if the time is over. Raises an error if there is no such job that the caller may see (see recseq_jobs), or if this transaction has queued a job, which cannot start before the commit.';
REVOKE ALL ON FUNCTION @extschema@.recseq_wait(bigint, interval) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_resume_jobs()
RETURNS bigint
AS 'MODULE_PATHNAME', 'recseq_resume_jobs'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_resume_jobs() IS
'Sees to it that the queue of this database is worked, as after a start of the server without recseq in shared_preload_libraries, and returns the number of jobs that have not ended. Calling it too often does no harm.';
REVOKE ALL ON FUNCTION @extschema@.recseq_resume_jobs() FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_job_has_process(job bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'recseq_job_has_process'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_job_has_process(bigint) IS
'Whether a background worker of this server runs that job of this database.';

CREATE VIEW @extschema@.recseq_jobs WITH (security_barrier) AS
	SELECT j.job,
		j.model,
		pg_catalog.pg_get_userbyid(j.owner) AS owner,
		CASE WHEN j.state OPERATOR(pg_catalog.=) 'running' AND NOT pg_catalog.pg_is_in_recovery()
				AND NOT @extschema@.recseq_job_has_process(j.job)
			THEN 'interrupted' ELSE j.state END AS state,
		p.phase,
		CASE WHEN p.epoch OPERATOR(pg_catalog.>) 0 THEN p.epoch ELSE j.epoch END AS epoch,
		j.epochs,
		COALESCE(p.loss, j.loss) AS loss,
		COALESCE(p.val_loss, j.val_loss) AS val_loss,
		COALESCE(p.hit_rate, j.hit_rate) AS hit_rate,
		COALESCE(p.mrr, j.mrr) AS mrr,
		p.rate,
		p.done,
		p.seconds_left,
		CASE WHEN pg_catalog.pg_has_role(j.owner, 'USAGE') THEN j.error END AS error,
		j.sqlstate,
		j.notice,
		j.version,
		j.source_name AS source,
		j.options,
		j.queued,
		j.started,
		j.ended,
		j.resumed
	FROM @extschema@.recseq_job j
		LEFT JOIN (@extschema@.recseq_get_progress() p
			JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.datid
				AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
			ON p.job OPERATOR(pg_catalog.=) j.job
	WHERE pg_catalog.pg_has_role(j.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
	ORDER BY j.job;
COMMENT ON VIEW @extschema@.recseq_jobs IS 'jobs of this database: all to members of pg_read_all_stats; to others those of their own and of roles whose members they are. Jobs that have ended are kept for recseq.job_retention.';
COMMENT ON COLUMN @extschema@.recseq_jobs.job IS 'number of the job';
COMMENT ON COLUMN @extschema@.recseq_jobs.model IS 'model that it trains';
COMMENT ON COLUMN @extschema@.recseq_jobs.owner IS 'role with whose rights it runs';
COMMENT ON COLUMN @extschema@.recseq_jobs.state IS 'queued, running, done, failed or cancelled; or interrupted: it was running, its process is gone, and nobody has resumed it yet (see recseq_resume_jobs)';
COMMENT ON COLUMN @extschema@.recseq_jobs.phase IS 'of a job that runs, as in recseq_progress';
COMMENT ON COLUMN @extschema@.recseq_jobs.epoch IS 'epoch that is trained; else the last one that is safe in a checkpoint or in the version';
COMMENT ON COLUMN @extschema@.recseq_jobs.epochs IS 'epochs at most; fewer where validation stalls';
COMMENT ON COLUMN @extschema@.recseq_jobs.loss IS 'training loss of the epoch so far';
COMMENT ON COLUMN @extschema@.recseq_jobs.val_loss IS 'validation loss of the last epoch; null without validation';
COMMENT ON COLUMN @extschema@.recseq_jobs.hit_rate IS 'hit rate at 5 of the network on the validation windows after the last epoch; null without validation';
COMMENT ON COLUMN @extschema@.recseq_jobs.mrr IS 'mean reciprocal rank within 20 there; null without validation';
COMMENT ON COLUMN @extschema@.recseq_jobs.rate IS 'windows a second';
COMMENT ON COLUMN @extschema@.recseq_jobs.done IS 'share of the phase training or ranking that is done, 0 to 1';
COMMENT ON COLUMN @extschema@.recseq_jobs.seconds_left IS 'seconds until all epochs are trained and the second stage is fitted, at the pace of the epochs so far; fewer where validation stalls';
COMMENT ON COLUMN @extschema@.recseq_jobs.error IS 'why it failed or was cancelled; null for others than members of its owner, since it may show what the source holds';
COMMENT ON COLUMN @extschema@.recseq_jobs.sqlstate IS 'code of the error for which it failed; 57014 where it was cancelled or ran for too long';
COMMENT ON COLUMN @extschema@.recseq_jobs.notice IS 'why it began again instead of going on from its checkpoint, if so';
COMMENT ON COLUMN @extschema@.recseq_jobs.version IS 'version that it made; null before it is done';
COMMENT ON COLUMN @extschema@.recseq_jobs.source IS 'relation that it reads';
COMMENT ON COLUMN @extschema@.recseq_jobs.options IS 'options of the call';
COMMENT ON COLUMN @extschema@.recseq_jobs.queued IS 'when it was queued';
COMMENT ON COLUMN @extschema@.recseq_jobs.started IS 'when it first began to run';
COMMENT ON COLUMN @extschema@.recseq_jobs.ended IS 'when it was done, failed or cancelled';
COMMENT ON COLUMN @extschema@.recseq_jobs.resumed IS 'how often it has gone on from a checkpoint';
GRANT SELECT ON @extschema@.recseq_jobs TO PUBLIC;
