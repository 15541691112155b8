-- title: What changed at the last refresh
-- title.zh: 最近一次刷新的变化
-- text: Customers whose value of a tag has changed, why, and the most frequent change.
-- text.zh: 标签值发生变化的客户数、原因，以及最常见的变化。
-- latest: true
-- when: SELECT count(*) > 0 FROM (SELECT 1 FROM $history WHERE valid_to = $as_of LIMIT 1)
-- chart: bar
-- x: tag
-- y: customers
-- count: customers
-- percent: share
-- words.zh: reason = 原因, new data = 数据变化, new definition = 标签定义变化, new data and definition = 数据与标签定义变化
WITH ended AS (SELECT $key AS customer, tag, value, tag_version FROM $history WHERE valid_to = $as_of),
begun AS (SELECT $key AS customer, tag, value, tag_version FROM $history WHERE valid_from = $as_of),
-- A customer has one value of a tag at a time.
counted AS (
  SELECT tag, e.value AS from_value, b.value AS to_value, count(*) AS both, count(*) FILTER (WHERE e.tag_version <> b.tag_version) AS redefined
  FROM ended AS e JOIN begun AS b USING (tag, customer)
  GROUP BY tag, e.value, b.value),
placed AS (SELECT *, row_number() OVER (PARTITION BY tag ORDER BY both DESC, from_value, to_value) AS place FROM counted)
SELECT tag, CAST(sum(both) AS BIGINT) AS customers, CAST(sum(both) AS BIGINT) / nullif(CAST((SELECT count(*) FROM $members) AS DOUBLE), 0) AS share,
  CASE sum(redefined) WHEN 0 THEN 'new data' WHEN sum(both) THEN 'new definition' ELSE 'new data and definition' END AS reason,
  redact(max(CASE WHEN place = 1 AND both >= $smallest THEN from_value || ' → ' || to_value END)) AS most_frequent
FROM placed GROUP BY tag ORDER BY customers DESC, tag;
