-- title: What models predict
-- title.zh: 预测标签
-- text: Tags that apply a model, with the quality of the model on customers it had not seen.
-- text.zh: 应用模型的标签及其在留出样本上的效果。
-- when: SELECT count(*) > 0 FROM system.tags WHERE profile = '$profile' AND (model IS NOT NULL OR type = 'predictive')
-- chart: bar
-- x: value
-- y: customers
-- series: tag
-- count: customers
-- percent: share
WITH applied AS (SELECT name, model, auc, grade FROM system.tags WHERE profile = '$profile' AND (model IS NOT NULL OR type = 'predictive')),
counted AS (SELECT tag, value, count(*) AS customers FROM $tags WHERE tag IN (SELECT name FROM applied) GROUP BY tag, value)
SELECT tag, value, customers, customers / CAST(sum(customers) OVER (PARTITION BY tag) AS DOUBLE) AS share, model, round(auc, 3) AS auc, grade
FROM counted JOIN applied ON tag = name
QUALIFY count(*) OVER (PARTITION BY tag) <= 20 ORDER BY tag, value;
