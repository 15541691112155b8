-- How probable is it that two accounts are one person? Nothing is certain: names may have typing errors, phone numbers may have changed.
-- 概率匹配（Fellegi–Sunter）：比较姓名、电话、邮箱、城市、年龄，参数由数据估计。
CREATE OR REPLACE VIEW accounts AS
SELECT customer_id, name, clean_phone(phone) AS phone, lower(email) AS email, city, age, gender FROM customers;

-- What was learned: the weight of each level of each comparison.
-- 各比较项各级别的权重。
SELECT comparison, level, label, round(m, 6) AS m, round(u, 6) AS u, round(match_weight, 2) AS match_weight
FROM match_parameters(accounts, key => customer_id,
  comparisons => [jaro_winkler(name, 0.92, 0.8), levenshtein(phone, 1, 2), email, exact(city, term_frequency => true), numeric_distance(age, 1)],
  blocking => [l.phone = r.phone, l.email = r.email, l.name = r.name AND l.city = r.city]);

-- The pairs, the most doubtful first: these need a person's decision.
-- 最需要人工复核的配对。
SELECT customer_id_l, customer_id_r, round(match_weight, 1) AS match_weight, round(match_probability, 3) AS match_probability, blocking_rule
FROM match_pairs(accounts, key => customer_id,
  comparisons => [jaro_winkler(name, 0.92, 0.8), levenshtein(phone, 1, 2), email, exact(city, term_frequency => true), numeric_distance(age, 1)],
  blocking => [l.phone = r.phone, l.email = r.email, l.name = r.name AND l.city = r.city], min_probability => 0.1)
ORDER BY abs(match_probability - 0.5), customer_id_l, customer_id_r
LIMIT 10;

-- Why these two? Accounts 39 and 40 of the sample belong to one person.
-- 单个配对的解释。
SELECT step, comparison, label, value_l, value_r, round(match_weight, 2) AS match_weight, round(match_probability, 5) AS match_probability
FROM explain_match(accounts, key => customer_id, a => 39, b => 40,
  comparisons => [jaro_winkler(name, 0.92, 0.8), levenshtein(phone, 1, 2), email, exact(city, term_frequency => true), numeric_distance(age, 1)],
  blocking => [l.phone = r.phone, l.email = r.email, l.name = r.name AND l.city = r.city])
ORDER BY step;
