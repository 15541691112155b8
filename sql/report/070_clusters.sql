-- title: Clusters of behaviour, in words
-- title.zh: 行为聚类
-- text: k-means of recency, frequency and money of paid orders, with what is special about each cluster.
-- text.zh: 基于最近购买、频次与金额的 k-means 聚类。
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status
-- when: SELECT count(*) = 40 FROM (SELECT DISTINCT customer_id FROM orders WHERE status = 'paid' AND customer_id IS NOT NULL AND ordered_at <= $as_of LIMIT 40)
-- chart: none
-- count: customers
-- percent: share
-- words.zh: last_bought = 上次购买, long ago = 很久以前, recently = 最近, some time ago = 一段时间以前, buys = 购买频次, often = 经常, once or twice = 一两次, seldom = 较少, now and then = 偶尔, spends = 花费, much = 多, little = 少, as others do = 与他人相近
WITH measures AS MATERIALIZED (
  SELECT customer_id, segment, recency_days, frequency, monetary
  FROM rfm((SELECT * FROM orders WHERE status = 'paid' AND customer_id IS NOT NULL AND ordered_at <= $as_of),
    customer => customer_id, order_time => ordered_at, amount => amount, as_of => $as_of)),
own AS MATERIALIZED (
  SELECT r.customer_id, r.recency_days, r.frequency, CAST(r.monetary AS DOUBLE) AS monetary FROM measures AS r JOIN $members AS m ON m.$key = r.customer_id),
clustered AS (
  SELECT m.*, k.cluster_id FROM kmeans((SELECT customer_id, recency_days, ln(1 + frequency) AS frequency, ln(1 + greatest(monetary, 0)) AS monetary FROM own),
    key => customer_id, n_clusters => 4) AS k JOIN own AS m USING (customer_id)),
means AS (
  SELECT count(*) AS customers, avg(recency_days) AS recency_days, avg(frequency) AS frequency, avg(monetary) AS monetary FROM clustered GROUP BY cluster_id),
everybody AS (SELECT avg(recency_days) AS recency_days, avg(frequency) AS frequency, avg(monetary) AS monetary FROM own)
SELECT CASE WHEN c.recency_days > 1.5 * e.recency_days THEN 'long ago' WHEN c.recency_days < 0.7 * e.recency_days THEN 'recently' ELSE 'some time ago' END AS last_bought,
  CASE WHEN c.frequency > 1.4 * e.frequency THEN 'often' WHEN c.frequency < 0.6 * e.frequency THEN CASE WHEN c.frequency < 2.5 THEN 'once or twice' ELSE 'seldom' END ELSE 'now and then' END AS buys,
  CASE WHEN c.monetary > 1.4 * e.monetary THEN 'much' WHEN c.monetary < 0.6 * e.monetary THEN 'little' ELSE 'as others do' END AS spends,
  c.customers, c.customers / CAST(sum(c.customers) OVER () AS DOUBLE) AS share, round(c.recency_days) AS days_since_purchase, round(c.frequency, 1) AS orders, round(c.monetary, 2) AS revenue_each
FROM means AS c CROSS JOIN everybody AS e ORDER BY revenue_each DESC;
