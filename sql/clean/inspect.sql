-- What are the tables like, and what is wrong with them? 数据体检：缺失、异常值、格式不一、待补充。
--
--   portrait run sql/shop.sql sql/clean/inspect.sql

-- Every column of the customers, with what needs attention.
SELECT column_name, missing, distinct_values, min, max, round(mean, 2) AS mean, alerts
FROM data_profile(customers, as_of => DATE '2025-06-30');

-- In which formats are phone numbers written?
SELECT form.pattern AS pattern, form.rows AS customers
FROM (SELECT unnest(patterns) AS form FROM data_profile(customers) WHERE column_name = 'phone')
ORDER BY customers DESC;

-- Which records are incomplete? 待补充的客户，按渠道。
SELECT channel, completeness_status, count(*) AS customers, round(avg(missing_share), 3) AS missing_share
FROM completeness(customers, key_fields => [gender, age, phone, email], threshold => 0.3, labels => 'zh')
GROUP BY channel, completeness_status
ORDER BY channel, completeness_status;

-- Unusual ages, and orders ten times as large as usual in their channel.
SELECT age, count(*) AS customers, any_value(outlier_reason) AS reason
FROM (SELECT age, min(outlier_reason) AS outlier_reason, customer_id FROM find_outliers(customers, value => age, method => 'mad') GROUP BY age, customer_id)
GROUP BY age ORDER BY age;

SELECT channel, count(*) AS orders, round(min(upper_bound), 2) AS bound, max(amount) AS largest
FROM find_outliers((SELECT * FROM orders WHERE status = 'paid'), value => amount, method => 'multiple_of_mean', per => channel)
GROUP BY channel ORDER BY channel;
