-- What each tag of sql/tags/library.sql has to say as of 2025-06-30, written another way: ranks, joins, counts and whole numbers
-- in the place of the program's aggregates, $as_of and time_columns. The test puts an earlier day in the place of that date.

CREATE OR REPLACE TABLE people AS
SELECT * FROM customers WHERE CAST(registered_at AS DATE) <= DATE '2025-06-30';

CREATE OR REPLACE TABLE sales AS
SELECT order_id, customer_id, ordered_at, CAST(ordered_at AS DATE) AS day, channel, discount, CAST(amount * 100 AS BIGINT) AS cents
FROM orders
WHERE CAST(ordered_at AS DATE) <= DATE '2025-06-30' AND status NOT IN ('cancelled', 'refunded') AND customer_id > 0;

CREATE OR REPLACE TABLE goods AS
SELECT sales.*, i.category
FROM sales, order_items AS i
WHERE i.order_id = sales.order_id AND NOT i.quantity <= 0;

CREATE OR REPLACE TABLE visits AS
SELECT *, CAST(event_time AS DATE) AS day FROM events WHERE CAST(event_time AS DATE) <= DATE '2025-06-30';

-- One row a buyer.
CREATE OR REPLACE TABLE buyers AS
SELECT customer_id, min(day) AS first_day, max(day) AS last_day, count(DISTINCT order_id) AS n, sum(cents) AS cents
FROM sales GROUP BY customer_id;

CREATE OR REPLACE TABLE expected_gender AS
SELECT customer_id, gender AS value FROM people WHERE gender IN ('female', 'male');

CREATE OR REPLACE TABLE expected_age_band AS
SELECT customer_id, band AS value
FROM people JOIN (VALUES (0, 18, 'under 18'), (17, 26, '18-25'), (25, 36, '26-35'), (35, 46, '36-45'), (45, 56, '46-55'),
  (55, 66, '56-65'), (65, 111, 'over 65')) AS bands (above, below, band) ON age > above AND age < below;

CREATE OR REPLACE TABLE expected_region AS
SELECT customer_id, area AS value
FROM people JOIN (VALUES ('上海', 'east'), ('北京', 'north'), ('广东', 'south'), ('浙江', 'east'), ('四川', 'southwest'),
  ('湖北', 'central'), ('江苏', 'east'), ('陕西', 'northwest'), ('山东', 'east'), ('福建', 'east'), ('云南', 'southwest'),
  ('河南', 'central'), ('贵州', 'southwest')) AS areas (place, area) ON province = place
UNION ALL
SELECT customer_id, 'abroad' FROM people WHERE city_tier = 'abroad';

CREATE OR REPLACE TABLE expected_decision_role AS
SELECT customer_id, part AS value
FROM people JOIN (VALUES ('owner', 'decision maker'), ('finance', 'influencer'), ('buyer', 'influencer'), ('user', 'user'))
  AS parts (job, part) ON job_role = job;

CREATE OR REPLACE TABLE expected_first_order_at AS
SELECT customer_id, ordered_at AS value
FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at) AS number FROM sales)
WHERE number = 1;

CREATE OR REPLACE TABLE expected_last_order_at AS
SELECT DISTINCT one.customer_id, one.ordered_at AS value
FROM sales AS one
WHERE NOT EXISTS (SELECT 1 FROM sales AS later WHERE later.customer_id = one.customer_id AND later.ordered_at > one.ordered_at);

-- A month is 487/16 days.
CREATE OR REPLACE TABLE expected_purchase_frequency AS
SELECT customer_id, CASE WHEN months16 * 3 <= n * 487 THEN 'high' WHEN months16 <= n * 487 THEN 'middle' ELSE 'low' END AS value
FROM (SELECT customer_id, n, CASE WHEN known * 16 > 487 THEN known * 16 ELSE 487 END AS months16
  FROM (SELECT customer_id, n, CAST(DATE '2025-06-30' - first_day AS BIGINT) AS known FROM buyers));

CREATE OR REPLACE TABLE expected_purchase_cycle AS
SELECT customer_id, round(avg(CAST(day - before AS DOUBLE)), 1) AS value
FROM (SELECT customer_id, day, lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS before
  FROM (SELECT DISTINCT customer_id, day FROM sales))
