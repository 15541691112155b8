-- The journey map: time spent, drop-off and complaints of each touchpoint. 客户旅程触点地图。
SELECT stage, channel, event, customers, events, median_seconds, round(100 * drop_off_rate, 1) AS drop_off_percent, complaints
FROM touchpoints(events, customer => customer_id, event_time => event_time, event => event, channel => channel,
  stage => CASE WHEN event IN ('search', 'view') THEN '1 browse' WHEN event = 'complaint' THEN '3 service' ELSE '2 buy' END,
  complaint => event = 'complaint')
ORDER BY stage, channel, event;

-- How many paid within a day of filling a cart, and how often customers viewed twice without doing so. 行为模式匹配。
SELECT count(*) FILTER (WHERE paid) AS customers_who_paid_within_a_day, sum(views) AS views_without_cart
FROM (
  SELECT customer_id, sequence_match('(?1)(?t<=86400)(?2)', event_time, event = 'cart', event = 'pay') AS paid,
    sequence_count('(?1)(?1)', event_time, event = 'view', event = 'cart') AS views
  FROM events GROUP BY customer_id);
