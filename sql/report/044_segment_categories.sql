-- title: What the segments prefer
-- title.zh: 人群品类偏好
-- text: The share of a category in the lines a segment bought, over its share in everybody's, times 100; paid orders of the last twelve months. Pairs of fewer than 50 lines are left out.
-- text.zh: 人群购买某品类的占比与全体占比之比 ×100；少于 50 行的组合不显示。
-- when: SELECT count(*) > 0 FROM (SELECT segment FROM $segments LIMIT 1)
-- needs: orders.order_id, orders.customer_id, orders.ordered_at, orders.status, order_items.order_id, order_items.category
-- chart: heatmap
-- x: category
-- y: preference
-- series: segment
-- count: customers
-- strongest: preference
-- say: lines >= 100 AND customers >= 30 AND preference >= 150
-- say.en: {segment}: the share of {category} in what they buy is {preference}% of its share in what all customers buy. Lead with it.
-- say.zh: “{segment}”的购买中，{category} 的占比是全体客户的 {preference}%，可主推。
WITH lines AS (
  SELECT o.customer_id, i.category, count(*) AS lines
  FROM orders AS o JOIN order_items AS i USING (order_id)
  WHERE o.status = 'paid' AND o.ordered_at <= $as_of AND o.ordered_at > $as_of - INTERVAL '12 months' AND i.category IS NOT NULL
  GROUP BY o.customer_id, i.category),
-- Everybody is a segment without a name, so that orders and lines are joined once.
grouped AS (SELECT segment, $key AS customer_id FROM $segments AS g UNION ALL SELECT NULL, $key FROM $members),
own AS (
  SELECT g.segment, l.category, CAST(sum(l.lines) AS BIGINT) AS lines, count(*) AS customers
  FROM grouped AS g JOIN lines AS l ON l.customer_id = g.customer_id GROUP BY g.segment, l.category),
shared AS (SELECT *, lines / CAST(sum(lines) OVER (PARTITION BY segment) AS DOUBLE) AS share FROM own),
compared AS (SELECT *, max(CASE WHEN segment IS NULL THEN share END) OVER (PARTITION BY category) AS usual FROM shared)
SELECT segment, category, lines, customers, round(100 * share / usual) AS preference
FROM compared WHERE segment IS NOT NULL AND lines >= 50 ORDER BY segment, category;
