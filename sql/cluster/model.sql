-- Clusters that are kept: a model, a tag, a segment, and how it overlaps with the RFM segments. 聚类 → 模型 → 标签 → 人群 → 重合度。
--
--   portrait -d crm run sql/shop.sql sql/tags/library.sql sql/tags/segments.sql sql/cluster/model.sql

CREATE OR REPLACE VIEW customer_measures AS
SELECT customer_id, recency_days, frequency, CAST(monetary AS DOUBLE) AS monetary
FROM rfm((SELECT * FROM orders WHERE status = 'paid'), customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2025-06-30');

CREATE OR REPLACE MODEL customer_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 4, random_state = 7, comment = '客户价值分群') AS
SELECT * FROM customer_measures;

-- What the model has learned. 模型说明。
SELECT name, type, version, rows_used, metrics FROM system.models;
SELECT cluster_id, rows, feature, round(numerical_value, 2) AS mean FROM ml_centroids(customer_groups) ORDER BY cluster_id, feature;
SELECT feature, missing, round(mean, 2) AS mean, round(stddev, 2) AS stddev, median FROM ml_feature_info(customer_groups);
SELECT rows, round(mean_squared_distance, 4) AS mean_squared_distance, round(silhouette, 4) AS silhouette FROM ml_evaluate(customer_groups, customer_measures);

-- Tomorrow's customer gets the same group: a tag that applies the model. 新客户沿用同一分群。
CREATE OR REPLACE TAG value_group ON customer WITH (path = 'value/groups', type = 'predictive', comment = '价值分群') AS
SELECT customer_id, cluster_id FROM ml_predict(customer_groups, customer_measures);

CREATE OR REPLACE SEGMENT group_one ON customer WITH (comment = '分群一') AS value_group = 1;
CREATE OR REPLACE SEGMENT rfm_champions ON customer WITH (comment = 'RFM 重要价值') AS rfm_level = 'Important Value';
REFRESH PROFILE customer WITH (as_of = DATE '2025-06-30');

SELECT value_group, rfm_level, count(*) AS customers FROM profile.customer
WHERE value_group IS NOT NULL GROUP BY value_group, rfm_level ORDER BY value_group, customers DESC;
SELECT segment_a, segment_b, customers_a, customers_b, customers_both, round(jaccard, 4) AS jaccard, round(lift, 2) AS lift
FROM segment_overlap(customer) WHERE segment_a IN ('group_one', 'rfm_champions') AND segment_b IN ('group_one', 'rfm_champions');
DESCRIBE TAG value_group;