WHERE before IS NOT NULL GROUP BY customer_id;

CREATE OR REPLACE TABLE expected_last_category AS
SELECT customer_id, category AS value
FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at DESC, category) AS number FROM goods)
WHERE number = 1;

CREATE OR REPLACE TABLE expected_first_channel AS
SELECT sales.customer_id, min(channel) AS value
FROM sales JOIN (SELECT customer_id, min(ordered_at) AS earliest FROM sales GROUP BY customer_id) AS firsts
  ON sales.customer_id = firsts.customer_id AND ordered_at = earliest
GROUP BY sales.customer_id;

CREATE OR REPLACE TABLE expected_preferred_channel AS
SELECT customer_id, channel AS value
FROM (SELECT customer_id, channel, row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, channel) AS place
  FROM sales GROUP BY customer_id, channel)
WHERE place = 1;

CREATE OR REPLACE TABLE expected_active_hours AS
SELECT customer_id, part AS value
FROM (SELECT customer_id, part, row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, part) AS place
  FROM visits JOIN (VALUES ('00:00', '05:00', 'night'), ('05:00', '12:00', 'morning'), ('12:00', '18:00', 'afternoon'),
    ('18:00', '23:00', 'evening'), ('23:00', '24:00', 'night')) AS parts (since, till, part)
    ON to_char(event_time, '%H:%M') >= since AND to_char(event_time, '%H:%M') < till
  GROUP BY customer_id, part)
WHERE place = 1;

CREATE OR REPLACE TABLE expected_purchase_intent AS
SELECT customer_id, CASE WHEN seconds > 300 THEN 'high' WHEN seconds > 60 THEN 'middle' ELSE 'low' END AS value
FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY seconds DESC, event_id) AS place
  FROM visits WHERE event = 'view' AND day > DATE '2025-06-30' - INTERVAL '30 days')
WHERE place = 1;

CREATE OR REPLACE TABLE expected_browsed_not_bought AS
SELECT DISTINCT customer_id, category AS value
FROM (SELECT customer_id, category, sum(seconds) OVER (PARTITION BY customer_id, category) AS looked
  FROM visits WHERE event = 'view' AND day > DATE '2025-06-30' - INTERVAL '90 days') AS seen
WHERE looked > 119 AND NOT EXISTS (
  SELECT 1 FROM goods WHERE goods.customer_id = seen.customer_id AND goods.category = seen.category);

CREATE OR REPLACE TABLE expected_preferred_category AS
WITH lines AS (SELECT customer_id, category, count(*) AS n FROM goods GROUP BY customer_id, category),
most AS (SELECT customer_id, max(n) AS n FROM lines GROUP BY customer_id)
SELECT lines.customer_id, min(category) AS value
FROM lines JOIN most ON lines.customer_id = most.customer_id AND lines.n = most.n
GROUP BY lines.customer_id;

CREATE OR REPLACE TABLE expected_price_sensitivity AS
SELECT customer_id, CASE WHEN 10 * reduced >= 6 * n THEN 'high' WHEN 10 * reduced >= 3 * n THEN 'middle' ELSE 'low' END AS value
FROM (SELECT customer_id, count(*) AS n, sum(CASE WHEN discount = 0 THEN 0 ELSE 1 END) AS reduced FROM sales GROUP BY customer_id)
WHERE n > 2;

CREATE OR REPLACE TABLE expected_revenue AS
SELECT customer_id, concat(CAST(cents / 100 AS VARCHAR), '.', lpad(CAST(cents % 100 AS VARCHAR), 2, '0')) AS value FROM buyers;

CREATE OR REPLACE TABLE expected_order_value AS
SELECT customer_id, CASE WHEN cents >= 50000 * n THEN 'high' WHEN cents >= 20000 * n THEN 'middle' ELSE 'low' END AS value
FROM buyers;

