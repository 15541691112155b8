-- Do these rules claim every customer once? What the data shows, and what could come: a sum of 2000 is claimed twice, so is whoever has
-- 20 orders, and a customer whose amounts are all NULL gets nothing. An empty answer would mean that all is well.
SELECT finding, source, rules, condition, customers, example_keys
FROM mece_check((
  SELECT customer_id,
    CASE
      WHEN sum(amount) < 500 THEN 'low'
      WHEN sum(amount) BETWEEN 500 AND 2000 THEN 'medium'
      WHEN sum(amount) >= 2000 THEN 'high'
      WHEN count(*) >= 20 THEN 'frequent'
    END AS spending
  FROM orders WHERE status = 'paid' AND customer_id IS NOT NULL
  GROUP BY customer_id), examples => 3)
ORDER BY source, finding, rules, condition;
