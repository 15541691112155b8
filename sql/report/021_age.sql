-- title: Ages
-- title.zh: 年龄分布
-- needs: members.age_band
-- chart: pie
-- x: age_band
-- y: customers
-- count: customers
-- percent: share
-- say: age_band = 'not known' AND share >= 0.1
-- say.en: The age of {share:percent} of the customers is not known.
-- say.zh: {share:percent} 的客户年龄未知。
SELECT coalesce(age_band, 'not known') AS age_band, count(*) AS customers, count(*) / CAST(sum(count(*)) OVER () AS DOUBLE) AS share
FROM $members GROUP BY 1 ORDER BY age_band = 'not known', age_band <> 'under 18', age_band;
