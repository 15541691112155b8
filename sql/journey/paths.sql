-- The most frequent paths of visits; the last row has all others. 主要访问路径。
SELECT rank, path, paths, customers AS visits, round(100 * share, 1) AS percent
FROM journey_paths(events, customer => session_id, event_time => event_time, event => event, depth => 4, collapse_repeats => true, top => 6);

-- What happened before payment. 支付前的路径。
SELECT rank, path, customers AS visits, round(100 * share, 1) AS percent
FROM journey_paths(events, customer => session_id, event_time => event_time, event => event,
  end => event = 'pay', direction => 'backward', depth => 4, collapse_repeats => true, top => 5);

-- The steps of a Sankey diagram. 桑基图的边。
SELECT step, source, coalesce(target, '(leaves)') AS target, customers AS visits
FROM journey_edges(events, customer => session_id, event_time => event_time, event => event, depth => 3, collapse_repeats => true)
ORDER BY step, visits DESC, source, target LIMIT 12;

-- What follows the cart, and how soon. 加购之后做了什么。
SELECT next, events, round(100 * share, 1) AS percent, median_seconds
FROM next_event(events, customer => session_id, event_time => event_time, event => event)
WHERE event = 'cart' ORDER BY events DESC, next;

-- Sequences that many customers have, within an hour from event to event. 频繁行为序列。
SELECT sequence, count AS customers, round(100 * support, 1) AS percent, round(confidence, 2) AS confidence
FROM frequent_sequences(events, customer => customer_id, event_time => event_time, event => event,
  min_support => 0.2, min_len => 2, max_len => 4, max_gap => INTERVAL '1 hour', collapse_repeats => true)
ORDER BY rank LIMIT 10;

-- Which steps visits in the app take more often than others. 两群体路径差异。
SELECT path, round(100 * share_a, 1) AS app_percent, round(100 * share_b, 1) AS others_percent, round(p_adjusted, 4) AS p_adjusted
FROM path_difference(events, customer => session_id, event_time => event_time, event => event, segment => channel = 'app', top => 5);
