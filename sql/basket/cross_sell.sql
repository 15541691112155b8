-- What to offer with one product? The products bought with it, the most likely first. Put your product in the list.
-- 单品交叉销售清单。
SELECT
  consequents[1] AS offer,
  round(100 * confidence, 1) AS bought_too_percent,
  round(lift, 2) AS times_as_often,
  count AS orders
FROM association_rules(order_items, basket => order_id, item => product,
  min_count => 5, min_confidence => 0.02, max_len => 2, antecedent_items => ['智能手机'])
WHERE lift > 1
ORDER BY confidence DESC, offer
LIMIT 10;
