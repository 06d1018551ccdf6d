
/* recseq: how far trainings are */

CREATE FUNCTION @extschema@.recseq_get_progress()
RETURNS TABLE (
	pid integer,
	datid oid,
	usesysid oid,
	job bigint,
	model text,
	phase text,
	epoch integer,
	epochs integer,
	windows_done bigint,
	windows_total bigint,
	loss double precision,
	val_loss double precision,
	hit_rate double precision,
	mrr double precision,
	rate double precision,
	done double precision,
	seconds_left double precision,
	started timestamptz)
AS 'MODULE_PATHNAME', 'recseq_get_progress'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 4;
COMMENT ON FUNCTION @extschema@.recseq_get_progress() IS
'Every training that runs in the cluster, with OIDs for database and role: read it through recseq_progress. All but pid, datid and usesysid are null for roles that may not see them.';

CREATE VIEW @extschema@.recseq_progress AS
	SELECT p.pid,
		d.datname,
		pg_catalog.pg_get_userbyid(p.usesysid) AS usename,
		p.job,
		p.model,
		p.phase,
		p.epoch,
		p.epochs,
		p.windows_done,
		p.windows_total,
		p.loss,
		p.val_loss,
		p.hit_rate,
		p.mrr,
		p.rate,
		p.done,
		p.seconds_left,
		p.started
	FROM @extschema@.recseq_get_progress() p
		JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.datid;
COMMENT ON VIEW @extschema@.recseq_progress IS 'every training that runs in the cluster, of recseq_train as of jobs, 64 at most. As in pg_stat_activity, details are shown to the role that trains and its members, and to members of pg_read_all_stats; they are null for others.';
COMMENT ON COLUMN @extschema@.recseq_progress.pid IS 'process that trains';
COMMENT ON COLUMN @extschema@.recseq_progress.datname IS 'database it trains in';
COMMENT ON COLUMN @extschema@.recseq_progress.usename IS 'role with whose rights it trains';
COMMENT ON COLUMN @extschema@.recseq_progress.job IS 'number of the job in that database; null for recseq_train';
COMMENT ON COLUMN @extschema@.recseq_progress.model IS 'model that is trained';
COMMENT ON COLUMN @extschema@.recseq_progress.phase IS 'reading (the source), training, ranking (fitting the second stage), or storing (the new version)';
COMMENT ON COLUMN @extschema@.recseq_progress.epoch IS 'epoch that is trained, from 1; 0 while the source is read';
COMMENT ON COLUMN @extschema@.recseq_progress.epochs IS 'epochs at most; fewer where validation stalls';
COMMENT ON COLUMN @extschema@.recseq_progress.windows_done IS 'training windows that are done of this epoch';
COMMENT ON COLUMN @extschema@.recseq_progress.windows_total IS 'training windows of an epoch; 0 while the source is read';
COMMENT ON COLUMN @extschema@.recseq_progress.loss IS 'mean loss of the windows done in this epoch, or of the last epoch before the first of them';
COMMENT ON COLUMN @extschema@.recseq_progress.val_loss IS 'validation loss of the last epoch that is done; null before, and without validation';
COMMENT ON COLUMN @extschema@.recseq_progress.hit_rate IS 'hit rate at 5 of the network on the validation windows after that epoch; null likewise';
COMMENT ON COLUMN @extschema@.recseq_progress.mrr IS 'mean reciprocal rank within 20 there; null likewise';
COMMENT ON COLUMN @extschema@.recseq_progress.rate IS 'windows a second in this epoch';
COMMENT ON COLUMN @extschema@.recseq_progress.done IS 'share of the phase training or ranking that is done, 0 to 1';
COMMENT ON COLUMN @extschema@.recseq_progress.seconds_left IS 'seconds until all epochs are trained and the second stage is fitted, at the pace of the epochs so far; fewer where validation stalls';
COMMENT ON COLUMN @extschema@.recseq_progress.started IS 'when the training began, or was resumed';
GRANT SELECT ON @extschema@.recseq_progress TO PUBLIC;
