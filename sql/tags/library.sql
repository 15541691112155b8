-- The tag library: a profile of the customers and 26 tags in three levels. 客户画像标签库：三级标签体系。
-- Levels one and two are the path, the tag itself is the third. Thresholds are constants of each tag, in WITH: change
-- them there for another shop. Every rule gives exactly one value to each customer with data; customers without data have no value, as the coverage shows.
--
--   portrait -d crm run sql/shop.sql sql/tags/library.sql sql/tags/segments.sql sql/tags/refresh.sql sql/tags/overview.sql

-- What counts, defined once. 清洗口径。
-- An order counts if it was paid, neither cancelled nor refunded, and belongs to a known customer.
CREATE OR REPLACE VIEW paid_orders AS
SELECT * FROM orders WHERE status = 'paid' AND customer_id IS NOT NULL;

-- A line counts if its order counts and the goods were kept: a negative quantity is a return.
CREATE OR REPLACE VIEW paid_items AS
SELECT customer_id, order_id, ordered_at, product_id, product, category, quantity, price
FROM orders JOIN order_items USING (order_id)
WHERE status = 'paid' AND customer_id IS NOT NULL AND quantity > 0;

-- The customers of the profile. A refresh as of a day sees no later customer, order or event. Attributes have today's values.
CREATE OR REPLACE PROFILE customer WITH (
  key = 'customer_id',
  time_columns = 'customers.registered_at, orders.ordered_at, events.event_time',
  comment = '客户'
) AS
SELECT customer_id, name, age, city, city_tier, province, country, customer_type, job_role, registered_at, channel AS registered_in
FROM customers;


-- basic 基本属性 ----------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE TAG gender ON customer WITH (path = 'basic/demographics', type = 'rule', comment = '性别', owner = 'crm') AS
SELECT customer_id, CASE WHEN gender = 'female' THEN 'female' WHEN gender = 'male' THEN 'male' END AS gender
FROM customers;

-- Ages of −1, 0 and above 110 are mistakes: no value.
CREATE OR REPLACE TAG age_band ON customer WITH (path = 'basic/demographics', type = 'rule', comment = '年龄段', owner = 'crm') AS
SELECT customer_id, CASE
    WHEN age BETWEEN 1 AND 17 THEN 'under 18'
    WHEN age BETWEEN 18 AND 25 THEN '18-25'
    WHEN age BETWEEN 26 AND 35 THEN '26-35'
    WHEN age BETWEEN 36 AND 45 THEN '36-45'
    WHEN age BETWEEN 46 AND 55 THEN '46-55'
    WHEN age BETWEEN 56 AND 65 THEN '56-65'
    WHEN age BETWEEN 66 AND 110 THEN 'over 65'
  END AS age_band
FROM customers;

CREATE OR REPLACE TAG region ON customer WITH (path = 'basic/location', type = 'rule', comment = '大区', owner = 'crm') AS
SELECT customer_id, CASE
    WHEN country = 'China' AND province IN ('北京', '天津', '河北', '山西', '内蒙古') THEN 'north'
    WHEN country = 'China' AND province IN ('辽宁', '吉林', '黑龙江') THEN 'northeast'
    WHEN country = 'China' AND province IN ('上海', '江苏', '浙江', '安徽', '福建', '江西', '山东') THEN 'east'
    WHEN country = 'China' AND province IN ('河南', '湖北', '湖南') THEN 'central'
    WHEN country = 'China' AND province IN ('广东', '广西', '海南') THEN 'south'
    WHEN country = 'China' AND province IN ('重庆', '四川', '贵州', '云南', '西藏') THEN 'southwest'
    WHEN country = 'China' AND province IN ('陕西', '甘肃', '青海', '宁夏', '新疆') THEN 'northwest'
    WHEN country = 'China' AND province IN ('香港', '澳门', '台湾') THEN 'hong kong, macao, taiwan'
    WHEN country <> 'China' THEN 'abroad'
  END AS region
FROM customers;

-- The role of the contact in a company. Private customers have no value.
CREATE OR REPLACE TAG decision_role ON customer WITH (path = 'basic/business', type = 'rule', comment = '采购决策角色', owner = 'sales') AS
SELECT customer_id, CASE
    WHEN customer_type = 'business' AND job_role = 'owner' THEN 'decision maker'
    WHEN customer_type = 'business' AND job_role IN ('buyer', 'finance') THEN 'influencer'
    WHEN customer_type = 'business' AND job_role = 'user' THEN 'user'
  END AS decision_role
FROM customers;


