-- title: Orders left out
-- title.zh: 未计入的订单
-- text: Paid orders of the last twelve months that name no customer of the profile, or no time. Everything that this report says of buyers, sales and segments leaves them out.
-- text.zh: 近十二个月中没有对应画像客户或没有时间的已支付订单。本报告关于买家、销售额和人群的数字均不含这些订单。
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status
-- when: WITH bought AS MATERIALIZED ( SELECT customer_id, count(*) AS orders, count(amount) AS priced, sum(amount) AS revenue, min(ordered_at) < max(ordered_at) AS came_back FROM orders WHERE status = 'paid' AND ordered_at <= $as_of AND ordered_at > $as_of - INTERVAL '12 months' GROUP BY customer_id) SELECT EXISTS (SELECT 1 FROM bought AS b LEFT JOIN $members AS m ON b.customer_id = m.$key WHERE m.$key IS NULL) OR EXISTS (SELECT 1 FROM orders WHERE status = 'paid' AND ordered_at IS NULL)
-- chart: none
-- count: customers
-- percent: share
-- words.zh: reason = 原因, no customer = 没有客户, a customer who is not in the profile = 客户不在画像中, no time = 没有时间
-- say: reason = 'no customer'
-- say.en: Paid orders of the last twelve months that name no customer: {orders}. The numbers of buyers, sales and segments leave them out.
-- say.zh: 近十二个月有 {orders} 笔已支付订单没有客户：买家、销售额和人群的数字均不含这些订单。
-- say: reason = 'a customer who is not in the profile'
-- say.en: Paid orders of the last twelve months of customers who are not in the profile: {orders}. The numbers of buyers, sales and segments leave them out.
-- say.zh: 近十二个月有 {orders} 笔已支付订单的客户不在画像中：买家、销售额和人群的数字均不含这些订单。
-- say: reason = 'no time'
-- say.en: Paid orders without a time: {orders}. The numbers of buyers, sales and segments leave them out.
-- say.zh: 有 {orders} 笔已支付订单没有时间：买家、销售额和人群的数字均不含这些订单。
WITH bought AS MATERIALIZED (
  SELECT customer_id, count(*) AS orders, count(amount) AS priced, sum(amount) AS revenue, min(ordered_at) < max(ordered_at) AS came_back FROM orders
  WHERE status = 'paid' AND ordered_at <= $as_of AND ordered_at > $as_of - INTERVAL '12 months' GROUP BY customer_id),
unknown AS (
  SELECT CASE WHEN b.customer_id IS NULL THEN 'no customer' ELSE 'a customer who is not in the profile' END AS reason,
    nullif(count(b.customer_id), 0) AS customers, CAST(sum(b.orders) AS BIGINT) AS orders, sum(b.revenue) AS revenue
  FROM bought AS b LEFT JOIN $members AS m ON b.customer_id = m.$key WHERE m.$key IS NULL GROUP BY reason),
untimed AS (SELECT 'no time' AS reason, count(DISTINCT customer_id) AS customers, count(*) AS orders, sum(amount) AS revenue FROM orders WHERE status = 'paid' AND ordered_at IS NULL),
total AS (SELECT CAST(sum(revenue) AS DOUBLE) AS revenue FROM bought)
SELECT u.reason, u.customers, u.orders, u.revenue,
  CASE WHEN u.reason <> 'no time' THEN CAST(u.revenue AS DOUBLE) / nullif(greatest(t.revenue, 0), 0) END AS share
FROM (SELECT * FROM unknown UNION ALL SELECT * FROM untimed WHERE orders > 0) AS u CROSS JOIN total AS t ORDER BY u.orders DESC, u.reason;
