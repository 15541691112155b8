-- The rules of a tag on 1,000,000 rows.
CREATE TABLE customers AS SELECT customer_id, age FROM sample_customers(rows => 1000000);
SELECT * FROM mece_check((SELECT customer_id, CASE WHEN age < 26 THEN '18-25' WHEN age BETWEEN 25 AND 35 THEN '26-35' WHEN age > 40 THEN '41+' END FROM customers));
