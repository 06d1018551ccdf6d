-- A small shop for the page's tests: the demo's data and views, and a model in two versions.
SET client_min_messages = warning;
SET recseq.progress = off;
CREATE EXTENSION recseq;
SELECT recseq_retailrocket();
SELECT recseq_sample_data('retailrocket', visitors => 800, items => 200, seed => 1);
\ir ../../app/demo_views.sql
SELECT recseq_train('demo_training', 'demo', epochs => 4);
SELECT recseq_train('demo_training', 'demo', units => 8, item_dim => 16, epochs => 2);
SELECT recseq_activate('demo', 1);
