-- What are customers worth? Expected purchases, value per purchase, discounted lifetime value, and tiers. 客户生命周期价值与鲸鱼/海豚/小鱼分层。
--
--   portrait -d crm run sql/shop.sql sql/predict/clv_tiers.sql
CREATE OR REPLACE VIEW histories AS
SELECT * FROM clv_summary((SELECT * FROM orders WHERE status = 'paid'), customer => customer_id, order_time => ordered_at, amount => amount,
  observation_end => DATE '2025-06-30');

-- First a check on known data: trained up to the end of 2024, compared with the following half year. 样本外检验。
CREATE OR REPLACE VIEW calibration AS
SELECT * FROM clv_holdout((SELECT * FROM orders WHERE status = 'paid'), customer => customer_id, order_time => ordered_at, amount => amount,
  calibration_end => DATE '2024-12-31', observation_end => DATE '2025-06-30');
CREATE OR REPLACE MODEL purchases_check WITH (type = 'pareto_nbd', key = 'customer_id', penalizer = 0.001, horizon = 181) AS
SELECT customer_id, frequency, recency, "T" FROM calibration;
SELECT least(frequency, 10) AS repeat_purchases, count(*) AS customers, round(avg(frequency_holdout), 2) AS bought, round(avg(expected_purchases), 2) AS expected
FROM ml_predict(purchases_check, calibration) GROUP BY 1 ORDER BY 1;

-- Then trained on all data. 全量训练。
CREATE OR REPLACE MODEL purchases WITH (type = 'pareto_nbd', key = 'customer_id', penalizer = 0.001, horizon = 90, comment = '复购模型') AS
SELECT customer_id, frequency, recency, "T" FROM histories;
CREATE OR REPLACE MODEL spending WITH (type = 'gamma_gamma', key = 'customer_id', comment = '客单价模型') AS
SELECT customer_id, frequency, monetary_value FROM histories WHERE frequency > 0;
SELECT name, round(value, 4) AS value FROM ml_weights(purchases);

-- A year ahead, at one per cent a month. 未来一年，月折现率 1%。
CREATE OR REPLACE VIEW worth AS
SELECT * FROM customer_lifetime_value(purchases, spending, histories, observation_end => DATE '2025-06-30', months => 12, discount_rate => 0.01);
SELECT tier, count(*) AS customers, round(sum(customer_lifetime_value)) AS value,
  round(100 * sum(customer_lifetime_value) / sum(sum(customer_lifetime_value)) OVER (), 1) AS percent_of_value, round(avg(frequency), 1) AS repeat_purchases
FROM worth WHERE tier IS NOT NULL GROUP BY tier ORDER BY value DESC;
SELECT customer_id, tier, round(customer_lifetime_value, 2) AS customer_lifetime_value, frequency, recency, "T", round(monetary_value, 2) AS monetary_value
FROM worth ORDER BY customer_lifetime_value DESC NULLS LAST, customer_id LIMIT 10;
