-- title: What the segments bring
-- title.zh: 人群贡献
-- when: SELECT count(*) > 0 FROM (SELECT segment FROM $segments LIMIT 1)
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status
-- text: Paid orders of the twelve months up to the day of the report.
-- text.zh: 报告日之前十二个月的已支付订单。
-- chart: bar
-- x: segment
-- y: customer_share, revenue_share
-- count: customers
-- percent: customer_share, revenue_share
-- say: customers >= 50 AND revenue_share >= 1.5 * customer_share AND revenue_share BETWEEN 0.1 AND 1 AND revenue <= 10 * customers * median_revenue
-- say.en: {segment}: {customer_share:percent} of the customers brought {revenue_share:percent} of the sales of the last year to known customers.
-- say.zh: “{segment}”占客户的 {customer_share:percent}，贡献近一年已知客户销售额的 {revenue_share:percent}。
-- say: customers >= 50 AND revenue_share >= 1.5 * customer_share AND revenue_share BETWEEN 0.1 AND 1 AND revenue > 10 * customers * median_revenue
-- say.en: {segment}: {customer_share:percent} of the customers brought {revenue_share:percent} of the sales of the last year to known customers, but half of them spent {median_revenue} or less: a few large amounts decide.
-- say.zh: “{segment}”占客户的 {customer_share:percent}，贡献近一年已知客户销售额的 {revenue_share:percent}，但半数客户消费不超过 {median_revenue}：主要来自少数大额订单。
WITH bought AS MATERIALIZED (
  SELECT customer_id, count(*) AS orders, count(amount) AS priced, sum(amount) AS revenue, min(ordered_at) < max(ordered_at) AS came_back FROM orders
  WHERE status = 'paid' AND ordered_at <= $as_of AND ordered_at > $as_of - INTERVAL '12 months' GROUP BY customer_id),
total AS (SELECT count(*) AS customers, sum(b.revenue) AS revenue FROM $members AS m LEFT JOIN bought AS b ON b.customer_id = m.$key),
each AS (
  SELECT segment, count(*) AS customers, sum(b.revenue) AS revenue, round(median(coalesce(CAST(b.revenue AS DOUBLE), 0)), 2) AS median_revenue
  FROM $segments AS g LEFT JOIN bought AS b ON b.customer_id = g.$key GROUP BY segment)
SELECT e.segment, e.customers, coalesce(e.revenue, 0) AS revenue, e.median_revenue, e.customers / nullif(CAST(t.customers AS DOUBLE), 0) AS customer_share,
  coalesce(CAST(e.revenue AS DOUBLE), 0) / nullif(greatest(CAST(t.revenue AS DOUBLE), 0), 0) AS revenue_share
FROM each AS e CROSS JOIN total AS t ORDER BY revenue DESC, segment;
