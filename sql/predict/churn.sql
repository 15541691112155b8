-- Who is about to leave: a definition, a model measured on customers it has not seen, what drives it, and a tag with an audience.

-- What was known on 30 June 2024, and who did not buy in the following 180 days.
CREATE OR REPLACE VIEW known_in_june AS
SELECT customer_id, recency_days, frequency, CAST(monetary AS DOUBLE) AS monetary
FROM rfm((SELECT * FROM orders WHERE ordered_at < DATE '2024-07-01'),
  customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2024-06-30');

CREATE OR REPLACE MODEL churn WITH (type = 'logistic_regression', key = 'customer_id', target = 'churned', folds = 5, comment = '流失预测') AS
SELECT k.*, k.customer_id NOT IN (
    SELECT customer_id FROM orders WHERE customer_id IS NOT NULL AND ordered_at >= DATE '2024-07-01' AND ordered_at < DATE '2024-12-28') AS churned
FROM known_in_june AS k;

-- How good it is, on the customers held out.
SELECT measure, round(value, 4) AS value FROM ml_training_info(churn) WHERE step = 'metric' ORDER BY measure;

-- What drives it, in words: the odds of two customers who differ by a standard deviation, as customers usually do.
SELECT 'customers with ' || CAST(round(f.stddev, 1) AS VARCHAR) || ' more of ' || name || ' have ' || CAST(round(100 * abs(exp(value * f.stddev) - 1)) AS BIGINT) || ' % '
  || CASE WHEN value > 0 THEN 'higher' ELSE 'lower' END || ' odds of leaving' || CASE WHEN p_value < 0.05 THEN '' ELSE ' (not beyond chance)' END AS finding
FROM ml_weights(churn) JOIN ml_feature_info(churn) AS f USING (feature) ORDER BY abs(value * f.stddev) DESC;

-- Today's customers, as a tag of a profile, and the audience to win back.
CREATE OR REPLACE PROFILE buyer WITH (key = 'customer_id') AS SELECT DISTINCT customer_id FROM orders WHERE customer_id IS NOT NULL;
CREATE OR REPLACE TAG churn_risk ON buyer WITH (type = 'predictive', path = 'lifecycle/risk', comment = '流失风险') AS
SELECT customer_id, CASE WHEN probability >= 0.7 THEN 'high' WHEN probability >= 0.4 THEN 'middle' ELSE 'low' END
FROM ml_predict(churn, (SELECT customer_id, recency_days, frequency, CAST(monetary AS DOUBLE) AS monetary
  FROM rfm(orders, customer => customer_id, order_time => ordered_at, amount => amount)));
CREATE OR REPLACE SEGMENT win_back ON buyer AS churn_risk = 'high';
REFRESH PROFILE buyer WITH (as_of = DATE '2025-06-30');
SELECT churn_risk, count(*) AS customers FROM profile.buyer GROUP BY churn_risk ORDER BY customers DESC;
SELECT name, type, model, model_version, round(auc, 4) AS auc, grade FROM system.tags WHERE name = 'churn_risk';
