SELECT channel, count(*) AS orders FROM sample_orders(rows => 1000) GROUP BY channel ORDER BY orders DESC LIMIT 3;
\chart bar
