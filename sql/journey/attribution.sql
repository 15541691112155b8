-- Which channels led to payments, by model. 渠道归因:各模型对比。
SELECT channel,
  max(conversions) FILTER (WHERE model = 'first') AS first_touch,
  max(conversions) FILTER (WHERE model = 'last') AS last_touch,
  max(conversions) FILTER (WHERE model = 'linear') AS linear,
  max(conversions) FILTER (WHERE model = 'markov') AS markov,
  max(conversions) FILTER (WHERE model = 'shapley') AS shapley
FROM attribution(events, customer => customer_id, event_time => event_time,
  channel => CASE WHEN event IN ('search', 'view') THEN channel END, conversion => event = 'pay',
  model => ['first', 'last', 'linear', 'markov', 'shapley'], lookback => INTERVAL '30 days')
GROUP BY channel ORDER BY channel;

-- The share of payments that would be lost without a channel. 移除效应。
SELECT channel, touches, round(100 * removal_effect, 1) AS lost_percent
FROM attribution(events, customer => customer_id, event_time => event_time,
  channel => CASE WHEN event IN ('search', 'view') THEN channel END, conversion => event = 'pay', model => 'markov')
WHERE channel IS NOT NULL ORDER BY lost_percent DESC, channel;
