-- The preferred channel, the purchase cycle and the trend of 100,000 customers from 1,000,000 orders.
CREATE TABLE orders AS SELECT customer_id, ordered_at, amount, channel FROM sample_orders(rows => 1000000);
SELECT count(p), avg(c), avg(t) FROM (SELECT preference(channel) AS p, purchase_cycle(ordered_at) AS c, trend(ordered_at, amount) AS t FROM orders GROUP BY customer_id);