-- Quintiles by rank, each score against its mean.
CREATE OR REPLACE TABLE expected_rfm_level AS
WITH measures AS (
  SELECT customer_id, CAST(DATE '2025-06-30' - last_day AS BIGINT) AS r, n AS f, cents AS m FROM buyers
), ranked AS (
  SELECT *, count(*) OVER () AS n, row_number() OVER (ORDER BY r) AS rank_r, row_number() OVER (ORDER BY f) AS rank_f,
    row_number() OVER (ORDER BY m) AS rank_m
  FROM measures
), cuts AS (
  SELECT cut, max(r) FILTER (WHERE rank_r = (cut * n + 4) / 5) AS cut_r, max(f) FILTER (WHERE rank_f = (cut * n + 4) / 5) AS cut_f,
    max(m) FILTER (WHERE rank_m = (cut * n + 4) / 5) AS cut_m
  FROM ranked CROSS JOIN (VALUES (1), (2), (3), (4)) AS four (cut)
  GROUP BY cut
), scores AS (
  SELECT customer_id, count(*) FILTER (WHERE r <= cut_r) AS r, count(*) FILTER (WHERE f > cut_f) AS f, count(*) FILTER (WHERE m > cut_m) AS m
  FROM measures CROSS JOIN cuts GROUP BY customer_id
), highs AS (
  SELECT customer_id, r * count(*) OVER () > sum(r) OVER () AS r, f * count(*) OVER () > sum(f) OVER () AS f,
    m * count(*) OVER () > sum(m) OVER () AS m
  FROM scores
)
SELECT customer_id, concat(weight, ' ', name) AS value
FROM highs
JOIN (VALUES (true, true, 'Value'), (true, false, 'Develop'), (false, true, 'Keep'), (false, false, 'Win-back'))
  AS cells (recent, often, name) ON r = recent AND f = often
JOIN (VALUES (true, 'Important'), (false, 'General')) AS weights (much, weight) ON m = much;

-- Buyers and revenue above each amount.
CREATE OR REPLACE TABLE above AS
SELECT cents, sum(buyers) OVER (ORDER BY cents DESC) - buyers AS buyers, sum(cents * buyers) OVER (ORDER BY cents DESC) - cents * buyers AS revenue
FROM (SELECT cents, count(*) AS buyers FROM buyers GROUP BY cents);

CREATE OR REPLACE TABLE expected_revenue_rank AS
SELECT customer_id, CASE WHEN 10 * (1 + above.buyers) <= (SELECT count(*) FROM buyers) THEN 'top'
  WHEN 2 * (1 + above.buyers) <= (SELECT count(*) FROM buyers) THEN 'upper' ELSE 'lower' END AS value
FROM buyers JOIN above ON buyers.cents = above.cents;

CREATE OR REPLACE TABLE expected_lifetime_tier AS
SELECT customer_id, CASE WHEN 10 * above.revenue < 5 * (SELECT sum(cents) FROM buyers) THEN 'whale'
  WHEN 10 * above.revenue < 8 * (SELECT sum(cents) FROM buyers) THEN 'dolphin' ELSE 'minnow' END AS value
FROM buyers JOIN above ON buyers.cents = above.cents;

CREATE OR REPLACE TABLE expected_complaints AS
SELECT one.customer_id, CASE coalesce(n, 0) WHEN 0 THEN 'none' WHEN 1 THEN 'once' ELSE 'repeated' END AS value
FROM (SELECT DISTINCT customer_id FROM visits) AS one
LEFT JOIN (SELECT customer_id, count(*) AS n FROM visits
  WHERE event = 'complaint' AND day >= DATE '2025-06-30' + INTERVAL '1 day' - INTERVAL '1 year' GROUP BY customer_id) AS two
  ON one.customer_id = two.customer_id;

CREATE OR REPLACE TABLE expected_pain_points AS
SELECT customer_id, 'complaint' AS value FROM visits WHERE event = 'complaint' AND day > DATE '2025-06-30' - INTERVAL '180 days'
UNION
SELECT customer_id, word FROM orders JOIN (VALUES ('cancelled', 'cancelled order'), ('refunded', 'refund')) AS words (state, word)
  ON status = state
