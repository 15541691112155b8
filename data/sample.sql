-- Makes data/sample from the seeded sample shop: portrait run data/sample.sql
COPY (SELECT * FROM sample_customers(rows => 2000)) TO 'data/sample/customers.parquet';
COPY (SELECT * FROM sample_orders(rows => 20000)) TO 'data/sample/orders.parquet';
COPY (SELECT * FROM sample_order_items(rows => 50000)) TO 'data/sample/order_items.parquet';
COPY (SELECT * FROM sample_events(rows => 50000)) TO 'data/sample/events.parquet';
