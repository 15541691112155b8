-- A score card for loans: weights of evidence, points, bands, a risk grade, and how people repay. 金融评分卡：WOE、IV、分数、等级、还款行为。
-- Credit scoring by the book: N. Siddiqi, Credit Risk Scorecards, 2006. Put your own loans in place of the 6,000 made here.
CREATE OR REPLACE TABLE loans AS
WITH drawn AS (
  -- Numbers between 0 and 1 that fill the square evenly and are the same each time: multiples of square roots, without their whole part.
  SELECT value AS loan_id, (value * 1.4142135623731) % 1 AS a, (value * 1.7320508075689) % 1 AS b, (value * 2.2360679774998) % 1 AS c,
    (value * 2.6457513110646) % 1 AS d, (value * 3.3166247903554) % 1 AS e
  FROM generate_series(1, 6000)),
asked AS (
  SELECT loan_id, round(3000 + 17000 * a * a) AS income, round(b, 3) AS card_use, CAST(floor(4 * c * c * c) AS BIGINT) AS late_before,
    CAST(floor(15 * d) AS BIGINT) AS years_employed, e
  FROM drawn)
SELECT loan_id, income, card_use, late_before, years_employed,
  e < 1 / (1 + exp(1.6 - 2.2 * card_use - 0.8 * late_before + 0.00016 * income + 0.06 * years_employed)) AS is_bad
FROM asked;

-- Five bins an attribute, equal values in one bin. 分箱。
CREATE OR REPLACE VIEW binned AS
SELECT loan_id, is_bad, attribute, value,
  CAST(floor(5 * percent_rank() OVER (PARTITION BY attribute ORDER BY value) * 0.9999) AS BIGINT) AS bin
FROM (SELECT loan_id, is_bad, CAST(income AS DOUBLE) AS income, card_use, CAST(late_before AS DOUBLE) AS late_before, CAST(years_employed AS DOUBLE) AS years_employed FROM loans)
UNPIVOT (value FOR attribute IN (income, card_use, late_before, years_employed));

-- Weight of evidence: the logarithm of the bin's share of the good over its share of the bad; half a loan is added to each, so that no bin is without. 证据权重。
CREATE OR REPLACE VIEW evidence AS
SELECT attribute, bin, min(value) AS lowest, max(value) AS highest, count(*) AS loans, avg(CASE WHEN is_bad THEN 1.0 ELSE 0.0 END) AS bad_rate,
  ln((count(*) FILTER (WHERE NOT is_bad) + 0.5) / (SELECT count(*) FROM loans WHERE NOT is_bad)
   / ((count(*) FILTER (WHERE is_bad) + 0.5) / (SELECT count(*) FROM loans WHERE is_bad))) AS woe
FROM binned GROUP BY attribute, bin;
SELECT attribute, bin, lowest, highest, loans, round(bad_rate, 3) AS bad_rate, round(woe, 3) AS woe FROM evidence ORDER BY attribute, bin;

-- Information value of each attribute: under 0.02 useless, to 0.1 weak, to 0.3 medium, beyond strong. 信息值。
WITH shares AS (
  SELECT attribute, woe, loans * (1 - bad_rate) / (SELECT count(*) FROM loans WHERE NOT is_bad) AS good_share,
    loans * bad_rate / (SELECT count(*) FROM loans WHERE is_bad) AS bad_share
  FROM evidence)
SELECT attribute, round(sum((good_share - bad_share) * woe), 3) AS information_value,
  CASE WHEN sum((good_share - bad_share) * woe) < 0.02 THEN 'useless' WHEN sum((good_share - bad_share) * woe) < 0.1 THEN 'weak'
    WHEN sum((good_share - bad_share) * woe) < 0.3 THEN 'medium' ELSE 'strong' END AS strength
FROM shares GROUP BY attribute ORDER BY information_value DESC;

-- A logistic regression over the weights; its coefficients are near −1 where an attribute tells what its bins say.
CREATE OR REPLACE VIEW weighed AS
SELECT b.loan_id, b.is_bad, max(woe) FILTER (WHERE attribute = 'income') AS income, max(woe) FILTER (WHERE attribute = 'card_use') AS card_use,
  max(woe) FILTER (WHERE attribute = 'late_before') AS late_before, max(woe) FILTER (WHERE attribute = 'years_employed') AS years_employed
