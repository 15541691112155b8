-- An experiment from its plan to its decision: how many customers it takes, who gets what, whether it worked and for whom. 实验全流程：样本量、分组、结果、对谁有效。
--
--   portrait run sql/shop.sql sql/experiment/coupon.sql

-- How many are needed: of a share of 60 % that two points more are found, and of a mean. 需要多少样本？
SELECT sample_size(0.60, mde => 0.02) AS for_buyers, sample_size(NULL, mde => 10, std_dev => 180, power => 0.9) AS for_spending,
  round(minimum_detectable_effect(0.60, rows => 1000), 4) AS with_1000_each;

-- Who gets a coupon: one in ten is held out for good, the others are halved. The salt is the name of the experiment. 分组：一成长期留出。
CREATE OR REPLACE VIEW coupon_trial AS
SELECT c.customer_id, c.gender, c.channel, assign(c.customer_id, salt => 'coupon_2025', shares => [0.1, 0.45, 0.45], labels => ['holdout', 'control', 'coupon']) AS variant,
  count(o.order_id) FILTER (WHERE o.ordered_at < DATE '2025-01-01') AS orders_before,
  coalesce(sum(o.amount) FILTER (WHERE o.ordered_at < DATE '2025-01-01'), 0) AS spent_before,
  count(o.order_id) FILTER (WHERE o.ordered_at >= DATE '2025-01-01') AS orders,
  coalesce(sum(o.amount) FILTER (WHERE o.ordered_at >= DATE '2025-01-01'), 0) AS spent
FROM customers c LEFT JOIN orders o ON o.customer_id = c.customer_id GROUP BY c.customer_id, c.gender, c.channel;

-- Whether it worked: sizes of the groups first, then each metric. Nobody was sent a coupon here, so nothing should be found. 结果：先看样本比例，再看指标。
SELECT metric, variant, control_rows, rows, srm, round(control_mean, 3) AS control, round(mean, 3) AS mean, round(100 * relative_uplift, 1) AS uplift_percent,
  round(p_adjusted, 4) AS p_adjusted, decision
FROM experiment_result((SELECT *, orders > 0 AS bought FROM coupon_trial), group => variant, control => 'control', groups => ['control', 'coupon', 'holdout'], shares => [0.45, 0.45, 0.1],
  metric => [bought, orders, spent]);

-- What customers spent before explains part of what they spend after: the same certainty from fewer customers. 用实验前数据降低方差。
SELECT metric, variant, round(theta, 3) AS theta, round(100 * variance_reduction, 1) AS variance_saved_percent, round(std_err, 3) AS std_err, decision
FROM experiment_result(coupon_trial, group => variant, control => 'control', groups => ['control', 'coupon', 'holdout'], shares => [0.45, 0.45, 0.1],
  metric => [orders, spent], pre => [orders_before, spent_before], winsorize => 0.99, language => 'zh');

-- Revenue per order: a ratio of sums. 客单价：比率指标。
SELECT metric, test, round(control_mean, 2) AS control, round(mean, 2) AS coupon, round(p_value, 4) AS p_value
FROM experiment_result((SELECT * FROM coupon_trial WHERE variant <> 'holdout'), group => variant, control => 'control', metric => spent, denominator => orders);

-- For whom: does a tag tell who is moved? 对谁有效：标签是否值得用？
SELECT tag, value, rows, round(difference, 2) AS difference, round(p_adjusted, 4) AS p_adjusted, verdict, decision
FROM tag_uplift((SELECT *, orders_before > 2 AS loyal FROM coupon_trial WHERE variant <> 'holdout'), group => variant, control => 'control', metric => spent, tags => [loyal, gender, channel], language => 'zh');

-- And a score: are those of the highest score moved most? 按得分的增益曲线。
SELECT bin, treated_rows + control_rows AS rows, round(uplift, 2) AS uplift, round(cumulative_uplift, 2) AS so_far, round(qini_coefficient, 3) AS qini
FROM uplift_curve((SELECT * FROM coupon_trial WHERE variant <> 'holdout'), group => variant, control => 'control', outcome => spent, score => spent_before, bins => 5) ORDER BY bin;
