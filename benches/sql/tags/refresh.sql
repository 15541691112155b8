-- A refresh of 100,000 customers: tags of their rows, tags over 1,000,000 orders, derived ones; repeated for the same day.
CREATE TABLE customers AS SELECT * FROM sample_customers(rows => 100000);
CREATE TABLE orders AS SELECT customer_id, ordered_at, amount, channel, status FROM sample_orders(rows => 1000000);
CREATE PROFILE customer WITH (key = 'customer_id', time_columns = 'orders.ordered_at') AS SELECT customer_id, gender, age, city FROM customers;
CREATE TAG age_band ON customer AS SELECT customer_id, CASE WHEN age < 26 THEN '18-25' WHEN age < 36 THEN '26-35' WHEN age < 46 THEN '36-45' ELSE '46+' END FROM customers;
CREATE TAG spending ON customer AS SELECT customer_id, CASE WHEN sum(amount) >= 5000 THEN 'high' WHEN sum(amount) >= 500 THEN 'middle' ELSE 'low' END FROM orders GROUP BY customer_id;
CREATE TAG frequency ON customer AS SELECT customer_id, count(*) FROM orders WHERE status = 'paid' GROUP BY customer_id;
CREATE TAG channel ON customer AS SELECT customer_id, preference(channel) FROM orders GROUP BY customer_id;
CREATE TAG quiet ON customer AS SELECT customer_id, max(ordered_at) < $as_of - INTERVAL '90 days' FROM orders GROUP BY customer_id;
CREATE TAG risk ON customer AS SELECT customer_id, CASE WHEN spending = 'high' AND quiet THEN 'yes' ELSE 'no' END FROM profile.customer;
CREATE SEGMENT best ON customer AS risk = 'no' AND spending = 'high';
REFRESH PROFILE customer WITH (as_of = DATE '2025-05-31');
REFRESH PROFILE customer WITH (as_of = DATE '2025-06-30');
