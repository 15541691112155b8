-- Gaps filled from behaviour, marked as inferred, and a profile on the cleaned data. 缺失补全（推断值有标记），在清洗后的数据上建画像。
-- After rules.sql:
--
--   portrait run sql/shop.sql sql/clean/rules.sql sql/clean/filled.sql

-- Purchases for babies, beauty or electronics hint at the gender. Only used if four of five customers with a known gender agree.
CREATE OR REPLACE TABLE completed_customers AS
SELECT * FROM impute((
    SELECT c.*, p.favourite FROM cleaned_customers AS c LEFT JOIN (
      SELECT customer_id, preference(category, quantity) AS favourite
      FROM orders JOIN sold_items USING (order_id) GROUP BY customer_id) AS p
    ON c.customer_id = p.customer_id),
  target => gender, from => favourite, min_confidence => 0.8, min_support => 20);

SELECT gender, gender_source, count(*) AS customers, round(avg(gender_confidence), 3) AS confidence
FROM completed_customers GROUP BY gender, gender_source ORDER BY gender, gender_source;

SELECT gender_evidence, gender, count(*) AS customers, max(gender_support) AS support
FROM completed_customers WHERE gender_source = 'inferred' GROUP BY gender_evidence, gender ORDER BY customers DESC;

-- The data now: no age of 200, and every missing gender is marked as unknown.
SELECT column_name, missing, distinct_values, min, max, alerts
FROM data_profile((SELECT gender, gender_source, age, favourite FROM completed_customers));

CREATE OR REPLACE PROFILE cleaned_customer WITH (key = 'customer_id') AS
SELECT customer_id, gender, gender_source = 'inferred' AS gender_is_inferred, age, city, city_tier, favourite FROM completed_customers;

CREATE OR REPLACE TAG clean_age_band ON cleaned_customer AS
SELECT customer_id, CASE WHEN age IS NULL THEN 'unknown' WHEN age <= 25 THEN '18-25' WHEN age <= 35 THEN '26-35' WHEN age <= 45 THEN '36-45' ELSE '46+' END
FROM completed_customers;

REFRESH PROFILE cleaned_customer WITH (as_of = DATE '2025-06-30');

SELECT gender, gender_is_inferred, clean_age_band, count(*) AS customers
FROM profile.cleaned_customer GROUP BY gender, gender_is_inferred, clean_age_band ORDER BY gender, gender_is_inferred, clean_age_band;
