-- Tags of behaviour: visits, active hours and days, time spent, searches, current intent. 行为标签：访问、活跃时段、停留、搜索词、高意向。
--
--   portrait -d crm run sql/shop.sql sql/journey/behaviour.sql
CREATE OR REPLACE PROFILE visitor WITH (key = 'customer_id', time_columns = 'customers.registered_at, events.event_time', comment = '访客') AS
SELECT customer_id, registered_at FROM customers;

-- Sessions: a pause of half an hour ends a session. 会话。
CREATE OR REPLACE TAG visits ON visitor WITH (path = 'behaviour/visits', comment = '访问次数') AS
SELECT customer_id, count(*) AS visits FROM sessionize(events, customer => customer_id, event_time => event_time) GROUP BY customer_id;

CREATE OR REPLACE TAG visit_minutes ON visitor WITH (path = 'behaviour/visits', comment = '平均访问时长（分钟）') AS
SELECT customer_id, round(avg(seconds) / 60, 1) AS visit_minutes FROM sessionize(events, customer => customer_id, event_time => event_time) GROUP BY customer_id;

-- The hours and weekdays with most of the events, if there are at least three events. 活跃时段、活跃日。
CREATE OR REPLACE TAG active_time ON visitor WITH (path = 'behaviour/time', comment = '活跃时段') AS
SELECT customer_id, CASE WHEN hour < 6 THEN 'night' WHEN hour < 12 THEN 'morning' WHEN hour < 18 THEN 'afternoon' ELSE 'evening' END AS active_time
FROM (SELECT customer_id, mode(CAST(extract(hour FROM event_time) AS INT)) AS hour FROM events WHERE customer_id IS NOT NULL GROUP BY customer_id HAVING count(*) >= 3);

CREATE OR REPLACE TAG active_days ON visitor WITH (path = 'behaviour/time', comment = '活跃日') AS
SELECT customer_id, CASE WHEN share > 0.5 THEN 'weekend' WHEN share < 0.15 THEN 'weekdays' ELSE 'both' END AS active_days
FROM (SELECT customer_id, avg(CASE WHEN extract(isodow FROM event_time) >= 6 THEN 1.0 ELSE 0.0 END) AS share
  FROM events WHERE customer_id IS NOT NULL GROUP BY customer_id HAVING count(*) >= 3);

-- Dwell time: how long a product is viewed. 停留时长。
CREATE OR REPLACE TAG dwell_seconds ON visitor WITH (path = 'behaviour/visits', comment = '商品平均停留（秒）') AS
SELECT customer_id, round(avg(seconds)) AS dwell_seconds FROM events WHERE event = 'view' AND customer_id IS NOT NULL GROUP BY customer_id;

-- The most frequent searches. 常搜品类。
CREATE OR REPLACE TAG searches ON visitor WITH (path = 'behaviour/interest', comment = '常搜品类') AS
SELECT customer_id, mode(category) AS searches FROM events WHERE event = 'search' AND category IS NOT NULL GROUP BY customer_id;

-- High intent: over five minutes on one product in the last month, and not yet paid. 高意向：单品停留超过五分钟且未购买。
CREATE OR REPLACE TAG high_intent ON visitor WITH (path = 'behaviour/interest', comment = '高意向商品') AS
SELECT v.customer_id, first_value(v.product_id ORDER BY v.seconds DESC, v.product_id) AS high_intent
FROM (SELECT customer_id, product_id, sum(seconds) AS seconds, max(event_time) AS seen
  FROM events WHERE event = 'view' AND product_id IS NOT NULL AND event_time > $as_of - INTERVAL '30 days' GROUP BY customer_id, product_id) v
WHERE v.seconds > 300 AND NOT EXISTS (SELECT 1 FROM events p WHERE p.customer_id = v.customer_id AND p.event = 'pay' AND p.event_time > v.seen)
GROUP BY v.customer_id;

REFRESH PROFILE visitor WITH (as_of = DATE '2025-06-30');
SELECT active_time, active_days, count(*) AS customers, round(avg(visits), 1) AS visits, round(avg(visit_minutes), 1) AS minutes, count(high_intent) AS high_intent
FROM profile.visitor WHERE active_time IS NOT NULL GROUP BY active_time, active_days ORDER BY customers DESC, active_time, active_days LIMIT 8;
