-- Two to six clusters of 20,000 customers, with their silhouettes.
CREATE TABLE shoppers AS SELECT customer_id, recency_days, frequency, CAST(monetary AS DOUBLE) AS monetary
FROM rfm((SELECT customer_id % 20000 AS customer_id, ordered_at, amount FROM sample_orders(rows => 200000)), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT * FROM choose_clusters(shoppers, key => customer_id, max_clusters => 6, n_init => 1);
