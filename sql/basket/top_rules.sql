-- What is bought together? The rules with the highest lift, without those that a simpler rule makes redundant and those that
-- could be due to chance (at most one in a hundred of the rules shown).
-- 哪些商品一起买：按提升度排序的关联规则。
SELECT
  antecedents, consequents, count AS orders,
  round(100 * confidence, 1) AS confidence_percent,
  round(lift, 2) AS lift,
  round(leverage * 1000, 2) AS extra_per_1000_orders
FROM association_rules(order_items, basket => order_id, item => product, min_support => 0.002, min_confidence => 0.2)
WHERE NOT is_redundant AND p_adjusted < 0.01
ORDER BY lift DESC, antecedents, consequents
LIMIT 10;
