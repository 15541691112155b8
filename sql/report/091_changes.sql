-- title: What changed at the last refresh
-- title.zh: 最近一次刷新的变化
-- text: Customers whose value of a tag has changed, and the most frequent change.
-- text.zh: 标签值发生变化的客户数，以及最常见的变化。
-- latest: true
-- when: SELECT count(*) > 0 FROM (SELECT 1 FROM $history WHERE valid_to IS NOT NULL LIMIT 1)
-- chart: bar
-- x: tag
-- y: customers
-- count: customers
-- percent: share
WITH last AS (SELECT max(valid_from) AS at FROM $history),
ended AS (SELECT $key AS customer, tag, value FROM $history, last WHERE valid_to = at),
begun AS (SELECT $key AS customer, tag, value FROM $history, last WHERE valid_from = at),
moved AS MATERIALIZED (
  SELECT tag, customer, e.value AS from_value, b.value AS to_value FROM ended AS e JOIN begun AS b USING (tag, customer)),
counted AS (SELECT tag, from_value, to_value, count(*) AS both FROM moved GROUP BY tag, from_value, to_value),
most AS (SELECT tag, from_value || ' → ' || to_value AS most_frequent FROM counted QUALIFY row_number() OVER (PARTITION BY tag ORDER BY both DESC, from_value, to_value) = 1)
SELECT tag, count(DISTINCT customer) AS customers, count(DISTINCT customer) / nullif(CAST((SELECT count(*) FROM $members) AS DOUBLE), 0) AS share,
  CASE WHEN max(both_most) >= 5 THEN redact(max(most_frequent)) END AS most_frequent
FROM moved JOIN most USING (tag) JOIN (SELECT tag, max(both) AS both_most FROM counted GROUP BY tag) USING (tag)
GROUP BY tag ORDER BY customers DESC, tag;
