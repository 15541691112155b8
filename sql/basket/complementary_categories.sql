-- Which categories go together for a customer? What percentage of those who bought X also bought Y, compared with all customers.
-- 互补品类：买了 X 的人里，有百分之多少也买了 Y。
SELECT
  antecedents[1] AS bought,
  consequents[1] AS also_bought,
  round(100 * confidence, 1) AS percent,
  round(100 * consequent_support, 1) AS percent_of_all,
  round(zhangs_metric, 2) AS zhangs_metric
FROM association_rules(
  (SELECT customer_id, category FROM orders JOIN order_items USING (order_id)),
  basket => customer_id, item => category, min_support => 0.05, min_confidence => 0.5, max_len => 2)
WHERE lift > 1
ORDER BY lift DESC, bought, also_bought
LIMIT 10;