-- behaviour 行为特征 --------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE TAG first_order_at ON customer WITH (path = 'behaviour/purchase', type = 'first_last', comment = '首次购买时间', owner = 'crm') AS
SELECT customer_id, min(ordered_at) AS first_order_at FROM paid_orders GROUP BY customer_id;

CREATE OR REPLACE TAG last_order_at ON customer WITH (path = 'behaviour/purchase', type = 'first_last', comment = '最近购买时间', owner = 'crm') AS
SELECT customer_id, max(ordered_at) AS last_order_at FROM paid_orders GROUP BY customer_id;

-- Orders per month, over the months (of 30.4375 days) from the first order to the refresh, at least one month.
CREATE OR REPLACE TAG purchase_frequency ON customer WITH (
  path = 'behaviour/purchase', type = 'rule', high = 3, middle = 1, comment = '购买频次（每月）', owner = 'crm'
) AS
SELECT customer_id, CASE
    WHEN per_month >= $high THEN 'high'
    WHEN per_month >= $middle AND per_month < $high THEN 'middle'
    WHEN per_month < $middle THEN 'low'
  END AS purchase_frequency
FROM (
  SELECT customer_id, count(*) / greatest(1.0, (CAST($as_of AS DATE) - CAST(min(ordered_at) AS DATE)) / 30.4375) AS per_month
  FROM paid_orders GROUP BY customer_id);

-- Mean number of days between days with purchases; needs two such days.
CREATE OR REPLACE TAG purchase_cycle ON customer WITH (path = 'behaviour/purchase', type = 'statistical', comment = '购买周期（天）', owner = 'crm') AS
SELECT customer_id, round(purchase_cycle(ordered_at), 1) AS purchase_cycle FROM paid_orders GROUP BY customer_id;

CREATE OR REPLACE TAG last_category ON customer WITH (path = 'behaviour/purchase', type = 'first_last', comment = '最近购买品类', owner = 'crm') AS
SELECT customer_id, last_value_by(category, ordered_at) AS last_category FROM paid_items GROUP BY customer_id;

CREATE OR REPLACE TAG first_channel ON customer WITH (path = 'behaviour/channel', type = 'first_last', comment = '首购渠道', owner = 'marketing') AS
SELECT customer_id, first_value_by(channel, ordered_at) AS first_channel FROM paid_orders GROUP BY customer_id;

CREATE OR REPLACE TAG preferred_channel ON customer WITH (path = 'behaviour/channel', type = 'preference', comment = '偏好渠道', owner = 'marketing') AS
SELECT customer_id, preference(channel) AS preferred_channel FROM paid_orders GROUP BY customer_id;

-- The part of the day with the most events: morning from 5, afternoon from 12, evening from 18, night from 23.
CREATE OR REPLACE TAG active_hours ON customer WITH (
  path = 'behaviour/visits', type = 'preference', morning = 5, afternoon = 12, evening = 18, night = 23, comment = '活跃时段', owner = 'marketing'
) AS
SELECT customer_id, preference(CASE
    WHEN date_part('hour', event_time) >= $morning AND date_part('hour', event_time) < $afternoon THEN 'morning'
    WHEN date_part('hour', event_time) >= $afternoon AND date_part('hour', event_time) < $evening THEN 'afternoon'
    WHEN date_part('hour', event_time) >= $evening AND date_part('hour', event_time) < $night THEN 'evening'
    ELSE 'night'
  END) AS active_hours
FROM events GROUP BY customer_id;

-- The longest view of one product in the last 30 days: over five minutes is high. Customers without a view have no value.
CREATE OR REPLACE TAG purchase_intent ON customer WITH (
  path = 'behaviour/visits', type = 'rule', span = INTERVAL '30 days', high = 300, middle = 60, comment = '购买意向', owner = 'sales'
) AS
SELECT customer_id, CASE
    WHEN max(seconds) > $high THEN 'high'
    WHEN max(seconds) > $middle AND max(seconds) <= $high THEN 'middle'
    WHEN max(seconds) <= $middle THEN 'low'
  END AS purchase_intent
FROM events WHERE event = 'view' AND event_time > $as_of - $span GROUP BY customer_id;

-- Categories viewed for two minutes or more in the last 90 days but never bought; several values.
CREATE OR REPLACE TAG browsed_not_bought ON customer WITH (
  path = 'behaviour/visits', type = 'sql', multiple = true, span = INTERVAL '90 days', seconds = 120, comment = '浏览未购品类', owner = 'marketing'
) AS
SELECT customer_id, category AS browsed_not_bought FROM events
WHERE event = 'view' AND event_time > $as_of - $span GROUP BY customer_id, category HAVING sum(seconds) >= $seconds
EXCEPT
SELECT customer_id, category FROM paid_items;


