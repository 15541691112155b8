-- Price-sensitive and quality-first customers, found from behaviour without a definition of either. 从行为中发现价格敏感与品质优先人群。
--
--   portrait run sql/shop.sql sql/cluster/behaviour.sql

-- The orders of each customer, if there are at least three, so that shares are meaningful.
CREATE OR REPLACE TABLE behaviour AS
SELECT o.customer_id, avg(CASE WHEN o.discount > 0 THEN 1.0 ELSE 0.0 END) AS discounted, ln(CAST(avg(o.amount) AS DOUBLE)) AS order_value,
  ln(CAST(avg(i.price) AS DOUBLE)) AS price
FROM orders AS o JOIN order_items AS i ON o.order_id = i.order_id
WHERE o.status = 'paid' AND o.customer_id IS NOT NULL AND o.amount > 0 AND i.price > 0
GROUP BY o.customer_id HAVING count(DISTINCT o.order_id) >= 3;

CREATE OR REPLACE TABLE behaviour_groups AS
SELECT b.*, cluster_id
FROM behaviour AS b JOIN kmeans(behaviour, key => customer_id, n_clusters => 4, random_state => 7) AS k ON b.customer_id = k.customer_id;

-- The cluster with the most discounts is price-sensitive; among the others, the one that buys the most expensive goods is quality-first.
CREATE OR REPLACE TABLE shopping_styles AS
WITH means AS (
  SELECT cluster_id, avg(discounted) AS discounted, avg(price) AS price FROM behaviour_groups GROUP BY cluster_id
), by_discount AS (
  SELECT cluster_id, price, row_number() OVER (ORDER BY discounted DESC, cluster_id) AS place FROM means
), styles AS (
  SELECT cluster_id, CASE WHEN place = 1 THEN 'price sensitive'
    WHEN row_number() OVER (PARTITION BY place = 1 ORDER BY price DESC, cluster_id) = 1 THEN 'quality first' ELSE 'other' END AS style
  FROM by_discount
)
SELECT customer_id, discounted, order_value, price, style
FROM behaviour_groups JOIN styles ON behaviour_groups.cluster_id = styles.cluster_id;

SELECT style, count(*) AS customers, round(avg(discounted), 3) AS discounted, round(exp(avg(price)), 2) AS price
FROM shopping_styles GROUP BY style ORDER BY style;

SELECT DISTINCT style, description FROM cluster_profile(shopping_styles, cluster => style, key => customer_id) ORDER BY style;

-- Numbers and categories together: k-prototypes. 混合特征聚类。
SELECT cluster_id, count(*) AS customers, round(avg(distance), 3) AS distance
FROM kprototypes((SELECT customer_id, age, gender, city_tier, channel FROM customers WHERE age BETWEEN 18 AND 80),
  key => customer_id, n_clusters => 4, random_state => 7, missing => 'mean')
GROUP BY cluster_id ORDER BY cluster_id;
