-- A shop of its own for the page's tests: text ids, products with names and prices, no categories in one of two models.
SET client_min_messages = warning;
SET recseq.progress = off;
CREATE EXTENSION recseq;
CREATE TABLE products (sku text PRIMARY KEY, name text NOT NULL, category text, picture text, url text, price numeric, available boolean);
INSERT INTO products
SELECT 'SKU-' || n, (ARRAY['Blue', 'Red', 'Green', 'White'])[1 + n % 4] || ' <b>mug</b> ' || n, 'mugs ' || n % 10,
	CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN 'javascript:alert(1)' ELSE 'http://127.0.0.1:9/' || n || '.png" onerror="alert(1)' END,
	'http://127.0.0.1:9/' || n, 4.5 + n % 20, n % 7 <> 0
FROM generate_series(1, 300) n;
CREATE TABLE orders (customer text NOT NULL, sku text NOT NULL, ordered timestamptz NOT NULL, line int NOT NULL);
INSERT INTO orders
SELECT 'c/' || c, 'SKU-' || 1 + (c * 7 + n * n * 3 + n / 3) % 300, timestamptz '2026-01-01' + (c + n / 3 * 24) * interval '1 hour', n % 3
FROM generate_series(1, 500) c, generate_series(0, 3 + c % 6) n;
CREATE INDEX ON orders (customer);
SELECT recseq_kit('shop', events => 'orders', user_column => 'customer', item_column => 'sku', time_column => 'ordered', order_column => 'line',
	items => 'products', item_id_column => 'sku');
-- the first by name reads no categories; the kit's own is another
SELECT recseq_train('shop.training_sequences', 'a model without categories', features => '{}', epochs => 1, units => 8);
SELECT recseq_train('shop.training_sequences', 'shop', epochs => 2, units => 8);
UPDATE shop.settings SET model = 'shop';
