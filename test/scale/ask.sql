\set id random(1, 500)
SELECT a.item FROM questions q, LATERAL recseq_recommend(q.items) a WHERE q.id = :id;
