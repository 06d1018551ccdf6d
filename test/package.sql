-- A first use of what was installed: it trains on sample data and answers. The line "result: ..." says whether there are
-- answers, whether the BLAS is the serial one, and whether the process has one thread.
\pset tuples_only on
\pset format unaligned
CREATE EXTENSION recseq;
SELECT recseq_retailrocket();
SELECT recseq_sample_data(visitors => 500, items => 100);
SELECT items FROM recseq_train('retailrocket.training_sequences', epochs => 2);
SELECT 'result: ' || concat_ws('|',
	(SELECT count(*) = 5 FROM recseq_recommend(ARRAY[3, 5, 8])),
	(SELECT bool_and(line LIKE '%/openblas-serial/%') FROM string_to_table(pg_read_file('/proc/self/maps'), E'\n') line WHERE line LIKE '%openblas%'),
	(SELECT count(*) = 1 FROM pg_ls_dir('/proc/self/task')));
