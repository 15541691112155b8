-- GROUP BY an integer and a string over 1,000,000 orders of 100,000 customers in memory.
CREATE TABLE orders AS SELECT customer_id, 'C' || customer_id AS code, channel, ordered_at, amount FROM sample_orders(rows => 1000000);
SELECT customer_id, channel, count(*), sum(amount) FROM orders GROUP BY customer_id, channel;
