-- rfm over 1,000,000 order lines, counted by order.
CREATE TABLE lines AS
SELECT o.customer_id, o.order_id, o.ordered_at, i.price * i.quantity AS amount
FROM sample_order_items(rows => 1000000) i JOIN sample_orders(rows => 400000) o USING (order_id);
SELECT segment, count(*) FROM rfm(lines, customer => customer_id, order_time => ordered_at, amount => amount, order_id => order_id) GROUP BY segment;