-- preference 消费偏好 --------------------------------------------------------------------------------------------------------------

-- By order lines, not by money: otherwise one telephone would outweigh a year of nappies.
CREATE OR REPLACE TAG preferred_category ON customer WITH (path = 'preference/goods', type = 'preference', comment = '偏好品类', owner = 'marketing') AS
SELECT customer_id, preference(category) AS preferred_category FROM paid_items GROUP BY customer_id;

-- The share of orders with a discount. Customers with fewer than three orders have no value.
CREATE OR REPLACE TAG price_sensitivity ON customer WITH (
  path = 'preference/price', type = 'rule', high = 0.6, middle = 0.3, least_orders = 3, comment = '价格敏感度', owner = 'marketing'
) AS
SELECT customer_id, CASE
    WHEN avg(CASE WHEN discount > 0 THEN 1.0 ELSE 0.0 END) >= $high THEN 'high'
    WHEN avg(CASE WHEN discount > 0 THEN 1.0 ELSE 0.0 END) >= $middle AND avg(CASE WHEN discount > 0 THEN 1.0 ELSE 0.0 END) < $high THEN 'middle'
    WHEN avg(CASE WHEN discount > 0 THEN 1.0 ELSE 0.0 END) < $middle THEN 'low'
  END AS price_sensitivity
FROM paid_orders GROUP BY customer_id HAVING count(*) >= $least_orders;


-- value 客户价值 -------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE TAG revenue ON customer WITH (path = 'value/spending', type = 'statistical', comment = '累计消费额', owner = 'finance') AS
SELECT customer_id, sum(amount) AS revenue FROM paid_orders GROUP BY customer_id;

-- The average amount of an order, in yuan.
CREATE OR REPLACE TAG order_value ON customer WITH (
  path = 'value/spending', type = 'rule', high = 500, middle = 200, comment = '客单价', owner = 'finance'
) AS
SELECT customer_id, CASE
    WHEN avg(amount) >= $high THEN 'high'
    WHEN avg(amount) >= $middle AND avg(amount) < $high THEN 'middle'
    WHEN avg(amount) < $middle THEN 'low'
  END AS order_value
FROM paid_orders GROUP BY customer_id;

-- The eight cells of RFM, in English; labels => 'zh' gives the Chinese names.
CREATE OR REPLACE TAG rfm_level ON customer WITH (path = 'value/rfm', type = 'rfm', comment = 'RFM 八类', owner = 'crm') AS
SELECT customer_id, segment AS rfm_level
FROM rfm(paid_orders, customer => customer_id, order_time => ordered_at, amount => amount,
  as_of => CAST($as_of AS DATE), scheme => 'eight');

-- The rank by revenue among all buyers: the top tenth, down to the half, the rest. Ties share the better rank.
CREATE OR REPLACE TAG revenue_rank ON customer WITH (
  path = 'value/rank', type = 'ranking', top = 0.1, upper_part = 0.5, comment = '消费额排名', owner = 'finance'
) AS
SELECT customer_id, CASE
    WHEN place <= $top THEN 'top'
    WHEN place > $top AND place <= $upper_part THEN 'upper'
    WHEN place > $upper_part THEN 'lower'
  END AS revenue_rank
FROM (
  SELECT customer_id, CAST(rank() OVER (ORDER BY revenue DESC) AS DOUBLE) / count(*) OVER () AS place
  FROM profile.customer WHERE revenue IS NOT NULL);

-- Whales together bring the first half of all revenue, dolphins the next 30 %, minnows the rest:
-- by the share of revenue that comes from customers who spent more.
CREATE OR REPLACE TAG lifetime_tier ON customer WITH (
  path = 'value/rank', type = 'ranking', whales = 0.5, dolphins = 0.8, comment = '生命周期价值分层（鲸鱼/海豚/小鱼）', owner = 'finance'
) AS
SELECT customer_id, CASE
    WHEN share_above < $whales THEN 'whale'
    WHEN share_above >= $whales AND share_above < $dolphins THEN 'dolphin'
    WHEN share_above >= $dolphins THEN 'minnow'
  END AS lifetime_tier
