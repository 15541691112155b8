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
WITH bought AS (
  SELECT o.customer_id, date_trunc('month', o.ordered_at) AS month, sum(o.amount) AS amount
  FROM orders AS o JOIN $members AS m ON m.$key = o.customer_id WHERE o.status = 'paid' AND o.ordered_at < date_trunc('month', $as_of + INTERVAL '1 day')
  GROUP BY o.customer_id, date_trunc('month', o.ordered_at)),
numbered AS (SELECT *, min(month) OVER (PARTITION BY customer_id) AS first FROM bought)
SELECT CAST(month AS DATE) AS month, count(*) AS buyers, count(*) FILTER (WHERE first < month) AS returning_buyers,
  count(*) FILTER (WHERE first < month) / CAST(count(*) AS DOUBLE) AS returning_share, sum(amount) AS revenue
FROM numbered WHERE month >= date_trunc('month', $as_of + INTERVAL '1 day') - INTERVAL '24 months' GROUP BY month ORDER BY month;
