-- title: Sales and repurchase by month
-- title.zh: 月度销售与复购
-- text: Customers who bought in a month, and those of them who had bought before; months that are over.
-- text.zh: 当月购买客户数，及其中此前已购买过的老客；只含已结束的月份。
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status
-- chart: line
-- x: month
-- y: buyers, returning_buyers
-- count: buyers
-- percent: returning_share
WITH first AS MATERIALIZED (
  SELECT p.customer_id, p.first_at, p.last_at
  FROM (SELECT customer_id, min(ordered_at) AS first_at, max(ordered_at) AS last_at FROM orders
    WHERE status = 'paid' AND ordered_at < date_trunc('month', $as_of + INTERVAL '1 day') GROUP BY customer_id) AS p
  JOIN $members AS m ON m.$key = p.customer_id),
bought AS MATERIALIZED (
  SELECT customer_id, date_trunc('month', ordered_at) AS month, sum(amount) AS amount FROM orders
  WHERE status = 'paid' AND ordered_at < date_trunc('month', $as_of + INTERVAL '1 day')
    AND ordered_at >= date_trunc('month', $as_of + INTERVAL '1 day') - INTERVAL '24 months'
  GROUP BY customer_id, date_trunc('month', ordered_at))
SELECT CAST(month AS DATE) AS month, count(*) AS buyers, count(*) FILTER (WHERE first_at < month) AS returning_buyers,
  count(*) FILTER (WHERE first_at < month) / CAST(count(*) AS DOUBLE) AS returning_share, sum(amount) AS revenue
FROM first JOIN bought USING (customer_id) GROUP BY month ORDER BY month;
