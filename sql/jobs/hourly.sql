-- Every hour: sales in the last full hour. 每小时销售。
-- With `transaction = true` each hour is written exactly once, whatever happens to the process; missed hours are run one after the other.

CREATE TABLE IF NOT EXISTS sales_by_hour (hour TIMESTAMP, orders BIGINT, revenue DOUBLE);

DELETE FROM sales_by_hour WHERE hour = date_trunc('hour', $scheduled_time) - INTERVAL '1 hour';

INSERT INTO sales_by_hour
SELECT date_trunc('hour', $scheduled_time) - INTERVAL '1 hour', count(*), coalesce(sum(CAST(amount AS DOUBLE)), 0)
FROM orders
WHERE status = 'paid'
  AND ordered_at >= date_trunc('hour', $scheduled_time) - INTERVAL '1 hour'
  AND ordered_at < date_trunc('hour', $scheduled_time);
