-- Do these rules match every customer exactly once? In the data and for every possible value: a sum of 2000 matches twice, and so does
-- a customer with 20 orders; a customer whose amounts are all NULL matches nothing. An empty answer would mean that the rules are fine.
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
