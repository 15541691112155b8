-- Rules that clean the tables, and a log of every change. 清洗规则与变更日志。
--
--   portrait run sql/shop.sql sql/clean/rules.sql

-- Impossible ages become NULL. Nothing else changes, and each row records its changes.
CREATE OR REPLACE TABLE cleaned_customers AS
SELECT * FROM clean(customers, key => customer_id, rules => [
  {name: 'age out of range', column: age, condition: age NOT BETWEEN 0 AND 120, action: 'null'},
  {name: 'no way to reach', condition: phone IS NULL AND email IS NULL, action: 'flag'}]);

CREATE OR REPLACE TABLE customer_changes AS
SELECT * FROM clean_log(customers, key => customer_id, rules => [
  {name: 'age out of range', column: age, condition: age NOT BETWEEN 0 AND 120, action: 'null'},
  {name: 'no way to reach', condition: phone IS NULL AND email IS NULL, action: 'flag'}]);

SELECT rule, action, before, after, count(*) AS customers
FROM customer_changes GROUP BY rule, action, before, after ORDER BY rule, customers DESC, before;

-- Returns (negative quantities) are separated from the other order lines.
CREATE OR REPLACE TABLE sold_items AS
SELECT * FROM clean(order_items, rules => [{name: 'return', column: quantity, condition: quantity < 0, action: 'drop'}]);

CREATE OR REPLACE TABLE returned_items AS
SELECT * FROM clean(order_items, rules => [{name: 'return', column: quantity, condition: quantity < 0, action: 'drop'}], rows => 'dropped');

SELECT (SELECT count(*) FROM order_items) AS items, (SELECT count(*) FROM sold_items) AS sold, (SELECT count(*) FROM returned_items) AS returned;

-- An order of at least ten times the customer's mean is marked, not changed: a person has to check it.
SELECT customer_id, before AS amount, rule
FROM clean_log((SELECT * FROM orders WHERE customer_id IS NOT NULL AND status = 'paid'), key => [order_id, customer_id], rules => [
  {name: 'ten times the mean', column: amount, condition: amount >= 10 * avg(amount) OVER (PARTITION BY customer_id), action: 'flag'}])
ORDER BY customer_id, amount;

-- Joined by the key: the cleaned rows with their earlier values.
SELECT c.customer_id, c.name, l.before AS age_before, c.age
FROM cleaned_customers AS c JOIN customer_changes AS l ON c.customer_id = l.customer_id
WHERE l.column_name = 'age' ORDER BY c.customer_id LIMIT 5;
