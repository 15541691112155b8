-- title: Purchases of the last year
-- title.zh: 近一年购买
-- text: Orders that were paid, in the twelve months up to the day of the report.
-- text.zh: 报告日之前十二个月内的已支付订单。
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status
-- chart: numbers
-- count: buyers
-- percent: buying_share, repurchase_rate
-- say: buyers = 0
-- say.en: No customer has a paid order in the last twelve months: look whether orders are missing.
-- say.zh: 近一年没有客户的已支付订单：请确认订单数据是否缺失。
-- say: buyers > 0 AND revenue < 0
-- say.en: The paid orders of the last twelve months add up to less than nothing: look whether refunds are more than orders, or amounts have the wrong sign.
-- say.zh: 近一年已支付订单的金额合计为负：请确认退款是否超过订单，或金额符号是否有误。
-- say: buyers >= 100 AND repurchase_rate < 0.3
-- say.en: Only {repurchase_rate:percent} of the buyers of the last year bought twice or more: a second order within the first weeks is worth an offer.
-- say.zh: 近一年的购买客户中，仅 {repurchase_rate:percent} 购买了两次或以上：建议在首单后数周内促成第二单。
-- say: buyers >= 100 AND repurchase_rate >= 0.6
-- say.en: {repurchase_rate:percent} of the buyers of the last year bought twice or more: they are the base to build on.
-- say.zh: 近一年的购买客户中，{repurchase_rate:percent} 购买了两次或以上，是经营的基础。
WITH bought AS MATERIALIZED (
  SELECT customer_id, count(*) AS orders, count(amount) AS priced, sum(amount) AS revenue, min(ordered_at) < max(ordered_at) AS came_back FROM orders
  WHERE status = 'paid' AND ordered_at <= $as_of AND ordered_at > $as_of - INTERVAL '12 months' GROUP BY customer_id),
own AS (SELECT b.* FROM bought AS b JOIN $members AS m ON b.customer_id = m.$key)
SELECT count(*) AS buyers, count(*) / nullif(CAST((SELECT count(*) FROM $members) AS DOUBLE), 0) AS buying_share, sum(orders) AS orders, sum(revenue) AS revenue,
  round(sum(revenue) / nullif(sum(priced), 0), 2) AS average_order,
  count(*) FILTER (WHERE came_back) / nullif(CAST(count(*) AS DOUBLE), 0) AS repurchase_rate
FROM own;
