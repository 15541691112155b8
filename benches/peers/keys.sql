-- The orders of orders.parquet under other keys, one file each: strings, integers far apart, ten million customers with two orders each in no
-- order, one customer with everything, and a few customers with most orders (Zipf).
COPY (SELECT 'C' || customer_id AS customer_id, ordered_at, amount FROM 'orders.parquet') TO 'text.parquet';
COPY (SELECT customer_id * 9007199254741 - 4503599627370496000 AS customer_id, ordered_at, amount FROM 'orders.parquet') TO 'sparse.parquet';
COPY (SELECT order_id * 7919 % 10000019 AS customer_id, ordered_at, amount FROM 'orders.parquet') TO 'many.parquet';
COPY (SELECT 1 AS customer_id, ordered_at, amount FROM 'orders.parquet') TO 'one.parquet';
COPY (SELECT CAST(exp(13.8 * (customer_id % 1000003) / 1000003.0) AS BIGINT) AS customer_id, ordered_at, amount FROM 'orders.parquet') TO 'zipf.parquet';
