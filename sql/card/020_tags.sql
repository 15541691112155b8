-- title: Tags: why, and since when
-- title.zh: 标签：取值、原因与起始时间
-- latest: true
-- chart: none
SELECT t.path, c.tag, redact(string_agg(c.value, ', ' ORDER BY c.value)) AS value, redact(max(e.compared)) AS compared, max(date_trunc('second', e.since)) AS since
FROM $tags AS c JOIN system.tags AS t ON t.profile = '$profile' AND t.name = c.tag LEFT JOIN $explained AS e ON e.tag = c.tag
WHERE c.$key = $customer GROUP BY t.path, c.tag ORDER BY t.path, c.tag;
