-- Would customers recommend us, and has it changed? NPS、CSAT、问卷宽表转长表。
--
--   portrait run sql/shop.sql sql/feedback/survey.sql

-- A survey after each order, as survey tools export it: one column per question. Replace it with your own. In this one, customers who waited for a refund are unhappy.
CREATE OR REPLACE VIEW survey AS
SELECT order_id, customer_id, channel, ordered_at AS answered_at,
  CASE WHEN status = 'refunded' THEN order_id % 7 WHEN order_id % 9 = 0 THEN NULL ELSE 4 + order_id % 7 END AS recommend,
  CASE WHEN order_id % 50 = 0 THEN 99 WHEN status = 'refunded' THEN 1 + order_id % 3 ELSE 3 + order_id % 3 END AS satisfaction,
  1 + order_id % 7 AS effort,
  ['price', 'service', 'delivery', ' '][1 + order_id % 4] AS reason
FROM orders WHERE ordered_at >= DATE '2025-01-01';

-- NPS by channel and quarter: the score with its interval, the change from the previous quarter, the difference from the other channels.
SELECT channel, period, responses, round(score, 1) AS nps, round(lower, 1) AS lower, round(upper, 1) AS upper,
  round(change, 1) AS change, round(change_p_adjusted, 4) AS change_p, round(rest_difference, 1) AS rest_difference, round(rest_p_adjusted, 4) AS rest_p
FROM nps_result(survey, score => recommend, per => channel, time => answered_at, period => 'quarter')
ORDER BY channel, period;

-- Satisfaction with the order, and how hard ordering was; the code 99 counts as invalid.
SELECT channel, responses, invalid, round(score, 3) AS csat, round(lower, 3) AS lower, round(upper, 3) AS upper, round(rest_p_adjusted, 4) AS rest_p
FROM csat_result(survey, score => satisfaction, per => channel)
ORDER BY channel;

SELECT period, responses, round(score, 2) AS effort, round(change, 2) AS change, round(change_p_value, 4) AS p
FROM ces_result(survey, score => effort, time => answered_at, period => 'month')
ORDER BY period;

-- Every question of the survey at a glance.
SELECT question, responses, missing, round(mean, 2) AS mean, distribution
FROM survey_summary(survey, questions => [recommend, satisfaction, effort, reason]);

-- The same as rows, which can be grouped in any way: the reasons of the detractors.
SELECT answer AS reason, count(*) AS customers
FROM survey_answers(survey, key => order_id, questions => [reason]) AS answers
JOIN survey ON survey.order_id = answers.order_id
WHERE recommend <= 6 AND answer IS NOT NULL
GROUP BY answer ORDER BY customers DESC, reason;
