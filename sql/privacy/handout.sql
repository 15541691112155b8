-- Customers for somebody else's eyes. 对外提供的客户数据：识别个人信息、脱敏、k-匿名。
--
--   portrait run sql/shop.sql sql/privacy/handout.sql

-- Which columns hold personal data, and what covers them? 哪些列含有个人信息。
SELECT column_name, class, share, mask_with, sample, reason
FROM find_personal_data(customers);

-- As a page for the staff may show them. 脱敏展示。
SELECT customer_id, mask_name(name) AS name, mask_phone(phone) AS phone, mask_email(email) AS email
FROM customers ORDER BY customer_id LIMIT 10;

-- Who can be told by age, gender and city alone? 只凭年龄、性别、城市能认出多少人。
SELECT rows, classes, k, unique_rows, round(unique_share, 3) AS unique_share, rows_below_5, round(average_risk, 3) AS average_risk, smallest_classes
FROM k_anonymity(customers, quasi_identifiers => [age, gender, city]);

-- The same made general, so that each looks like ten others at least; what that costs. 10-匿名，以及信息损失。
CREATE OR REPLACE TABLE customers_handout AS
SELECT age, gender, city, channel
FROM anonymize(customers, quasi_identifiers => [age, gender, city], k => 10, suppress_at_most => 0.02);

SELECT column_name, generalization, level, levels, round(column_loss, 3) AS column_loss, suppressed_rows, round(average_class_size, 1) AS average_class_size, round(loss, 3) AS loss
FROM anonymization_loss(customers, quasi_identifiers => [age, gender, city], k => 10, suppress_at_most => 0.02);

-- Is it so, and does it tell where a customer came from? 复核：k、l、t。
SELECT k, rows, classes FROM k_anonymity(customers_handout, quasi_identifiers => [age, gender, city]);

SELECT distinct_l, round(entropy_l, 2) AS entropy_l, recursive_l, uniform_rows, least_diverse_class
FROM l_diversity(customers_handout, quasi_identifiers => [age, gender, city], sensitive => channel);

SELECT round(t, 3) AS t, round(average_t, 3) AS average_t, farthest_class
FROM t_closeness(customers_handout, quasi_identifiers => [age, gender, city], sensitive => channel);
