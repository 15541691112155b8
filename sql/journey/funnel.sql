-- From the first view to payment: the funnel, where customers are lost, and whom to remind. 浏览到支付的转化漏斗、流失环节、召回人群。
SELECT step, condition, customers, round(100 * conversion, 1) AS of_first_percent, round(100 * step_conversion, 1) AS of_step_before_percent,
  round(median_seconds / 60, 1) AS median_minutes
FROM window_funnel(events, customer => customer_id, event_time => event_time,
  steps => [event = 'view', event = 'cart', event = 'checkout', event = 'pay'], within => INTERVAL '7 days')
ORDER BY step;

-- The same by channel: a chain belongs to the channel of its first view. 按渠道对比。
SELECT channel, step, customers, round(100 * conversion, 1) AS of_first_percent
FROM window_funnel(events, customer => customer_id, event_time => event_time, per => channel,
  steps => [event = 'view', event = 'cart', event = 'pay'], within => INTERVAL '7 days')
ORDER BY channel, step;

-- Month by month. 按月趋势。
SELECT period, customers, round(100 * conversion, 1) AS of_first_percent
FROM window_funnel(events, customer => customer_id, event_time => event_time, interval => 'month',
  steps => [event = 'view', event = 'pay'], within => INTERVAL '7 days')
WHERE step = 2 ORDER BY period;

-- Customers who put something into the cart and stopped there: the audience for a reminder. 加购未支付人群。
SELECT customer_id, started_at, reached_at
FROM window_funnel_customers(events, customer => customer_id, event_time => event_time,
  steps => [event = 'cart', event = 'checkout', event = 'pay'], within => INTERVAL '3 days')
WHERE deepest_step = 1 ORDER BY reached_at DESC, customer_id LIMIT 10;
