-- title: Retention by month of the first order
-- title.zh: 首单月份留存
-- text: Of those whose first paid order was in a month, the share that bought again one, two, … months later; the last twelve months that are over.
-- text.zh: 按首单月份，之后各月再次购买的比例；只含已结束的最近十二个月。
-- needs: orders.customer_id, orders.ordered_at, orders.status
-- chart: heatmap
-- x: months_later
-- y: retention
-- series: first_month
-- count: customers
-- percent: retention
WITH first AS MATERIALIZED (
  SELECT p.customer_id, p.first_at, p.last_at
  FROM (SELECT customer_id, min(ordered_at) AS first_at, max(ordered_at) AS last_at FROM orders
    WHERE status = 'paid' AND ordered_at < date_trunc('month', $as_of + INTERVAL '1 day') GROUP BY customer_id) AS p
  JOIN $members AS m ON m.$key = p.customer_id),
new AS MATERIALIZED (
  SELECT customer_id, date_trunc('month', first_at) AS first_month FROM first
  WHERE first_at >= date_trunc('month', $as_of + INTERVAL '1 day') - INTERVAL '12 months'),
sizes AS (SELECT first_month, count(*) AS customers FROM new GROUP BY first_month),
bought AS MATERIALIZED (
  SELECT customer_id, date_trunc('month', ordered_at) AS month, sum(amount) AS amount FROM orders
  WHERE status = 'paid' AND ordered_at < date_trunc('month', $as_of + INTERVAL '1 day')
    AND ordered_at >= date_trunc('month', $as_of + INTERVAL '1 day') - INTERVAL '24 months'
  GROUP BY customer_id, date_trunc('month', ordered_at)),
-- The difference of the months is that of a few groups, and not of each purchase.
later AS (
  SELECT first_month, CAST(12 * (extract(year FROM month) - extract(year FROM first_month)) + extract(month FROM month) - extract(month FROM first_month) AS BIGINT) AS months_later, again
  FROM (SELECT n.first_month, b.month, count(*) AS again FROM bought AS b JOIN new AS n ON n.customer_id = b.customer_id GROUP BY n.first_month, b.month)),
grid AS (
  SELECT first_month, customers, value AS months_later FROM sizes CROSS JOIN generate_series(1, 11)
  WHERE first_month + value * INTERVAL '1 month' <= (SELECT max(last_at) FROM first))
SELECT to_char(first_month, '%Y-%m') AS first_month, months_later, customers,
  -- To a tenth of a percent, as much as a cell of the heat map holds; nobody alone is 0, and everybody alone 1.
  CASE coalesce(again, 0) WHEN 0 THEN 0.0 WHEN customers THEN 1.0
    ELSE least(greatest(round(again / CAST(customers AS DOUBLE), 3), 0.001), 0.999) END AS retention
FROM grid LEFT JOIN later USING (first_month, months_later)
ORDER BY first_month, months_later;
