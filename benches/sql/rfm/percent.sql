-- rfm by percent over 1,000,000 orders of 100,000 customers in memory.
CREATE TABLE orders AS SELECT customer_id, ordered_at, amount FROM sample_orders(rows => 1000000);
SELECT segment, count(*) FROM rfm(orders, customer => customer_id, order_time => ordered_at, amount => amount, method => 'percent') GROUP BY segment;
