-- GROUP BY a string over 1,000,000 orders of 100,000 customers in memory.
CREATE TABLE orders AS SELECT customer_id, 'C' || customer_id AS code, channel, ordered_at, amount FROM sample_orders(rows => 1000000);
SELECT code, count(*), sum(amount), max(ordered_at) FROM orders GROUP BY code;
