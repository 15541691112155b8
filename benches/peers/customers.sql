-- The customers that the comparisons of tags and clusters run on: 1,000,000 of them with what their orders say, some 30 MB.
-- Made from the orders of orders.sql, in the same folder.
COPY (
  SELECT c.customer_id, age, city_tier, c.channel AS registered_in, customer_type,
    DATE '2026-01-01' - CAST(registered_at AS DATE) AS days_known,
    DATE '2026-01-01' - CAST(last_at AS DATE) AS recency_days,
    DATE '2026-01-01' - CAST(first_at AS DATE) AS first_days,
    orders, spending, CAST(spending / orders AS DOUBLE) AS order_value, largest, refunds,
    app_orders / orders AS app_share, weekend_orders / orders AS weekend_share
  FROM sample_customers(rows => 1000000) AS c
  JOIN (
    SELECT customer_id, count(*) AS orders, sum(amount) AS spending, max(amount) AS largest, max(ordered_at) AS last_at, min(ordered_at) AS first_at,
      count(*) FILTER (WHERE status = 'refunded') AS refunds,
      CAST(count(*) FILTER (WHERE channel = 'app') AS DOUBLE) AS app_orders,
      CAST(count(*) FILTER (WHERE date_part('dow', ordered_at) IN (0, 6)) AS DOUBLE) AS weekend_orders
    FROM 'orders.parquet' GROUP BY customer_id
  ) AS o ON c.customer_id = o.customer_id
  ORDER BY c.customer_id
) TO 'customers.parquet';
