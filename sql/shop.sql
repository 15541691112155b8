-- The sample shop as views: 2,000 customers, 20,000 orders, 50,000 order items and 50,000 events.
-- If your own tables have these names and columns, the recipes run on them.
CREATE OR REPLACE VIEW customers AS SELECT * FROM sample_customers(rows => 2000);
CREATE OR REPLACE VIEW orders AS SELECT * FROM sample_orders(rows => 20000);
CREATE OR REPLACE VIEW order_items AS SELECT * FROM sample_order_items(rows => 50000);
CREATE OR REPLACE VIEW events AS SELECT * FROM sample_events(rows => 50000);
