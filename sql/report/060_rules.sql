-- title: What is bought together
-- title.zh: 商品关联
-- text: Pairs of products of one order with the highest lift; pairs that may be chance (adjusted p-value of 0.05 or more) are left out.
-- text.zh: 同一订单内提升度最高的商品对；可能出于偶然的（校正后 p 值不低于 0.05）不列出。
-- needs: orders.order_id, orders.ordered_at, order_items.order_id, order_items.product
-- chart: none
-- count: orders
-- percent: confidence
-- say: orders >= 30 AND lift >= 2 AND confidence >= 0.2
-- say.en: {confidence:percent} of the orders with {antecedents} also have {consequents}, {lift} times its share in all orders: offer them together.
-- say.zh: 含“{antecedents}”的订单中，{confidence:percent} 也含“{consequents}”，是其在全部订单中占比的 {lift} 倍，建议搭配推荐。
-- most: 3
WITH found AS (
  -- Pairs alone: longer rules repeat them, and their number grows without bound.
  SELECT antecedents[1] AS antecedents, consequents[1] AS consequents, count AS orders, confidence, round(lift, 2) AS lift
  FROM association_rules((SELECT order_id, product FROM orders JOIN order_items USING (order_id) WHERE quantity > 0 AND ordered_at <= $as_of),
    basket => order_id, item => product, min_support => 0.002, min_confidence => 0.1, max_len => 2)
  WHERE lift > 1.2 AND p_adjusted < 0.05)
SELECT antecedents, consequents, orders, confidence, lift FROM found
-- A pair once, from the product whose orders have the other one more often.
QUALIFY row_number() OVER (PARTITION BY least(antecedents, consequents), greatest(antecedents, consequents) ORDER BY confidence DESC, antecedents) = 1
ORDER BY lift DESC, antecedents, consequents LIMIT 15;
