-- Which segments bring the revenue? Customers, revenue and the share of both, per segment:
-- the first line with revenue_share above customer_share shows what percentage of customers brings what percentage of sales.
SELECT
  segment,
  count(*) AS customers,
  sum(monetary) AS revenue,
  round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS customer_share,
  round(100.0 * sum(monetary) / sum(sum(monetary)) OVER (), 1) AS revenue_share
FROM rfm((SELECT * FROM orders WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2025-06-30')
GROUP BY segment
ORDER BY revenue DESC;
