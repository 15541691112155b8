-- An experiment from plan to decision: how many customers are needed, who gets what, whether it worked and for whom. 实验全流程：样本量、分组、结果、对谁有效。
--
--   portrait run sql/shop.sql sql/experiment/coupon.sql

-- How many customers are needed to detect two points more than a share of 60 %, and a change of a mean? 需要多少样本？
SELECT sample_size(0.60, mde => 0.02) AS for_buyers, sample_size(NULL, mde => 10, std_dev => 180, power => 0.9) AS for_spending,
  round(minimum_detectable_effect(0.60, rows => 1000), 4) AS with_1000_each;

-- Who gets a coupon: one in ten is held out permanently, the others are split in half. The salt is the name of the experiment. 分组：一成长期留出。
CREATE OR REPLACE VIEW coupon_trial AS
SELECT c.customer_id, c.gender, c.channel, assign(c.customer_id, salt => 'coupon_2025', shares => [0.1, 0.45, 0.45], labels => ['holdout', 'control', 'coupon']) AS variant,
  count(o.order_id) FILTER (WHERE o.ordered_at < DATE '2025-01-01') AS orders_before,
  coalesce(sum(o.amount) FILTER (WHERE o.ordered_at < DATE '2025-01-01'), 0) AS spent_before,
  count(o.order_id) FILTER (WHERE o.ordered_at >= DATE '2025-01-01') AS orders,
  coalesce(sum(o.amount) FILTER (WHERE o.ordered_at >= DATE '2025-01-01'), 0) AS spent
FROM customers c LEFT JOIN orders o ON o.customer_id = c.customer_id GROUP BY c.customer_id, c.gender, c.channel;

-- Did it work? First the group sizes, then each metric. Nobody got a coupon here, so no effect should be found. 结果：先看样本比例，再看指标。
SELECT metric, variant, control_rows, rows, srm, round(control_mean, 3) AS control, round(mean, 3) AS mean, round(100 * relative_uplift, 1) AS uplift_percent,
  round(p_adjusted, 4) AS p_adjusted, decision
FROM experiment_result((SELECT *, orders > 0 AS bought FROM coupon_trial), group => variant, control => 'control', groups => ['control', 'coupon', 'holdout'], shares => [0.45, 0.45, 0.1],
  metric => [bought, orders, spent]);

-- Spending before the experiment explains part of the spending after it, so fewer customers give the same certainty. 用实验前数据降低方差。
SELECT metric, variant, round(theta, 3) AS theta, round(100 * variance_reduction, 1) AS variance_saved_percent, round(std_err, 3) AS std_err, decision
FROM experiment_result(coupon_trial, group => variant, control => 'control', groups => ['control', 'coupon', 'holdout'], shares => [0.45, 0.45, 0.1],
  metric => [orders, spent], pre => [orders_before, spent_before], winsorize => 0.99, language => 'zh');

-- Revenue per order: a ratio of sums. 客单价：比率指标。
SELECT metric, test, round(control_mean, 2) AS control, round(mean, 2) AS coupon, round(p_value, 4) AS p_value
FROM experiment_result((SELECT * FROM coupon_trial WHERE variant <> 'holdout'), group => variant, control => 'control', metric => spent, denominator => orders);

-- For whom: does a tag show who reacts? 对谁有效：标签是否值得用？
SELECT tag, value, rows, round(difference, 2) AS difference, round(p_adjusted, 4) AS p_adjusted, verdict, decision
FROM tag_uplift((SELECT *, orders_before > 2 AS loyal FROM coupon_trial WHERE variant <> 'holdout'), group => variant, control => 'control', metric => spent, tags => [loyal, gender, channel], language => 'zh');

-- And a score: do customers with the highest scores react most? 按得分的增益曲线。
SELECT bin, treated_rows + control_rows AS rows, round(uplift, 2) AS uplift, round(cumulative_uplift, 2) AS so_far, round(qini_coefficient, 3) AS qini
FROM uplift_curve((SELECT * FROM coupon_trial WHERE variant <> 'holdout'), group => variant, control => 'control', outcome => spent, score => spent_before, bins => 5) ORDER BY bin;
