CREATE TABLE lines AS SELECT order_id, product FROM sample_order_items(rows => 1000000);
SELECT max(itemsets) FROM support_curve(lines, basket => order_id, item => product);
