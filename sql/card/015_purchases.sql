-- title: Purchases in numbers
-- title.zh: 购买概况
-- needs: orders.order_id, orders.customer_id, orders.ordered_at, orders.amount, orders.status
-- chart: numbers
-- words.zh: first_purchase = 首次购买, last_purchase = 最近购买, orders = 订单数, total = 总金额, average_order = 平均订单金额
SELECT CAST(min(ordered_at) AS DATE) AS first_purchase, CAST(max(ordered_at) AS DATE) AS last_purchase, count(DISTINCT order_id) AS orders,
  sum(amount) AS total, round(sum(amount) / count(DISTINCT order_id), 2) AS average_order
FROM orders WHERE customer_id = $customer AND status = 'paid' AND ordered_at <= $as_of HAVING count(*) > 0;
