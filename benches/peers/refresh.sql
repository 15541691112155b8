-- A profile of 1,000,000 customers over 20,000,000 orders, refreshed as of two days; from orders.parquet and customers.parquet.
CREATE VIEW orders AS SELECT * FROM 'orders.parquet';
CREATE VIEW customers AS SELECT * FROM 'customers.parquet';
CREATE PROFILE customer WITH (key = 'customer_id', time_columns = 'orders.ordered_at') AS SELECT customer_id, age, city_tier, customer_type FROM customers;
CREATE TAG age_band ON customer AS SELECT customer_id, CASE WHEN age < 26 THEN '18-25' WHEN age < 36 THEN '26-35' WHEN age < 46 THEN '36-45' ELSE '46+' END FROM customers;
CREATE TAG metropolis ON customer AS SELECT customer_id, city_tier IN ('tier 1', 'new tier 1') FROM customers;
CREATE TAG spending ON customer AS SELECT customer_id, CASE WHEN sum(amount) >= 20000 THEN 'high' WHEN sum(amount) >= 5000 THEN 'middle' ELSE 'low' END FROM orders GROUP BY customer_id;
CREATE TAG order_value ON customer AS SELECT customer_id, CASE WHEN avg(amount) >= 500 THEN 'high' WHEN avg(amount) >= 200 THEN 'middle' ELSE 'low' END FROM orders GROUP BY customer_id;
CREATE TAG frequency ON customer AS SELECT customer_id, CASE WHEN count(*) >= 25 THEN 'high' WHEN count(*) >= 10 THEN 'middle' ELSE 'low' END FROM orders WHERE status = 'paid' GROUP BY customer_id;
CREATE TAG first_order ON customer AS SELECT customer_id, CAST(min(ordered_at) AS DATE) FROM orders GROUP BY customer_id;
CREATE TAG quiet ON customer AS SELECT customer_id, max(ordered_at) < $as_of - INTERVAL '90 days' FROM orders WHERE status = 'paid' GROUP BY customer_id;
CREATE TAG refunds ON customer AS SELECT customer_id, count(*) FILTER (WHERE status = 'refunded') FROM orders GROUP BY customer_id;
CREATE TAG channel ON customer AS SELECT customer_id, preference(channel) FROM orders GROUP BY customer_id;
CREATE TAG risk ON customer AS SELECT customer_id, CASE WHEN spending = 'high' AND quiet THEN 'at risk' WHEN quiet THEN 'quiet' ELSE 'none' END FROM profile.customer;
CREATE SEGMENT best ON customer AS spending = 'high' AND NOT quiet;
CREATE SEGMENT young_metropolis ON customer AS age_band IN ('18-25', '26-35') AND metropolis;
REFRESH PROFILE customer WITH (as_of = DATE '2025-08-31');
REFRESH PROFILE customer WITH (as_of = DATE '2025-12-31');
