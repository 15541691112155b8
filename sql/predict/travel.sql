-- Where people like to travel and when, and what they can spend: preferences that are beyond chance, as tags. 旅游画像：目的地偏好、季节、消费能力。
-- Put your own bookings in place of the 5,000 made here: a third of each traveller's trips go to a favourite kind of place.
CREATE OR REPLACE TABLE bookings AS
WITH drawn AS (
  SELECT value AS booking_id, 1 + CAST(floor(900 * ((value * 1.4142135623731) % 1)) AS BIGINT) AS traveller_id, (value * 1.7320508075689) % 1 AS a,
    (value * 2.2360679774998) % 1 AS b, (value * 2.6457513110646) % 1 AS c
  FROM generate_series(1, 5000))
SELECT booking_id, traveller_id,
  (ARRAY['海岛', '古城', '雪山', '都市', '乡村'])[1 + CASE WHEN a < 0.55 THEN traveller_id % 5 ELSE CAST(floor(5 * b) AS BIGINT) END] AS destination,
  DATE '2023-07-01' + CAST(floor(730 * CASE WHEN traveller_id % 3 = 0 THEN c * c ELSE c END) AS INTEGER) AS departure,
  round((400 + 90 * (traveller_id % 40)) * (0.6 + 0.8 * b), 2) AS price
FROM drawn;

-- Preference: a traveller's share of a kind of place, over everybody's; two trips at least, and lift 1.5, make a preference. 目的地偏好。
CREATE OR REPLACE VIEW liked AS
WITH counted AS (SELECT traveller_id, destination, count(*) AS trips, sum(count(*)) OVER (PARTITION BY traveller_id) AS all_trips FROM bookings GROUP BY traveller_id, destination),
everybody AS (SELECT destination, count(*) / (SELECT CAST(count(*) AS DOUBLE) FROM bookings) AS share FROM bookings GROUP BY destination)
SELECT traveller_id, destination, trips, trips / CAST(all_trips AS DOUBLE) / share AS lift
FROM counted JOIN everybody USING (destination) WHERE trips >= 2 AND trips / CAST(all_trips AS DOUBLE) / share >= 1.5
QUALIFY row_number() OVER (PARTITION BY traveller_id ORDER BY trips DESC, lift DESC, destination) = 1;
SELECT destination, count(*) AS travellers, round(avg(lift), 2) AS lift FROM liked GROUP BY destination ORDER BY travellers DESC, destination;

-- Season: three trips or more, and over half of them in one. 出行季节。
CREATE OR REPLACE VIEW seasons AS
SELECT traveller_id, season, count(*) AS trips FROM (
  SELECT traveller_id, CASE WHEN extract(month FROM departure) IN (3, 4, 5) THEN '春' WHEN extract(month FROM departure) IN (6, 7, 8) THEN '夏'
    WHEN extract(month FROM departure) IN (9, 10, 11) THEN '秋' ELSE '冬' END AS season FROM bookings)
GROUP BY traveller_id, season QUALIFY sum(count(*)) OVER (PARTITION BY traveller_id) >= 3 AND 2 * count(*) > sum(count(*)) OVER (PARTITION BY traveller_id);
SELECT season, count(*) AS travellers FROM seasons GROUP BY season ORDER BY travellers DESC, season;

-- Spending power: the median price of one's trips, among everybody's. 消费能力。
CREATE OR REPLACE VIEW spending AS
SELECT traveller_id, typical_price, CASE WHEN percent_rank() OVER (ORDER BY typical_price) >= 0.9 THEN '高端' WHEN percent_rank() OVER (ORDER BY typical_price) >= 0.4 THEN '舒适' ELSE '经济' END AS spending_power
FROM (SELECT traveller_id, median(price) AS typical_price FROM bookings GROUP BY traveller_id);
SELECT spending_power, count(*) AS travellers, round(avg(typical_price)) AS typical_price FROM spending GROUP BY spending_power ORDER BY typical_price DESC;

-- Tags, and whom to write to about the islands in winter. 标签与人群。
CREATE OR REPLACE PROFILE traveller WITH (key = 'traveller_id', time_columns = 'bookings.departure') AS SELECT DISTINCT traveller_id FROM bookings;
CREATE OR REPLACE TAG destination_liked ON traveller WITH (path = 'travel/preference', comment = '目的地偏好') AS SELECT traveller_id, destination FROM liked;
CREATE OR REPLACE TAG season_liked ON traveller WITH (path = 'travel/preference', comment = '出行季节') AS SELECT traveller_id, season FROM seasons;
CREATE OR REPLACE TAG spending_power ON traveller WITH (path = 'travel/value', comment = '消费能力') AS SELECT traveller_id, spending_power FROM spending;
CREATE OR REPLACE SEGMENT islands_in_comfort ON traveller AS destination_liked = '海岛' AND spending_power IN ('高端', '舒适');
REFRESH PROFILE traveller WITH (as_of = DATE '2025-06-30');
SELECT destination_liked, spending_power, count(*) AS travellers FROM profile.traveller GROUP BY ALL ORDER BY destination_liked NULLS LAST, spending_power;
SELECT count(*) AS islands_in_comfort FROM segment.islands_in_comfort;
