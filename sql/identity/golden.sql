-- One record per person, and orders counted per person rather than per account.
-- 黄金记录：每人一条；订单按人而不是按账户统计。
CREATE OR REPLACE VIEW persons AS
SELECT customer_id, person_id FROM resolve_identities(
  (SELECT customer_id, clean_phone(phone) AS phone, lower(email) || ' ' || name AS email_and_name FROM customers),
  key => customer_id, match_on => [phone, email_and_name], max_shared => 5);

SELECT *
FROM golden_records((SELECT * FROM customers JOIN persons USING (customer_id)), person => person_id, record => customer_id,
  rules => [most_frequent(name), most_recent(phone, registered_at), longest(email), source_priority(city, channel, 'store', 'app')])
WHERE records > 1
ORDER BY person_id
LIMIT 10;

-- How many customers look less valuable than they are, because their orders are spread over several accounts?
-- 账户拆分导致价值被低估的客户。
SELECT by_account.segment AS segment_of_account, by_person.segment AS segment_of_person, count(*) AS accounts
FROM rfm(orders, customer => customer_id, order_time => ordered_at, amount => amount) AS by_account
JOIN persons USING (customer_id)
JOIN rfm((SELECT person_id, ordered_at, amount FROM orders JOIN persons USING (customer_id)),
  customer => person_id, order_time => ordered_at, amount => amount) AS by_person USING (person_id)
WHERE by_account.segment <> by_person.segment
GROUP BY 1, 2
ORDER BY accounts DESC, 1, 2
LIMIT 10;
