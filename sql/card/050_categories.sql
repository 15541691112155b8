-- title: What was bought
-- title.zh: 购买品类
-- needs: orders.order_id, orders.customer_id, orders.ordered_at, order_items.order_id, order_items.category, order_items.quantity, order_items.price
-- chart: bar
-- x: category
-- y: spent
-- words.zh: spent = 花费
SELECT category, sum(quantity) AS pieces, sum(quantity * price) AS spent FROM orders JOIN order_items USING (order_id)
WHERE customer_id = $customer AND status = 'paid' AND ordered_at <= $as_of AND quantity > 0 GROUP BY category ORDER BY spent DESC, category;
