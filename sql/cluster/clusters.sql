-- RFM clusters, named: whale, dolphin, minnow. 按消费价值聚类：鲸鱼、海豚、小鱼。
-- Three clusters over the three measures, named by what their customers spend; then what is special about each, in words and as rules.
--
--   portrait run sql/shop.sql sql/cluster/clusters.sql

CREATE OR REPLACE TABLE measures AS
SELECT customer_id, recency_days, frequency, CAST(monetary AS DOUBLE) AS monetary
FROM rfm((SELECT * FROM orders WHERE status = 'paid'), customer => customer_id, order_time => ordered_at, amount => amount);

-- How many clusters? 选择聚类数：轮廓系数最高者为推荐值。
SELECT n_clusters, round(inertia, 1) AS inertia, round(silhouette, 4) AS silhouette, round(davies_bouldin, 4) AS davies_bouldin, recommended
FROM choose_clusters(measures, key => customer_id, max_clusters => 6, random_state => 7)
ORDER BY n_clusters;

CREATE OR REPLACE TABLE clustered AS
SELECT m.*, cluster_id
FROM measures AS m JOIN kmeans(measures, key => customer_id, n_clusters => 3, random_state => 7) AS k ON m.customer_id = k.customer_id;

-- The cluster with the highest spending per customer is the whales. 人均消费最高的一群为鲸鱼。
CREATE OR REPLACE TABLE value_groups AS
SELECT c.customer_id, c.recency_days, c.frequency, c.monetary,
  CASE place WHEN 1 THEN 'whale' WHEN 2 THEN 'dolphin' ELSE 'minnow' END AS value_group
FROM clustered AS c
JOIN (SELECT cluster_id, row_number() OVER (ORDER BY avg(monetary) DESC) AS place FROM clustered GROUP BY cluster_id) AS p ON c.cluster_id = p.cluster_id;

SELECT value_group, count(*) AS customers, round(avg(monetary), 2) AS spent, round(sum(monetary) / (SELECT sum(monetary) FROM value_groups), 4) AS revenue_share
FROM value_groups GROUP BY value_group ORDER BY spent DESC;

-- Each cluster described in a sentence. 每群一句话画像。
SELECT DISTINCT value_group, description FROM cluster_profile(value_groups, cluster => value_group, key => customer_id, labels => 'zh') ORDER BY value_group;

-- The same as rules that can be pasted into a tag. 可直接用作标签的规则。
SELECT value_group, rule, round(purity, 3) AS purity, round(coverage, 3) AS coverage
FROM explain_segments(value_groups, label => value_group, key => customer_id, max_rules => 5) ORDER BY coverage DESC;
