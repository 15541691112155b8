-- title: What changed, and when
-- title.zh: 标签变化时间线
-- text: Values of tags from the day of one refresh to that of another; tags that never changed are above.
-- text.zh: 各标签取值的起止日期（按刷新日）；从未变化的标签见上文。
-- when: SELECT count(*) > 0 FROM $history WHERE $key = $customer AND valid_to <= $as_of
-- chart: none
-- words.zh: until = 截止日期
SELECT CAST(valid_from AS DATE) AS day, tag, redact(value) AS value, CASE WHEN valid_to <= $as_of THEN CAST(valid_to AS DATE) END AS until
FROM $history WHERE $key = $customer AND valid_from <= $as_of
QUALIFY count(*) OVER (PARTITION BY tag) > 1 ORDER BY valid_from DESC, tag LIMIT 100;