WHERE customer_id > 0 AND CAST(ordered_at AS DATE) BETWEEN DATE '2025-06-30' - INTERVAL '179 days' AND DATE '2025-06-30'
UNION
SELECT customer_id, 'returned goods' FROM orders
WHERE customer_id > 0 AND CAST(ordered_at AS DATE) BETWEEN DATE '2025-06-30' - INTERVAL '179 days' AND DATE '2025-06-30'
  AND order_id IN (SELECT order_id FROM order_items WHERE quantity < 0)
UNION
SELECT customer_id, 'abandoned checkout' FROM visits AS tried
WHERE event = 'checkout' AND day > DATE '2025-06-30' - INTERVAL '180 days'
  AND NOT EXISTS (SELECT 1 FROM visits AS paid WHERE paid.session_id = tried.session_id AND paid.event = 'pay');

CREATE OR REPLACE TABLE expected_lifecycle_stage AS
SELECT people.customer_id, CASE
    WHEN first_day IS NULL THEN 'prospect'
    WHEN first_day >= DATE '2025-06-30' - INTERVAL '30 days' THEN 'new'
    WHEN last_day >= DATE '2025-06-30' - INTERVAL '90 days' THEN 'active'
    WHEN last_day >= DATE '2025-06-30' - INTERVAL '180 days' THEN 'at risk'
    ELSE 'lost'
  END AS value
FROM people LEFT JOIN buyers ON people.customer_id = buyers.customer_id;

-- The sign of the slope, in whole numbers: seconds and cents.
CREATE OR REPLACE TABLE expected_churn_warning AS
SELECT customer_id, CASE
    WHEN late AND falls THEN 'warning' WHEN late AND NOT falls THEN 'silent' WHEN NOT late AND falls THEN 'falling' ELSE 'none'
  END AS value
FROM (
  SELECT customer_id, max(day) < DATE '2025-06-30' - INTERVAL '90 days' AS late,
    count(*) * sum(CAST(x AS DECIMAL(38, 0)) * y) < CAST(sum(x) AS DECIMAL(38, 0)) * sum(y) AS falls
  FROM (SELECT customer_id, day, CAST(date_part('epoch', ordered_at) AS BIGINT) - 1688000000 AS x, CAST(cents AS DECIMAL(20, 0)) AS y FROM sales)
  GROUP BY customer_id);

CREATE OR REPLACE TABLE expected_value_at_risk AS
SELECT churn.customer_id, CASE WHEN churn.value IN ('silent', 'falling', 'none') THEN 'no warning'
  WHEN tier.value = 'minnow' THEN 'at risk' ELSE 'high value at risk' END AS value
FROM expected_churn_warning AS churn JOIN expected_lifetime_tier AS tier ON churn.customer_id = tier.customer_id;

-- Segments: their members, from the tables above.
CREATE OR REPLACE TABLE "expected segment 精致宝妈" AS
SELECT customer_id FROM people
WHERE gender = 'female' AND age >= 18 AND age <= 35
  AND customer_id IN (SELECT customer_id FROM expected_preferred_category WHERE value = 'mother and baby');

CREATE OR REPLACE TABLE "expected segment 科技极客" AS
SELECT customer_id FROM people
WHERE age >= 18 AND age <= 45
INTERSECT SELECT customer_id FROM expected_preferred_category WHERE value = 'electronics'
INTERSECT SELECT customer_id FROM expected_active_hours WHERE value NOT IN ('morning', 'afternoon');

CREATE OR REPLACE TABLE "expected segment 价格敏感" AS
SELECT customer_id FROM people WHERE job_role IS NULL
INTERSECT SELECT customer_id FROM expected_price_sensitivity WHERE value = 'high';

CREATE OR REPLACE TABLE "expected segment 品质优先" AS
SELECT customer_id FROM people WHERE job_role IS NULL
INTERSECT SELECT customer_id FROM expected_price_sensitivity WHERE value = 'low'
INTERSECT SELECT customer_id FROM buyers WHERE cents >= 50000 * n;

CREATE OR REPLACE TABLE "expected segment 高价值流失预警" AS
SELECT customer_id FROM expected_churn_warning WHERE value = 'warning'
EXCEPT SELECT customer_id FROM expected_lifetime_tier WHERE value = 'minnow';
