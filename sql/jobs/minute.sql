-- Every minute: who looked at products since the last successful run, without reading the same events again. 实时意向。
-- $last_success is NULL before the first successful run, which takes the last hour.

CREATE TABLE IF NOT EXISTS intents (seen_at TIMESTAMP, customer_id BIGINT, events BIGINT);

INSERT INTO intents
SELECT $scheduled_time, customer_id, count(*)
FROM events
WHERE customer_id IS NOT NULL
  AND event_time > coalesce($last_success, $scheduled_time - INTERVAL '1 hour') AND event_time <= $scheduled_time
GROUP BY customer_id;
