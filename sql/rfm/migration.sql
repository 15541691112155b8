-- Who moved? Segments at the end of 2024 and half a year later, the ten largest moves.
WITH before AS (
  SELECT customer_id, segment
  FROM rfm((SELECT * FROM orders WHERE status = 'paid'),
    customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2024-12-31')
), after AS (
  SELECT customer_id, segment, monetary
  FROM rfm((SELECT * FROM orders WHERE status = 'paid'),
    customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2025-06-30')
)
SELECT
  coalesce(before.segment, '(not yet a customer)') AS at_end_of_2024,
  after.segment AS half_a_year_later,
  count(*) AS customers,
  sum(after.monetary) AS revenue
FROM after LEFT JOIN before USING (customer_id)
GROUP BY before.segment, after.segment
HAVING before.segment IS NULL OR before.segment <> after.segment
ORDER BY customers DESC, at_end_of_2024, half_a_year_later
LIMIT 10;
