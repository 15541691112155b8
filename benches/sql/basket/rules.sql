CREATE TABLE lines AS SELECT order_id, product FROM sample_order_items(rows => 1000000);
SELECT count(*) FROM association_rules(lines, basket => order_id, item => product, min_support => 0.0005, min_confidence => 0.1);