FROM (
  SELECT customer_id, CAST(coalesce(sum(revenue) OVER (ORDER BY revenue DESC GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS DOUBLE)
    / CAST(sum(revenue) OVER () AS DOUBLE) AS share_above
  FROM (SELECT customer_id, sum(amount) AS revenue FROM paid_orders GROUP BY customer_id));


-- service 服务 ---------------------------------------------------------------------------------------------------------------------

-- Complaints in the last year, for everyone who visited at all.
CREATE OR REPLACE TAG complaints ON customer WITH (
  path = 'service/complaints', type = 'rule', span = INTERVAL '1 year', comment = '投诉情况', owner = 'service'
) AS
SELECT customer_id, CASE
    WHEN count(*) FILTER (WHERE event = 'complaint' AND event_time > $as_of - $span) >= 2 THEN 'repeated'
    WHEN count(*) FILTER (WHERE event = 'complaint' AND event_time > $as_of - $span) = 1 THEN 'once'
    WHEN count(*) FILTER (WHERE event = 'complaint' AND event_time > $as_of - $span) = 0 THEN 'none'
  END AS complaints
FROM events GROUP BY customer_id;

-- What went wrong in the last half year; several values. A checkout is abandoned if its visit ended without payment.
CREATE OR REPLACE TAG pain_points ON customer WITH (
  path = 'service/complaints', type = 'sql', multiple = true, span = INTERVAL '180 days', comment = '痛点', owner = 'service'
) AS
SELECT customer_id, 'complaint' AS pain_points FROM events WHERE event = 'complaint' AND event_time > $as_of - $span
UNION ALL
SELECT customer_id, CASE WHEN status = 'cancelled' THEN 'cancelled order' WHEN status = 'refunded' THEN 'refund' END FROM orders
WHERE ordered_at > $as_of - $span
UNION ALL
SELECT customer_id, 'returned goods' FROM orders JOIN order_items USING (order_id) WHERE quantity < 0 AND ordered_at > $as_of - $span
UNION ALL
SELECT customer_id, 'abandoned checkout' FROM events WHERE event IN ('checkout', 'pay')
GROUP BY customer_id, session_id HAVING count(*) FILTER (WHERE event = 'pay') = 0 AND max(event_time) > $as_of - $span;


-- lifecycle 生命周期 ---------------------------------------------------------------------------------------------------------------

-- From the days of the first and the last purchase: new for 30 days, active up to 90 days of silence, at risk up to 180, then lost.
CREATE OR REPLACE TAG lifecycle_stage ON customer WITH (
  path = 'lifecycle/stage', type = 'lifecycle', new_days = 30, active_days = 90, risk_days = 180, comment = '生命周期阶段', owner = 'crm'
) AS
SELECT customer_id, CASE
    WHEN silent_days IS NULL THEN 'prospect'
    WHEN known_days <= $new_days THEN 'new'
    WHEN known_days > $new_days AND silent_days <= $active_days THEN 'active'
    WHEN known_days > $new_days AND silent_days > $active_days AND silent_days <= $risk_days THEN 'at risk'
    WHEN known_days > $new_days AND silent_days > $risk_days THEN 'lost'
  END AS lifecycle_stage
FROM (
  SELECT customer_id,
    CAST($as_of AS DATE) - CAST(first_order_at AS DATE) AS known_days,
    CAST($as_of AS DATE) - CAST(last_order_at AS DATE) AS silent_days
  FROM profile.customer);

-- A warning: no purchase for over 90 days, and smaller orders before. A customer with only one of the two signs gets another value.
CREATE OR REPLACE TAG churn_warning ON customer WITH (
  path = 'lifecycle/risk', type = 'rule', days = 90, comment = '流失预警', owner = 'crm'
) AS
SELECT customer_id, CASE
    WHEN silent_days > $days AND slope < 0 THEN 'warning'
    WHEN silent_days > $days AND slope >= 0 THEN 'silent'
    WHEN silent_days <= $days AND slope < 0 THEN 'falling'
    WHEN silent_days <= $days AND slope >= 0 THEN 'none'
  END AS churn_warning
FROM (
  SELECT customer_id, CAST($as_of AS DATE) - CAST(max(ordered_at) AS DATE) AS silent_days, coalesce(trend(ordered_at, amount), 0) AS slope
  FROM paid_orders GROUP BY customer_id);

CREATE OR REPLACE TAG value_at_risk ON customer WITH (
  path = 'lifecycle/risk', type = 'derived', comment = '高价值流失风险', owner = 'crm'
) AS
SELECT customer_id, CASE
    WHEN churn_warning = 'warning' AND lifetime_tier IN ('whale', 'dolphin') THEN 'high value at risk'
    WHEN churn_warning = 'warning' AND lifetime_tier = 'minnow' THEN 'at risk'
    WHEN churn_warning <> 'warning' THEN 'no warning'
  END AS value_at_risk
FROM profile.customer;
