-- What do the segments buy together? First RFM segments, then rules within each segment, with supports of that segment.
-- 各人群的搭配偏好：先分层，再在每个人群内挖掘。
WITH segments AS (
  SELECT customer_id, segment
  FROM rfm((SELECT * FROM orders WHERE status = 'paid'),
    customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2025-06-30')
), lines AS (
  SELECT segment, order_id, product
  FROM segments
  JOIN orders USING (customer_id)
  JOIN order_items USING (order_id)
), rules AS (
  SELECT *, row_number() OVER (PARTITION BY segment ORDER BY lift DESC, antecedents, consequents) AS place
  FROM association_rules(lines, basket => order_id, item => product, per => segment,
    min_support => 0.01, min_confidence => 0.2, max_len => 2)
  WHERE count >= 5 AND p_adjusted < 0.05
)
SELECT segment, antecedents, consequents, count AS orders, round(confidence, 2) AS confidence, round(lift, 2) AS lift
FROM rules
WHERE place <= 2
ORDER BY segment, place;
