\set city 上海
SELECT count(*) AS customers FROM sample_customers(rows => 1000) WHERE city = $city;
\echo customers of :city
