-- Do they come back? Repurchase rate (customers with a second order) and the usual time between two orders, by first channel.
WITH numbered AS (
  SELECT
    customer_id, channel, ordered_at,
    row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at, order_id) AS number,
    lag(ordered_at) OVER (PARTITION BY customer_id ORDER BY ordered_at, order_id) AS before
  FROM orders
  WHERE status = 'paid' AND customer_id IS NOT NULL
), customers AS (
  SELECT
    customer_id,
    max(CASE WHEN number = 1 THEN channel END) AS first_channel,
    count(*) AS orders,
    avg(date_part('epoch', ordered_at - before) / 86400.0) AS days_between
  FROM numbered
  GROUP BY customer_id
)
SELECT
  first_channel,
  count(*) AS customers,
  round(100.0 * count(*) FILTER (WHERE orders > 1) / count(*), 1) AS repurchase_rate,
  round(avg(orders), 1) AS orders_each,
  round(median(days_between), 1) AS purchase_cycle_days
FROM customers
GROUP BY first_channel
ORDER BY customers DESC;
