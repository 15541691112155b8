-- title: Orders
-- title.zh: 订单时间线
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status
-- chart: line
-- x: day
-- y: amount
SELECT CAST(ordered_at AS DATE) AS day, sum(amount) AS amount, count(*) AS orders FROM orders
WHERE customer_id = $customer AND status = 'paid' AND ordered_at <= $as_of GROUP BY 1 ORDER BY day;
