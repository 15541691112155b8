-- How big are the baskets? Number of orders by number of different products.
-- 购物篮有多大：按不同商品数分布。
SELECT products, count(*) AS orders, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share
FROM (SELECT order_id, count(DISTINCT product) AS products FROM order_items WHERE order_id IS NOT NULL GROUP BY order_id)
GROUP BY products
ORDER BY products;

-- Which products are in the most baskets?
SELECT itemset[1] AS product, count AS orders, round(100 * support, 1) AS percent_of_orders
FROM frequent_itemsets(order_items, basket => order_id, item => product, min_count => 1, max_len => 1)
ORDER BY orders DESC, product
LIMIT 10;

-- Which support to use? Counts items, pairs and itemsets at each support before the expensive mining.
SELECT *
FROM support_curve(order_items, basket => order_id, item => product)
ORDER BY min_support DESC;