FROM binned AS b JOIN evidence AS e USING (attribute, bin) GROUP BY b.loan_id, b.is_bad;
CREATE OR REPLACE MODEL loan_risk WITH (type = 'logistic_regression', key = 'loan_id', target = 'is_bad', folds = 5, comment = '违约评分卡') AS SELECT * FROM weighed;
SELECT name, round(value, 3) AS coefficient, round(std_err, 3) AS std_err FROM ml_weights(loan_risk) ORDER BY name;
SELECT measure, round(value, 3) AS value FROM ml_training_info(loan_risk) WHERE step = 'metric' AND measure IN ('auc', 'ks', 'brier') ORDER BY measure;

-- The card: points of each bin. 600 points are odds of 20 good to 1 bad, 40 more double them. 评分卡。
CREATE OR REPLACE VIEW card AS
WITH scale AS (SELECT 40 / ln(2) AS factor, 600 - 40 / ln(2) * ln(20) AS start),
intercept AS (SELECT value FROM ml_weights(loan_risk) WHERE name = 'intercept')
SELECT e.attribute, e.bin, e.lowest, e.highest, CAST(round((start - factor * i.value) / 4 - factor * w.value * e.woe) AS BIGINT) AS points
FROM evidence AS e JOIN ml_weights(loan_risk) AS w ON w.name = e.attribute CROSS JOIN intercept AS i CROSS JOIN scale;
SELECT * FROM card ORDER BY attribute, bin;

-- Everybody's score, its band and grade, and whether the bands keep their order. 信用等级。
CREATE OR REPLACE VIEW scores AS
SELECT loan_id, is_bad, score, CASE WHEN score >= 620 THEN 'A' WHEN score >= 580 THEN 'B' WHEN score >= 540 THEN 'C' WHEN score >= 500 THEN 'D' ELSE 'E' END AS grade
FROM (SELECT b.loan_id, b.is_bad, sum(c.points) AS score FROM binned AS b JOIN card AS c USING (attribute, bin) GROUP BY b.loan_id, b.is_bad);
SELECT grade, min(score) AS lowest, max(score) AS highest, count(*) AS loans, round(100 * avg(CASE WHEN is_bad THEN 1.0 ELSE 0.0 END), 1) AS bad_percent
FROM scores GROUP BY grade ORDER BY grade;

-- How people repay: twelve instalments a loan, and how many days late each was. 还款行为。
CREATE OR REPLACE VIEW instalments AS
SELECT l.loan_id, m.value AS number, greatest(0, CAST(floor(20 * ((l.loan_id * 12 + m.value) * 1.6180339887499 % 1) - 30 * (l.loan_id * 3.6055512754640 % 1) + CASE WHEN l.is_bad THEN 3 * m.value ELSE 0 END) AS BIGINT)) AS days_late
FROM loans AS l CROSS JOIN generate_series(1, 12) AS m;
CREATE OR REPLACE VIEW repayment AS
SELECT loan_id, avg(CASE WHEN days_late = 0 THEN 1.0 ELSE 0.0 END) AS on_time, max(days_late) AS worst,
  CASE WHEN max(days_late) = 0 THEN 'always on time' WHEN max(days_late) <= 20 THEN 'a few days late'
    WHEN avg(days_late) FILTER (WHERE number > 6) > avg(days_late) FILTER (WHERE number <= 6) + 3 THEN 'getting later' ELSE 'often late' END AS behaviour
FROM instalments GROUP BY loan_id;
SELECT behaviour, count(*) AS loans, round(100 * avg(on_time), 1) AS on_time_percent FROM repayment GROUP BY behaviour ORDER BY loans DESC;

-- Grade and behaviour as tags of a profile. 画像标签。
CREATE OR REPLACE PROFILE borrower WITH (key = 'loan_id') AS SELECT loan_id FROM loans;
CREATE OR REPLACE TAG risk_grade ON borrower WITH (path = 'finance/risk', comment = '风险等级') AS SELECT loan_id, grade FROM scores;
CREATE OR REPLACE TAG repayment_behaviour ON borrower WITH (path = 'finance/repayment', comment = '还款行为') AS SELECT loan_id, behaviour FROM repayment;
CREATE OR REPLACE SEGMENT raise_limit ON borrower AS risk_grade = 'A' AND repayment_behaviour = 'always on time';
REFRESH PROFILE borrower;
SELECT risk_grade, repayment_behaviour, count(*) AS loans FROM profile.borrower GROUP BY ALL ORDER BY risk_grade, loans DESC, repayment_behaviour;
