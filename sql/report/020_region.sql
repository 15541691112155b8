-- title: Regions
-- title.zh: 地区分布
-- needs: members.region
-- chart: pie
-- x: region
-- y: customers
-- count: customers
-- percent: share
-- words.zh: other regions = 其他地区
-- say: region NOT IN ('not known', 'other regions') AND share >= 0.4 AND customers >= 100
-- say.en: {share:percent} of the customers are in one region, {region}.
-- say.zh: {share:percent} 的客户集中在 {region}。
WITH counted AS (SELECT coalesce(region, 'not known') AS region, count(*) AS customers FROM $members GROUP BY 1),
placed AS (SELECT region, customers, row_number() OVER (ORDER BY customers DESC, region) AS place, count(*) OVER () AS regions FROM counted),
-- Twelve regions, and the rest as one: a country has thousands of places.
named AS (SELECT CASE WHEN regions <= 13 OR place <= 12 THEN region ELSE 'other regions' END AS region, customers, place FROM placed)
SELECT region, CAST(sum(customers) AS BIGINT) AS customers, sum(customers) / CAST(sum(sum(customers)) OVER () AS DOUBLE) AS share
FROM named GROUP BY region ORDER BY region = 'other regions', min(place);
