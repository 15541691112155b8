-- title: Genders
-- title.zh: 性别分布
-- needs: members.gender
-- chart: pie
-- x: gender
-- y: customers
-- count: customers
-- percent: share
SELECT coalesce(gender, 'not known') AS gender, count(*) AS customers, count(*) / CAST(sum(count(*)) OVER () AS DOUBLE) AS share
FROM $members GROUP BY 1 ORDER BY customers DESC, gender;
