-- How much do the best customers bring? The share of sales of the top 20 % of customers, and of the other fifths.
WITH ranked AS (
  SELECT monetary, ntile(5) OVER (ORDER BY monetary DESC, customer_id) AS fifth
  FROM rfm((SELECT * FROM orders WHERE status = 'paid'),
    customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2025-06-30')
)
SELECT
  CASE fifth WHEN 1 THEN 'top 20 %' ELSE concat('next 20 % (', fifth, ')') END AS customers,
  count(*) AS number,
  sum(monetary) AS revenue,
  round(100.0 * sum(monetary) / sum(sum(monetary)) OVER (), 1) AS revenue_share
FROM ranked
GROUP BY fifth
ORDER BY fifth;
