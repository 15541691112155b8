-- title: Next best offer
-- title.zh: 下一步推荐
-- text: Rules of what is bought together, applied to everything this customer ever bought.
-- text.zh: 用商品关联规则匹配该客户买过的全部商品。
-- needs: orders.order_id, orders.customer_id, orders.ordered_at, orders.status, order_items.order_id, order_items.product
-- chart: none
-- percent: confidence
-- say: rank = 1
-- say.en: Offer {product} next: it goes with {because_of}.
-- say.zh: 建议推荐{product}：与{because_of}常一起购买。
SELECT rank, product, array_to_string(antecedents, ' + ') AS because_of, confidence
FROM recommend(
  (SELECT customer_id, product FROM orders JOIN order_items USING (order_id) WHERE customer_id = $customer AND status = 'paid' AND ordered_at <= $as_of),
  (SELECT * FROM association_rules((SELECT order_id, product FROM orders JOIN order_items USING (order_id) WHERE ordered_at <= $as_of), basket => order_id, item => product, min_support => 0.001, min_confidence => 0.1) WHERE NOT is_redundant AND p_adjusted < 0.01),
  basket => customer_id, item => product, max_recommendations => 3)
ORDER BY rank;
