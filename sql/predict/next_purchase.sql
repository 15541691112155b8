-- Who should buy again? Each customer's own rhythm, the expected next purchase, and churn by rhythm compared with a fixed rule. 复购预测：个人周期、下次购买、流失判定。
CREATE OR REPLACE VIEW rhythm AS
SELECT * FROM next_purchase((SELECT * FROM orders WHERE status = 'paid'), customer => customer_id, order_time => ordered_at,
  as_of => DATE '2025-06-30', within_days => 30, churn_factor => 2, churn_days => 90);

-- Due within a week, the most certain first. 一周内应复购。
SELECT customer_id, purchases, last_purchase, interval_median, expected_next, round(probability, 3) AS probability_30_days
FROM rhythm WHERE expected_next BETWEEN DATE '2025-07-01' AND DATE '2025-07-07'
ORDER BY probability DESC, customer_id LIMIT 10;

-- Two definitions of churn: twice the customer's own interval, or 90 days for everybody. 两种流失口径。
SELECT coalesce(CAST(is_churned AS VARCHAR), 'one purchase only') AS churned_by_rhythm, is_silent AS silent_90_days,
  count(*) AS customers, round(avg(interval_median), 1) AS interval_days, round(avg(days_silent), 1) AS days_silent
FROM rhythm GROUP BY 1, 2 ORDER BY 1, 2;

-- The full fixed rule: no purchase for more than 90 days, and the last orders smaller than the earlier ones. 90 天未购且客单价下滑。
SELECT count(*) AS customers
FROM rhythm AS r JOIN (
  SELECT customer_id, avg(amount) FILTER (WHERE number <= 2) AS last_orders, avg(amount) FILTER (WHERE number > 2) AS before
  FROM (SELECT customer_id, amount, row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at DESC, order_id) AS number
    FROM orders WHERE status = 'paid' AND ordered_at < TIMESTAMP '2025-07-01')
  GROUP BY customer_id) AS o ON r.customer_id = o.customer_id
WHERE r.is_silent AND o.last_orders < o.before;
