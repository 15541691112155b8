-- Five clusters of 100,000 customers by three measures.
CREATE TABLE shoppers AS SELECT customer_id, recency_days, frequency, CAST(monetary AS DOUBLE) AS monetary
FROM rfm((SELECT customer_id % 100000 AS customer_id, ordered_at, amount FROM sample_orders(rows => 1000000)), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT cluster_id, count(*) FROM kmeans(shoppers, key => customer_id, n_clusters => 5, n_init => 1) GROUP BY cluster_id;
