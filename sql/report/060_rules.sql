-- title: What is bought together
-- title.zh: 商品关联
-- text: Rules with the highest lift among the products of one order; rules that may be chance (adjusted p-value of 0.05 or more) are left out.
-- text.zh: 同一订单内提升度最高的关联规则；可能出于偶然的规则（校正后 p 值不低于 0.05）不列出。
-- needs: orders.order_id, orders.ordered_at, order_items.order_id, order_items.product
-- chart: none
-- count: orders
-- percent: confidence
-- say: orders >= 30 AND lift >= 2 AND confidence >= 0.2
-- say.en: Of the orders with {antecedents}, {confidence:percent} have {consequents} too, {lift} times as many as of all orders: offer them together.
-- say.zh: 购买{antecedents}的订单中有{confidence:percent}同时购买{consequents}，为平均的 {lift} 倍，建议搭配推荐。
-- most: 3
SELECT array_to_string(antecedents, ' + ') AS antecedents, array_to_string(consequents, ' + ') AS consequents, count AS orders, confidence, round(lift, 2) AS lift
FROM association_rules((SELECT order_id, product FROM orders JOIN order_items USING (order_id) WHERE quantity > 0 AND ordered_at <= $as_of),
  basket => order_id, item => product, min_support => 0.002, min_confidence => 0.1)
WHERE lift > 1.2 AND p_adjusted < 0.05 ORDER BY lift DESC, antecedents, consequents LIMIT 15;
