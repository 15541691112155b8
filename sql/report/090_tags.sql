-- title: Tags and their coverage
-- title.zh: 标签覆盖率
-- text: The most frequent values with their customers; of numbers and times, the quartiles. Values of few customers are left out.
-- text.zh: 最常见的取值及其客户数；数值和时间为四分位数。客户过少的取值不列出。
-- latest: true
-- chart: bar
-- x: tag
-- y: coverage
-- count: filled
-- percent: coverage
-- say: filled = 0
-- say.en: The tag {tag} has no value for any customer: look at its query, and whether its data reaches up to the day of the report.
-- say.zh: 标签 {tag} 没有任何客户有值：请检查其查询，以及数据是否覆盖到报告日。
-- say: filled > 0 AND coverage < 0.2
-- say.en: The tag {tag} covers only {coverage:percent} of the customers: do not judge all customers by it.
-- say.zh: 标签 {tag} 覆盖率仅 {coverage:percent}，不宜据此推断整体。
-- most: 5
WITH tags AS (
  SELECT *, distribution[1] LIKE 'min: %' AND distribution[2] LIKE 'quartile 1: %' AS is_measured FROM tag_coverage($profile)),
kept AS (
  SELECT *, list_filter(distribution, part -> TRY_CAST(regexp_extract(part, ': ([0-9]+)$', 1) AS BIGINT) >= $smallest) AS often FROM tags),
counted AS (
  SELECT *, coalesce(list_sum(list_transform(often, part -> CAST(regexp_extract(part, ': ([0-9]+)$', 1) AS BIGINT))), 0) AS of_often FROM kept)
SELECT tag, filled, coverage, distinct_values, nullif(redact(array_to_string(
  CASE WHEN filled < $smallest THEN []
    -- The same in every language.
    WHEN is_measured THEN list_transform(array_slice(distribution, 2, 4),
      part -> replace(replace(replace(part, 'quartile 1:', '25 %:'), 'median:', '50 %:'), 'quartile 3:', '75 %:'))
    -- The total must not give away the only rare value.
    WHEN len(often) < distinct_values AND filled - of_often < $smallest THEN array_slice(often, 1, len(often) - 1)
    ELSE often END, '; ')), '') AS distribution
FROM counted ORDER BY coverage DESC, tag;
