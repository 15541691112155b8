-- title: Regions
-- title.zh: 地区分布
-- needs: members.region
-- chart: pie
-- x: region
-- y: customers
-- count: customers
-- percent: share
-- say: region <> 'not known' AND share >= 0.4 AND customers >= 100
-- say.en: {share:percent} of the customers live in one region, {region}.
-- say.zh: {share:percent} 的客户集中在 {region}。
SELECT coalesce(region, 'not known') AS region, count(*) AS customers, count(*) / CAST(sum(count(*)) OVER () AS DOUBLE) AS share
FROM $members GROUP BY 1 ORDER BY customers DESC, region;
