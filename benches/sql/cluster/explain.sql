-- The segments of 100,000 customers as rules.
CREATE TABLE shoppers AS SELECT customer_id, segment, recency_days, frequency, monetary
FROM rfm((SELECT customer_id % 100000 AS customer_id, ordered_at, amount FROM sample_orders(rows => 1000000)), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT * FROM explain_segments(shoppers, label => segment, key => customer_id);
