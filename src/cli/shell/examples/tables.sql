CREATE TABLE orders AS SELECT order_id, customer_id, amount FROM sample_orders(rows => 100);
\d
\d orders
