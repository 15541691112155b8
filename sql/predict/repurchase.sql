-- Who buys again within 90 days? Trained on what was known at the end of 2024, judged on customers held out, and a tag of score, percentile and band. 复购预测。
CREATE OR REPLACE VIEW known_at_year_end AS
SELECT r.customer_id, r.recency_days, r.frequency, CAST(r.monetary AS DOUBLE) AS monetary, n.interval_median, n.days_silent
FROM rfm((SELECT * FROM orders WHERE ordered_at < DATE '2025-01-01'), customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2024-12-31') AS r
LEFT JOIN next_purchase((SELECT * FROM orders WHERE ordered_at < DATE '2025-01-01'), customer => customer_id, order_time => ordered_at, as_of => DATE '2024-12-31') AS n USING (customer_id);

CREATE OR REPLACE MODEL repurchase WITH (type = 'gradient_boosting', key = 'customer_id', target = 'bought_again', learning_rate = 0.05, iterations = 60,
  max_leaves = 7, min_rows_in_leaf = 30, calibration = 'sigmoid', folds = 5, comment = '复购预测') AS
SELECT k.*, k.customer_id IN (
    SELECT customer_id FROM orders WHERE customer_id IS NOT NULL AND ordered_at >= DATE '2025-01-01' AND ordered_at < DATE '2025-04-01') AS bought_again
FROM known_at_year_end AS k;

-- How good it is on the customers held out, and what it goes by. 效果与驱动因素。
SELECT measure, round(value, 4) AS value FROM ml_training_info(repurchase) WHERE step = 'metric' AND measure IN ('auc', 'log_loss', 'brier') ORDER BY measure;
SELECT feature, round(gain, 3) AS gain, round(permutation, 4) AS permutation FROM ml_feature_importance(repurchase) ORDER BY gain DESC, feature;

-- Today's customers: the tag keeps the score; its percentile and band follow from everybody's. 当前评分。
CREATE OR REPLACE VIEW known_today AS
SELECT r.customer_id, r.recency_days, r.frequency, CAST(r.monetary AS DOUBLE) AS monetary, n.interval_median, n.days_silent
FROM rfm(orders, customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2025-06-30') AS r
LEFT JOIN next_purchase(orders, customer => customer_id, order_time => ordered_at, as_of => DATE '2025-06-30') AS n USING (customer_id);
CREATE OR REPLACE VIEW repurchase_today AS
SELECT customer_id, probability, CAST(floor(100 * percent_rank() OVER (ORDER BY probability)) AS BIGINT) AS percentile,
  CASE WHEN probability >= 0.7 THEN 'likely' WHEN probability >= 0.4 THEN 'open' ELSE 'unlikely' END AS band
FROM ml_predict(repurchase, known_today);
CREATE OR REPLACE PROFILE buyer WITH (key = 'customer_id', time_columns = 'orders.ordered_at') AS SELECT DISTINCT customer_id FROM orders WHERE customer_id IS NOT NULL;
CREATE OR REPLACE TAG repurchase_score ON buyer WITH (type = 'predictive', path = 'lifecycle/repurchase', comment = '复购概率') AS SELECT customer_id, probability FROM repurchase_today;
CREATE OR REPLACE TAG repurchase_percentile ON buyer WITH (type = 'predictive', path = 'lifecycle/repurchase', comment = '复购百分位') AS SELECT customer_id, percentile FROM repurchase_today;
CREATE OR REPLACE TAG repurchase_band ON buyer WITH (type = 'predictive', path = 'lifecycle/repurchase', comment = '复购分档') AS SELECT customer_id, band FROM repurchase_today;
REFRESH PROFILE buyer WITH (as_of = DATE '2025-06-30');
SELECT repurchase_band, count(*) AS customers, round(min(repurchase_score), 3) AS lowest, round(max(repurchase_score), 3) AS highest, min(repurchase_percentile) AS from_percentile
FROM profile.buyer GROUP BY repurchase_band ORDER BY lowest DESC;
SELECT name, type, model, model_version, round(auc, 4) AS auc, grade FROM system.tags WHERE profile = 'buyer' ORDER BY name;

-- Drift: how far today's scores have moved from those of the training customers, by the population stability index. Above 0.25, train again. 漂移。
WITH scored AS (
  SELECT 'trained on' AS who, probability FROM ml_predict(repurchase, known_at_year_end) UNION ALL SELECT 'today', probability FROM repurchase_today),
edges AS (SELECT approx_percentile_cont(0.2) WITHIN GROUP (ORDER BY probability) AS q1, approx_percentile_cont(0.4) WITHIN GROUP (ORDER BY probability) AS q2,
    approx_percentile_cont(0.6) WITHIN GROUP (ORDER BY probability) AS q3, approx_percentile_cont(0.8) WITHIN GROUP (ORDER BY probability) AS q4 FROM scored WHERE who = 'trained on'),
shares AS (
  SELECT CASE WHEN probability < q1 THEN 1 WHEN probability < q2 THEN 2 WHEN probability < q3 THEN 3 WHEN probability < q4 THEN 4 ELSE 5 END AS bin,
    (count(*) FILTER (WHERE who = 'trained on') + 0.5) / (SELECT count(*) FROM scored WHERE who = 'trained on') AS before,
    (count(*) FILTER (WHERE who = 'today') + 0.5) / (SELECT count(*) FROM scored WHERE who = 'today') AS now
  FROM scored CROSS JOIN edges GROUP BY bin)
SELECT round(sum((now - before) * ln(now / before)), 3) AS stability_index,
  CASE WHEN sum((now - before) * ln(now / before)) < 0.1 THEN 'as it was' WHEN sum((now - before) * ln(now / before)) < 0.25 THEN 'moved a little' ELSE 'train again' END AS finding
FROM shares;
