-- A shop of a million customers for a report: portrait -d million run benches/peers/report.sql
CREATE TABLE customers AS SELECT * FROM sample_customers(rows => 1000000);
CREATE TABLE orders AS SELECT * FROM sample_orders(rows => 4000000);
CREATE TABLE order_items AS SELECT * FROM sample_order_items(rows => 8000000);
CREATE TABLE events AS SELECT * FROM sample_events(rows => 5000000);
CREATE PROFILE customer WITH (key = 'customer_id', time_columns = 'orders.ordered_at, events.event_time') AS
  SELECT customer_id, name, phone, gender, province AS region FROM customers;
CREATE TAG spent ON customer AS SELECT customer_id, sum(amount) FROM orders WHERE customer_id IS NOT NULL GROUP BY customer_id;
CREATE TAG favourite ON customer AS SELECT customer_id, CASE WHEN spent > 20000 THEN 'big' WHEN spent > 3000 THEN 'middle' ELSE 'small' END FROM profile.customer;
CREATE SEGMENT big ON customer AS favourite = 'big';
CREATE SEGMENT middle ON customer AS favourite = 'middle';
CREATE SEGMENT small ON customer AS favourite = 'small';
REFRESH PROFILE customer WITH (as_of = DATE '2025-06-30');
