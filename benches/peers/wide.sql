-- The table that columns are profiled of: 20,000,000 rows of 20 columns, some 1.5 GB.
COPY (
  SELECT o.order_id, o.customer_id, o.ordered_at, CAST(o.ordered_at AS DATE) AS ordered_on, o.status, o.channel, o.payment, o.discount, o.amount,
    CAST(o.amount AS DOUBLE) / 7 AS weight, e.session_id, e.event, e.product_id, e.category, e.seconds, c.name, c.age, c.phone, c.email, c.registered_at
  FROM sample_orders(rows => 20000000) AS o
  JOIN sample_events(rows => 20000000) AS e ON o.order_id = e.event_id
  JOIN sample_customers(rows => 2000000) AS c ON o.customer_id = c.customer_id
) TO 'wide.parquet';
