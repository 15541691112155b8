-- Who is registered twice? Accounts with the same phone number, or the same name and e-mail. A value on more than five accounts joins nobody.
-- 重复注册：手机号或“姓名＋邮箱”相同的账户。
SELECT person_id, records AS accounts, evidence, customer_id, name, phone, email, registered_at
FROM resolve_identities(
  (SELECT customer_id, clean_phone(phone) AS phone, lower(email) || ' ' || name AS email_and_name FROM customers),
  key => customer_id, match_on => [phone, email_and_name], max_shared => 5)
JOIN customers USING (customer_id)
WHERE records > 1
ORDER BY person_id, customer_id
LIMIT 20;

-- Which values join nobody, because too many accounts have them? A name is not an identifier; a phone number or e-mail in this list belongs to a shop or a test.
-- 出现在过多账户上的值：不能用于合并。
SELECT identifier, records, outcome, example_keys
FROM identity_links(
  (SELECT customer_id, clean_phone(phone) AS phone, lower(email) AS email, name FROM customers),
  key => customer_id, match_on => [phone, email, name], max_shared => 5)
WHERE outcome <> 'linked'
ORDER BY records DESC, identifier, example_keys
LIMIT 10;
