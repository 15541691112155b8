-- A model of 1,000 customers over 100,000.
CREATE TABLE shoppers AS SELECT customer_id, recency_days, frequency, CAST(monetary AS DOUBLE) AS monetary
FROM rfm((SELECT customer_id % 100000 AS customer_id, ordered_at, amount FROM sample_orders(rows => 1000000)), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 5) AS SELECT * FROM shoppers WHERE customer_id < 1000;
SELECT cluster_id, count(*) FROM ml_predict(shopper_groups, shoppers) GROUP BY cluster_id;
