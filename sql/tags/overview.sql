-- The taxonomy: every tag with its path, the number of customers with a value, and its description in Chinese.
-- 标签体系与覆盖率。
SELECT level1, level2, name AS tag, type, comment, filled AS customers, round(100 * coverage, 1) AS coverage_percent
FROM system.tags
WHERE profile = 'customer'
ORDER BY level1, level2, tag;

-- Distribution: the three most frequent values of each tag, with their share of the customers who have a value.
-- 标签分布：每个标签最常见的三个取值。
WITH counted AS (
  SELECT path, tag, value, count(*) AS customers, max(filled) AS of,
    row_number() OVER (PARTITION BY tag ORDER BY count(*) DESC, value) AS place
  FROM profile.customer_tags JOIN system.tags ON tag = name
  WHERE profile = 'customer' AND type <> 'statistical' AND tag NOT IN ('first_order_at', 'last_order_at')
  GROUP BY path, tag, value
)
SELECT path, tag, value, customers, round(100.0 * customers / of, 1) AS percent
FROM counted
WHERE place <= 3
ORDER BY path, tag, place;

-- Everything about one customer: the best of those about to leave. Put any customer_id here instead.
-- 单客户完整画像。
WITH chosen AS (
  SELECT customer_id FROM profile.customer JOIN segment.高价值流失预警 USING (customer_id) ORDER BY revenue DESC, customer_id LIMIT 1
)
SELECT path, comment, tag, string_agg(value, ', ' ORDER BY value) AS value
FROM profile.customer_tags
JOIN chosen USING (customer_id)
JOIN system.tags ON tag = name
WHERE profile = 'customer'
GROUP BY path, comment, tag
ORDER BY path, tag;

-- Who moved? Lifecycle stages at the end of 2024 and half a year later.
-- 谁变了：两个时点之间的生命周期迁移。
SELECT
  coalesce(before.lifecycle_stage, '(not yet registered)') AS at_end_of_2024,
  now.lifecycle_stage AS half_a_year_later,
  count(*) AS customers,
  sum(now.revenue) AS revenue
FROM profile.customer AS now
LEFT JOIN profile.customer FOR SYSTEM_TIME AS OF DATE '2024-12-31' AS before USING (customer_id)
WHERE before.lifecycle_stage IS DISTINCT FROM now.lifecycle_stage
GROUP BY before.lifecycle_stage, now.lifecycle_stage
ORDER BY customers DESC, at_end_of_2024, half_a_year_later;

-- Which tags changed? Customers at the end of 2024 whose value is different now, or missing.
-- 各标签的变动人数。
SELECT tag, count(DISTINCT customer_id) AS customers_changed
FROM profile.customer_history
WHERE valid_from <= TIMESTAMP '2025-01-01' AND valid_to IS NOT NULL
GROUP BY tag
ORDER BY customers_changed DESC, tag
LIMIT 10;

-- Since when, and what was it before? The history of five customers whose order value changed.
-- 单标签历史。
SELECT customer_id, value AS order_value, valid_from, valid_to, tag_version
FROM profile.customer_history
WHERE tag = 'order_value' AND customer_id IN (
  SELECT customer_id FROM profile.customer_history WHERE tag = 'order_value' AND valid_to IS NOT NULL ORDER BY customer_id LIMIT 5)
ORDER BY customer_id, valid_from;

-- The segments: their size, what they bring, and how many of their customers are about to leave.
-- 人群规模与贡献。
WITH members AS (
  SELECT '精致宝妈' AS segment, customer_id FROM segment.精致宝妈
  UNION ALL SELECT '科技极客', customer_id FROM segment.科技极客
  UNION ALL SELECT '价格敏感', customer_id FROM segment.价格敏感
  UNION ALL SELECT '品质优先', customer_id FROM segment.品质优先
  UNION ALL SELECT '高价值流失预警', customer_id FROM segment.高价值流失预警
)
SELECT
  segment,
  count(*) AS customers,
  sum(revenue) AS revenue,
  round(100.0 * sum(revenue) / (SELECT sum(revenue) FROM profile.customer), 1) AS percent_of_revenue,
  round(100.0 * count(*) FILTER (WHERE churn_warning = 'warning') / count(*), 1) AS percent_with_warning
FROM members JOIN profile.customer USING (customer_id)
GROUP BY segment
ORDER BY revenue DESC;

-- Who entered and who left the segment of churn warnings since the end of 2024?
-- 预警人群的进出。
SELECT
  CASE WHEN before.customer_id IS NULL THEN 'entered' WHEN now.customer_id IS NULL THEN 'left' ELSE 'stayed' END AS movement,
  count(*) AS customers
FROM segment.高价值流失预警 AS now
FULL JOIN segment.高价值流失预警 FOR SYSTEM_TIME AS OF DATE '2024-12-31' AS before ON now.customer_id = before.customer_id
GROUP BY movement
ORDER BY movement;
