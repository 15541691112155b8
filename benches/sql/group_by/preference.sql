-- The preferred channel of 100,000 customers over 1,000,000 orders in memory.
CREATE TABLE orders AS SELECT customer_id, 'C' || customer_id AS code, channel, ordered_at, amount FROM sample_orders(rows => 1000000);
SELECT customer_id, preference(channel) FROM orders GROUP BY customer_id;
