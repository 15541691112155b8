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
-- say: lines >= 100 AND customers >= 30 AND preference >= 150
-- say.en: {category} has {preference} % of its usual share in what {segment} buys.
-- say.zh: {segment}的购买中，{category} 的占比为全体的 {preference}%。
WITH lines AS (
  SELECT o.customer_id, i.category FROM orders AS o JOIN order_items AS i USING (order_id) JOIN $members AS m ON m.$key = o.customer_id
  WHERE o.status = 'paid' AND o.ordered_at <= $as_of AND o.ordered_at > $as_of - INTERVAL '12 months' AND i.category IS NOT NULL),
everybody AS (SELECT category, count(*) / CAST(sum(count(*)) OVER () AS DOUBLE) AS share FROM lines GROUP BY category),
own AS (
  SELECT segment, category, count(*) AS lines, count(DISTINCT l.customer_id) AS customers, count(*) / CAST(sum(count(*)) OVER (PARTITION BY segment) AS DOUBLE) AS share
  FROM $segments AS g JOIN lines AS l ON l.customer_id = g.$key GROUP BY segment, category)
SELECT segment, category, lines, customers, round(100 * own.share / everybody.share) AS preference
FROM own JOIN everybody USING (category) WHERE lines >= 50 ORDER BY segment, category;
