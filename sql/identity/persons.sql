-- Persons with permanent ids, and a ledger of merges and splits. Run it every night, in a database (portrait -d crm run …).
-- 每晚运行：稳定的 person_id，以及合并、拆分的台账。
CREATE OR REPLACE IDENTITY person WITH (key = 'customer_id', match_on = 'phone, email_and_name', max_shared = 5, comment = '一人一号') AS
SELECT customer_id, clean_phone(phone) AS phone, lower(email) || ' ' || name AS email_and_name FROM customers;

REFRESH IDENTITY person;

-- Every refresh respects manual decisions: INSERT INTO identity.person_cannot_link VALUES (39, 40) undoes a merge,
-- INSERT INTO identity.person_must_link VALUES (1, 2) forces one.
-- 人工裁定：写入 identity.person_cannot_link（拆分）或 identity.person_must_link（合并），以后每次刷新都有效。
SELECT refreshed_at, change, from_person_id, to_person_id, records, example_key, evidence
FROM identity.person_ledger ORDER BY refreshed_at DESC, change, from_person_id LIMIT 10;

-- The persons with the most records: several accounts of one person, or a phone number that should be blocked?
-- 账户最多的“人”：确有多个账户，还是应屏蔽的公用号码？
SELECT person_id, count(*) AS accounts, string_agg(DISTINCT evidence, '; ') AS evidence
FROM identity.person GROUP BY person_id ORDER BY accounts DESC, person_id LIMIT 5;

-- Single links that hold two larger parts of a person together.
-- 值得复核的薄弱连接。
SELECT a, b, side_a, side_b
FROM bridges(
  (SELECT DISTINCT l.customer_id AS a, r.customer_id AS b FROM customers AS l JOIN customers AS r
   ON clean_phone(l.phone) = clean_phone(r.phone) AND l.customer_id < r.customer_id),
  a => a, b => b)
ORDER BY least(side_a, side_b) DESC, a, b LIMIT 5;

-- A profile of persons: the orders of all accounts count.
-- 以“人”为主体的画像：所有账户的订单一并计算。
CREATE OR REPLACE PROFILE shopper WITH (key = 'person_id') AS
SELECT person_id, count(DISTINCT customer_id) AS accounts, count(order_id) AS orders, sum(amount) AS revenue
FROM identity.person LEFT JOIN orders USING (customer_id)
GROUP BY person_id;
REFRESH PROFILE shopper;
SELECT accounts, count(*) AS persons, round(avg(orders), 1) AS orders, round(avg(revenue), 2) AS revenue
FROM profile.shopper GROUP BY accounts ORDER BY accounts;
