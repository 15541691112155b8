-- title: Segments
-- title.zh: 所属人群
-- when: SELECT count(*) > 0 FROM (SELECT segment FROM $segments LIMIT 1)
-- chart: none
SELECT g.segment, CAST(g.since AS DATE) AS since, s.condition, s.comment FROM $segments AS g JOIN system.segments AS s ON s.name = g.segment AND s.profile = '$profile'
WHERE g.$key = $customer ORDER BY g.segment;
