-- title: Sales and repurchase by month
-- title.zh: 月度销售与复购
-- text: Customers who bought in a month, and those of them who had bought before; months that are over.
-- text.zh: 当月购买客户数，及其中的老客。
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status
-- chart: line
-- x: month
-- y: buyers, returning_buyers
-- count: buyers
-- percent: returning_share
WITH numbered AS (
  SELECT o.customer_id, date_trunc('month', o.ordered_at) AS month, o.amount, min(o.ordered_at) OVER (PARTITION BY o.customer_id) AS first
  FROM orders AS o JOIN $members AS m ON m.$key = o.customer_id WHERE o.status = 'paid' AND o.ordered_at < date_trunc('month', $as_of + INTERVAL '1 day'))
SELECT CAST(month AS DATE) AS month, count(DISTINCT customer_id) AS buyers, count(DISTINCT customer_id) FILTER (WHERE first < month) AS returning_buyers,
  count(DISTINCT customer_id) FILTER (WHERE first < month) / CAST(count(DISTINCT customer_id) AS DOUBLE) AS returning_share, sum(amount) AS revenue
FROM numbered WHERE month >= date_trunc('month', $as_of + INTERVAL '1 day') - INTERVAL '24 months' GROUP BY month ORDER BY month;
