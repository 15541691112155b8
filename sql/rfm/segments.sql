-- Who are the customers? Each one scored by recency, frequency and monetary value, and named.
-- 客户是谁：每位客户按最近消费、频次、金额打分并分层。
SELECT *
FROM rfm((SELECT * FROM orders WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2025-06-30')
ORDER BY monetary DESC
LIMIT 5;

-- The eight value cells, in Chinese. 八类客户。
SELECT segment, count(*) AS customers, sum(monetary) AS revenue, round(avg(recency_days), 1) AS average_recency_days
FROM rfm((SELECT * FROM orders WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2025-06-30',
  scheme => 'eight', labels => 'zh')
GROUP BY segment
ORDER BY revenue DESC;

-- What the scores mean on these data: bounds and sizes of the bins.
SELECT *
FROM rfm_bins((SELECT * FROM orders WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2025-06-30')
ORDER BY measure, score DESC;
