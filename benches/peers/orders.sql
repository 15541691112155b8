-- The orders that the comparisons run on: 20,000,000 of 1,000,000 customers, in the order of their time, some 300 MB.
COPY (
  SELECT order_id, customer_id % 1000000 + 1 AS customer_id, ordered_at, amount, channel, status
  FROM sample_orders(rows => 20000000)
  WHERE customer_id IS NOT NULL
  ORDER BY ordered_at
) TO 'orders.parquet';
