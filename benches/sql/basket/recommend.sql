CREATE TABLE lines AS SELECT customer_id, order_id, product FROM sample_orders(rows => 400000) JOIN sample_order_items(rows => 1000000) USING (order_id);
CREATE TABLE rules AS SELECT * FROM association_rules(lines, basket => order_id, item => product, min_support => 0.0005, min_confidence => 0.1);
SELECT count(*) FROM recommend(lines, rules, basket => customer_id, item => product);
