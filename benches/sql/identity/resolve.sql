CREATE TABLE records AS SELECT customer_id, clean_phone(phone) AS phone, email || ' ' || name AS email_and_name FROM sample_customers(rows => 200000);
SELECT count(DISTINCT person_id) FROM resolve_identities(records, key => customer_id, match_on => [phone, email_and_name]);
