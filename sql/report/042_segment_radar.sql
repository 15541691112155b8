-- title: Segments against the population
-- title.zh: 人群雷达图
-- text: 100 is the mean of all customers. Value is money spent, frequency paid orders, interaction days with any event, order value the mean of an order, repurchase the share who bought twice or more; all of the last twelve months.
-- text.zh: 100 为全体客户均值。消费金额为每人消费，购买频次为已支付订单数，互动天数为有任何行为的天数，客单价为每单均值，复购率为购买两次以上者的占比；均按报告日之前十二个月计算。
-- words.zh: value = 消费金额, frequency = 购买频次, interaction = 互动天数, order value = 客单价, repurchase = 复购率
-- when: SELECT count(*) > 0 FROM (SELECT segment FROM $segments LIMIT 1)
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status, events.customer_id, events.event_time
-- chart: radar
-- x: measure
-- y: index_of_population
-- series: segment
-- count: customers
WITH bought AS MATERIALIZED (
  SELECT customer_id, count(*) AS orders, count(amount) AS priced, sum(amount) AS revenue, min(ordered_at) < max(ordered_at) AS came_back FROM orders
  WHERE status = 'paid' AND ordered_at <= $as_of AND ordered_at > $as_of - INTERVAL '12 months' GROUP BY customer_id),
seen AS (
  SELECT customer_id, count(DISTINCT CAST(event_time AS DATE)) AS days FROM events
  WHERE event_time <= $as_of AND event_time > $as_of - INTERVAL '12 months' GROUP BY customer_id),
each AS MATERIALIZED (
  SELECT m.$key AS customer_id, coalesce(b.orders, 0) AS orders, coalesce(b.priced, 0) AS priced, coalesce(CAST(b.revenue AS DOUBLE), 0) AS revenue, coalesce(b.came_back, false) AS came_back, coalesce(s.days, 0) AS days
  FROM $members AS m LEFT JOIN bought AS b ON b.customer_id = m.$key LEFT JOIN seen AS s ON s.customer_id = m.$key),
grouped AS (SELECT segment, each.* FROM $segments AS g JOIN each ON each.customer_id = g.$key UNION ALL SELECT NULL, each.* FROM each),
measured AS MATERIALIZED (
  SELECT segment, count(*) AS customers, avg(revenue) AS value, avg(orders) AS frequency, avg(days) AS interaction,
    sum(revenue) / nullif(CAST(sum(priced) AS DOUBLE), 0) AS order_value,
    count(*) FILTER (WHERE came_back) / nullif(CAST(count(*) FILTER (WHERE orders >= 1) AS DOUBLE), 0) AS repurchase
  FROM grouped GROUP BY segment),
compared AS (
  SELECT m.segment, m.customers, 100 * m.value / nullif(p.value, 0) AS value, 100 * m.frequency / nullif(p.frequency, 0) AS frequency,
    100 * m.interaction / nullif(p.interaction, 0) AS interaction, 100 * m.repurchase / nullif(p.repurchase, 0) AS repurchase,
    100 * m.order_value / nullif(p.order_value, 0) AS order_value
  FROM measured AS m CROSS JOIN (SELECT * FROM measured WHERE segment IS NULL) AS p WHERE m.segment IS NOT NULL)
SELECT segment, replace(measure, '_', ' ') AS measure, customers, round(index_of_population) AS index_of_population
FROM compared UNPIVOT (index_of_population FOR measure IN (value, frequency, interaction, repurchase, order_value))
ORDER BY customers DESC, segment, measure;
