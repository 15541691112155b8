-- clean_phone over 1,000,000 numbers in four ways of writing.
CREATE TABLE phones AS
SELECT CASE value % 4 WHEN 0 THEN '13' || lpad(CAST(value AS VARCHAR), 9, '0') WHEN 1 THEN '+86 138 ' || lpad(CAST(value % 10000 AS VARCHAR), 4, '0') || ' 8000'
  WHEN 2 THEN '0086-139-0013-' || lpad(CAST(value % 10000 AS VARCHAR), 4, '0') ELSE '（010）8888-' || lpad(CAST(value % 10000 AS VARCHAR), 4, '0') END AS phone
FROM generate_series(1, 1000000) AS numbers(value);
SELECT count(clean_phone(phone)) FROM phones;
