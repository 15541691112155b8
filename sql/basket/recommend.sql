-- What to offer to whom? Rules from orders, applied to everything a customer ever bought: products not bought yet, and why.
-- 给谁推什么：用订单里的规则，匹配每位客户买过的商品，推荐尚未购买的。
WITH rules AS (
  SELECT *
  FROM association_rules(order_items, basket => order_id, item => product, min_support => 0.001, min_confidence => 0.1)
  WHERE NOT is_redundant AND p_adjusted < 0.01
)
SELECT customer_id, rank, product, antecedents AS because_of, round(100 * confidence, 1) AS confidence_percent
FROM recommend(
  (SELECT customer_id, product FROM orders JOIN order_items USING (order_id) WHERE status = 'paid'),
  rules, basket => customer_id, item => product, max_recommendations => 3)
ORDER BY customer_id, rank
LIMIT 12;

-- Browsed but not bought: products viewed for over half a minute and never bought, used as baskets for the same rules.
-- 看过没买：浏览过的商品也能触发规则。
WITH names AS (
  SELECT DISTINCT product_id, product FROM order_items WHERE product_id IS NOT NULL AND product IS NOT NULL
), seen AS (
  SELECT customer_id, product
  FROM events JOIN names USING (product_id)
  WHERE event = 'view' AND seconds > 30
  EXCEPT
  SELECT customer_id, product FROM orders JOIN order_items USING (order_id)
)
SELECT product AS offer, count(*) AS customers, round(100 * avg(confidence), 1) AS mean_confidence_percent
FROM recommend(seen,
  association_rules(order_items, basket => order_id, item => product, min_support => 0.002, min_confidence => 0.1, max_len => 2),
  basket => customer_id, item => product, max_recommendations => 1)
GROUP BY product
ORDER BY customers DESC, offer
LIMIT 5;
