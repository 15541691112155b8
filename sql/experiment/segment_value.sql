-- What did a segment bring? The value of its members before and after, month by month, compared with similar customers. 策略追踪：人群前后价值与匹配对照（双重差分）。
--
--   portrait run sql/shop.sql sql/experiment/segment_value.sql

-- The action: women with at least three purchases got a mailing from January 2025 on. In this data nobody did, so no effect should be found. 人群与起始时间。
CREATE OR REPLACE VIEW members AS
SELECT c.customer_id, c.gender = 'female' AND count(o.order_id) FILTER (WHERE o.ordered_at < DATE '2025-01-01') >= 3 AS in_segment, c.city_tier,
  CASE WHEN c.age < 30 THEN 'under 30' WHEN c.age < 50 THEN '30 to 49' ELSE '50 and more' END AS age_band,
  least(count(o.order_id) FILTER (WHERE o.ordered_at < DATE '2025-01-01'), 10) / 3 AS orders_band
FROM customers c LEFT JOIN orders o ON o.customer_id = c.customer_id GROUP BY c.customer_id, c.gender, c.city_tier, c.age;

CREATE OR REPLACE VIEW member_orders AS
SELECT m.customer_id, coalesce(m.in_segment, false) AS in_segment, m.city_tier, m.age_band, m.orders_band, o.ordered_at, o.amount, 1 AS one
FROM members m LEFT JOIN orders o ON o.customer_id = m.customer_id AND o.status = 'paid';

-- Value per customer and month. The months before the start show whether the two groups were similar. 按月价值：先看起始前各期是否平行。
SELECT period, period_start, treated_customers AS members, control_customers AS controls, round(treated_mean, 2) AS members_spent, round(control_mean, 2) AS controls_spent,
  round(difference, 2) AS effect, round(lower, 2) AS lower, round(upper, 2) AS upper, round(p_value, 3) AS p_value
FROM difference_in_differences(member_orders, customer => customer_id, treated => in_segment, event_time => ordered_at, value => amount, start => DATE '2025-01-01',
  match => [city_tier, age_band, orders_band], before => 4, after => 4);

-- Orders instead of money. 复购次数。
SELECT period, round(difference, 4) AS more_orders, round(p_value, 3) AS p_value
FROM difference_in_differences(member_orders, customer => customer_id, treated => in_segment, event_time => ordered_at, value => one, start => DATE '2025-01-01',
  match => [city_tier, age_band, orders_band], before => 2, after => 2);
