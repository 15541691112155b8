-- 客户画像标签库，取值为中文：一个客户画像和三级目录的 26 个标签，与 library.sql 相同，只有取值和注释不同。
-- path 是第一、二级，标签本身是第三级。阈值是各标签 WITH 中的常量，用于别的商店时在那里修改。有数据的客户在每条规则下恰有一个取值，
-- 没有数据的客户没有取值，覆盖率会显示出来。
--
--   portrait -d crm run sql/shop.sql sql/tags/library.zh.sql sql/tags/segments.zh.sql sql/tags/refresh.sql

-- 什么算数，只定义一次。
-- 已付款、未取消、未退款，且客户已知的订单才算。
CREATE OR REPLACE VIEW paid_orders AS
SELECT * FROM orders WHERE status = 'paid' AND customer_id IS NOT NULL;

-- 订单算数且货品没有退回的商品行才算：数量为负即退货。
CREATE OR REPLACE VIEW paid_items AS
SELECT customer_id, order_id, ordered_at, product_id, product, category, quantity, price
FROM orders JOIN order_items USING (order_id)
WHERE status = 'paid' AND customer_id IS NOT NULL AND quantity > 0;

-- 画像中的客户。截至某一天的刷新看不到更晚的客户、订单和事件；属性取今天的值。
CREATE OR REPLACE PROFILE customer WITH (
  key = 'customer_id',
  time_columns = 'customers.registered_at, orders.ordered_at, events.event_time',
  comment = '客户'
) AS
SELECT customer_id, name, age, city, city_tier, province, country, customer_type, job_role, registered_at, channel AS registered_in
FROM customers;


-- 基本属性 --------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE TAG gender ON customer WITH (path = 'basic/demographics', type = 'rule', comment = '性别', owner = 'crm') AS
SELECT customer_id, CASE WHEN gender = 'female' THEN '女' WHEN gender = 'male' THEN '男' END AS gender
FROM customers;

-- −1、0 和 110 以上的年龄是错误：没有取值。
CREATE OR REPLACE TAG age_band ON customer WITH (path = 'basic/demographics', type = 'rule', comment = '年龄段', owner = 'crm') AS
SELECT customer_id, CASE
    WHEN age BETWEEN 1 AND 17 THEN '18 岁以下'
    WHEN age BETWEEN 18 AND 25 THEN '18-25'
    WHEN age BETWEEN 26 AND 35 THEN '26-35'
    WHEN age BETWEEN 36 AND 45 THEN '36-45'
    WHEN age BETWEEN 46 AND 55 THEN '46-55'
    WHEN age BETWEEN 56 AND 65 THEN '56-65'
    WHEN age BETWEEN 66 AND 110 THEN '65 岁以上'
  END AS age_band
FROM customers;

CREATE OR REPLACE TAG region ON customer WITH (path = 'basic/location', type = 'rule', comment = '大区', owner = 'crm') AS
SELECT customer_id, CASE
    WHEN country = 'China' AND province IN ('北京', '天津', '河北', '山西', '内蒙古') THEN '华北'
    WHEN country = 'China' AND province IN ('辽宁', '吉林', '黑龙江') THEN '东北'
    WHEN country = 'China' AND province IN ('上海', '江苏', '浙江', '安徽', '福建', '江西', '山东') THEN '华东'
    WHEN country = 'China' AND province IN ('河南', '湖北', '湖南') THEN '华中'
    WHEN country = 'China' AND province IN ('广东', '广西', '海南') THEN '华南'
    WHEN country = 'China' AND province IN ('重庆', '四川', '贵州', '云南', '西藏') THEN '西南'
    WHEN country = 'China' AND province IN ('陕西', '甘肃', '青海', '宁夏', '新疆') THEN '西北'
    WHEN country = 'China' AND province IN ('香港', '澳门', '台湾') THEN '港澳台'
    WHEN country <> 'China' THEN '海外'
  END AS region
FROM customers;

-- 联系人在公司中的角色。个人客户没有取值。
CREATE OR REPLACE TAG decision_role ON customer WITH (path = 'basic/business', type = 'rule', comment = '采购决策角色', owner = 'sales') AS
SELECT customer_id, CASE
    WHEN customer_type = 'business' AND job_role = 'owner' THEN '决策者'
    WHEN customer_type = 'business' AND job_role IN ('buyer', 'finance') THEN '影响者'
    WHEN customer_type = 'business' AND job_role = 'user' THEN '使用者'
  END AS decision_role
FROM customers;


-- 行为特征 --------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE TAG first_order_at ON customer WITH (path = 'behaviour/purchase', type = 'first_last', comment = '首次购买时间', owner = 'crm') AS
SELECT customer_id, min(ordered_at) AS first_order_at FROM paid_orders GROUP BY customer_id;

CREATE OR REPLACE TAG last_order_at ON customer WITH (path = 'behaviour/purchase', type = 'first_last', comment = '最近购买时间', owner = 'crm') AS
SELECT customer_id, max(ordered_at) AS last_order_at FROM paid_orders GROUP BY customer_id;

-- 每月订单数：从首单到刷新的月数（每月 30.4375 天），至少按一个月计。
CREATE OR REPLACE TAG purchase_frequency ON customer WITH (
  path = 'behaviour/purchase', type = 'rule', high = 3, middle = 1, comment = '购买频次（每月）', owner = 'crm'
) AS
SELECT customer_id, CASE
    WHEN per_month >= $high THEN '高'
    WHEN per_month >= $middle AND per_month < $high THEN '中'
    WHEN per_month < $middle THEN '低'
  END AS purchase_frequency
FROM (
  SELECT customer_id, count(*) / greatest(1.0, (CAST($as_of AS DATE) - CAST(min(ordered_at) AS DATE)) / 30.4375) AS per_month
  FROM paid_orders GROUP BY customer_id);

-- 有购买的日子之间平均相隔的天数；至少需要两个这样的日子。
CREATE OR REPLACE TAG purchase_cycle ON customer WITH (path = 'behaviour/purchase', type = 'statistical', comment = '购买周期（天）', owner = 'crm') AS
SELECT customer_id, round(purchase_cycle(ordered_at), 1) AS purchase_cycle FROM paid_orders GROUP BY customer_id;

CREATE OR REPLACE TAG last_category ON customer WITH (path = 'behaviour/purchase', type = 'first_last', comment = '最近购买品类', owner = 'crm') AS
SELECT customer_id, last_value_by(category, ordered_at) AS last_category FROM paid_items GROUP BY customer_id;

CREATE OR REPLACE TAG first_channel ON customer WITH (path = 'behaviour/channel', type = 'first_last', comment = '首购渠道', owner = 'marketing') AS
SELECT customer_id, first_value_by(channel, ordered_at) AS first_channel FROM paid_orders GROUP BY customer_id;

CREATE OR REPLACE TAG preferred_channel ON customer WITH (path = 'behaviour/channel', type = 'preference', comment = '偏好渠道', owner = 'marketing') AS
SELECT customer_id, preference(channel) AS preferred_channel FROM paid_orders GROUP BY customer_id;

-- 事件最多的时段：上午从 5 点起，下午从 12 点起，晚上从 18 点起，深夜从 23 点起。
CREATE OR REPLACE TAG active_hours ON customer WITH (
  path = 'behaviour/visits', type = 'preference', morning = 5, afternoon = 12, evening = 18, night = 23, comment = '活跃时段', owner = 'marketing'
) AS
SELECT customer_id, preference(CASE
    WHEN date_part('hour', event_time) >= $morning AND date_part('hour', event_time) < $afternoon THEN '上午'
    WHEN date_part('hour', event_time) >= $afternoon AND date_part('hour', event_time) < $evening THEN '下午'
    WHEN date_part('hour', event_time) >= $evening AND date_part('hour', event_time) < $night THEN '晚上'
    ELSE '深夜'
  END) AS active_hours
FROM events GROUP BY customer_id;

-- 最近 30 天内对一件商品最长的一次浏览：超过五分钟为高。没有浏览的客户没有取值。
CREATE OR REPLACE TAG purchase_intent ON customer WITH (
  path = 'behaviour/visits', type = 'rule', span = INTERVAL '30 days', high = 300, middle = 60, comment = '购买意向', owner = 'sales'
) AS
SELECT customer_id, CASE
    WHEN max(seconds) > $high THEN '高'
    WHEN max(seconds) > $middle AND max(seconds) <= $high THEN '中'
    WHEN max(seconds) <= $middle THEN '低'
  END AS purchase_intent
FROM events WHERE event = 'view' AND event_time > $as_of - $span GROUP BY customer_id;

-- 最近 90 天浏览两分钟以上、但从未购买的品类；可有多个取值。
CREATE OR REPLACE TAG browsed_not_bought ON customer WITH (
  path = 'behaviour/visits', type = 'sql', multiple = true, span = INTERVAL '90 days', seconds = 120, comment = '浏览未购品类', owner = 'marketing'
) AS
SELECT customer_id, category AS browsed_not_bought FROM events
WHERE event = 'view' AND event_time > $as_of - $span GROUP BY customer_id, category HAVING sum(seconds) >= $seconds
EXCEPT
SELECT customer_id, category FROM paid_items;


-- 消费偏好 --------------------------------------------------------------------------------------------------------------

-- 按商品行而不是按金额：否则一部手机就超过一年的纸尿裤。
CREATE OR REPLACE TAG preferred_category ON customer WITH (path = 'preference/goods', type = 'preference', comment = '偏好品类', owner = 'marketing') AS
SELECT customer_id, preference(category) AS preferred_category FROM paid_items GROUP BY customer_id;

-- 打折订单的比例。不足三单的客户没有取值。
CREATE OR REPLACE TAG price_sensitivity ON customer WITH (
  path = 'preference/price', type = 'rule', high = 0.6, middle = 0.3, least_orders = 3, comment = '价格敏感度', owner = 'marketing'
) AS
SELECT customer_id, CASE
    WHEN avg(CASE WHEN discount > 0 THEN 1.0 ELSE 0.0 END) >= $high THEN '高'
    WHEN avg(CASE WHEN discount > 0 THEN 1.0 ELSE 0.0 END) >= $middle AND avg(CASE WHEN discount > 0 THEN 1.0 ELSE 0.0 END) < $high THEN '中'
    WHEN avg(CASE WHEN discount > 0 THEN 1.0 ELSE 0.0 END) < $middle THEN '低'
  END AS price_sensitivity
FROM paid_orders GROUP BY customer_id HAVING count(*) >= $least_orders;


-- 客户价值 --------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE TAG revenue ON customer WITH (path = 'value/spending', type = 'statistical', comment = '累计消费额', owner = 'finance') AS
SELECT customer_id, sum(amount) AS revenue FROM paid_orders GROUP BY customer_id;

-- 每单的平均金额（元）。
CREATE OR REPLACE TAG order_value ON customer WITH (
  path = 'value/spending', type = 'rule', high = 500, middle = 200, comment = '客单价', owner = 'finance'
) AS
SELECT customer_id, CASE
    WHEN avg(amount) >= $high THEN '高'
    WHEN avg(amount) >= $middle AND avg(amount) < $high THEN '中'
    WHEN avg(amount) < $middle THEN '低'
  END AS order_value
FROM paid_orders GROUP BY customer_id;

-- RFM 的八类客户，名称为中文。
CREATE OR REPLACE TAG rfm_level ON customer WITH (path = 'value/rfm', type = 'rfm', comment = 'RFM 八类', owner = 'crm') AS
SELECT customer_id, segment AS rfm_level
FROM rfm(paid_orders, customer => customer_id, order_time => ordered_at, amount => amount,
  as_of => CAST($as_of AS DATE), scheme => 'eight', labels => 'zh');

-- 按消费额在所有购买者中的名次：前十分之一、到一半为止、其余。并列者取较好的名次。
CREATE OR REPLACE TAG revenue_rank ON customer WITH (
  path = 'value/rank', type = 'ranking', top = 0.1, upper_part = 0.5, comment = '消费额排名', owner = 'finance'
) AS
SELECT customer_id, CASE
    WHEN place <= $top THEN '头部'
    WHEN place > $top AND place <= $upper_part THEN '中上'
    WHEN place > $upper_part THEN '中下'
  END AS revenue_rank
FROM (
  SELECT customer_id, CAST(rank() OVER (ORDER BY revenue DESC) AS DOUBLE) / count(*) OVER () AS place
  FROM profile.customer WHERE revenue IS NOT NULL);

-- 鲸鱼合计带来收入的前一半，海豚带来其后的 30 %，小鱼为其余：
-- 按消费更多的客户所占的收入份额划分。
CREATE OR REPLACE TAG lifetime_tier ON customer WITH (
  path = 'value/rank', type = 'ranking', whales = 0.5, dolphins = 0.8, comment = '生命周期价值分层（鲸鱼/海豚/小鱼）', owner = 'finance'
) AS
SELECT customer_id, CASE
    WHEN share_above < $whales THEN '鲸鱼'
    WHEN share_above >= $whales AND share_above < $dolphins THEN '海豚'
    WHEN share_above >= $dolphins THEN '小鱼'
  END AS lifetime_tier
FROM (
  SELECT customer_id, CAST(coalesce(sum(revenue) OVER (ORDER BY revenue DESC GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS DOUBLE)
    / CAST(sum(revenue) OVER () AS DOUBLE) AS share_above
  FROM (SELECT customer_id, sum(amount) AS revenue FROM paid_orders GROUP BY customer_id));


-- 服务 --------------------------------------------------------------------------------------------------------------

-- 最近一年的投诉，针对所有来访过的客户。
CREATE OR REPLACE TAG complaints ON customer WITH (
  path = 'service/complaints', type = 'rule', span = INTERVAL '1 year', comment = '投诉情况', owner = 'service'
) AS
SELECT customer_id, CASE
    WHEN count(*) FILTER (WHERE event = 'complaint' AND event_time > $as_of - $span) >= 2 THEN '多次'
    WHEN count(*) FILTER (WHERE event = 'complaint' AND event_time > $as_of - $span) = 1 THEN '一次'
    WHEN count(*) FILTER (WHERE event = 'complaint' AND event_time > $as_of - $span) = 0 THEN '无'
  END AS complaints
FROM events GROUP BY customer_id;

-- 最近半年出过什么问题；可有多个取值。访问结束而没有付款，即为放弃结账。
CREATE OR REPLACE TAG pain_points ON customer WITH (
  path = 'service/complaints', type = 'sql', multiple = true, span = INTERVAL '180 days', comment = '痛点', owner = 'service'
) AS
SELECT customer_id, '投诉' AS pain_points FROM events WHERE event = 'complaint' AND event_time > $as_of - $span
UNION ALL
SELECT customer_id, CASE WHEN status = 'cancelled' THEN '取消订单' WHEN status = 'refunded' THEN '退款' END FROM orders
WHERE ordered_at > $as_of - $span
UNION ALL
SELECT customer_id, '退货' FROM orders JOIN order_items USING (order_id) WHERE quantity < 0 AND ordered_at > $as_of - $span
UNION ALL
SELECT customer_id, '放弃结账' FROM events WHERE event IN ('checkout', 'pay')
GROUP BY customer_id, session_id HAVING count(*) FILTER (WHERE event = 'pay') = 0 AND max(event_time) > $as_of - $span;


-- 生命周期 --------------------------------------------------------------------------------------------------------------

-- 由首次和最近购买的日期得出：30 天内为新客，沉默不超过 90 天为活跃，不超过 180 天为流失风险，其后为已流失。
CREATE OR REPLACE TAG lifecycle_stage ON customer WITH (
  path = 'lifecycle/stage', type = 'lifecycle', new_days = 30, active_days = 90, risk_days = 180, comment = '生命周期阶段', owner = 'crm'
) AS
SELECT customer_id, CASE
    WHEN silent_days IS NULL THEN '潜在客户'
    WHEN known_days <= $new_days THEN '新客'
    WHEN known_days > $new_days AND silent_days <= $active_days THEN '活跃'
    WHEN known_days > $new_days AND silent_days > $active_days AND silent_days <= $risk_days THEN '流失风险'
    WHEN known_days > $new_days AND silent_days > $risk_days THEN '已流失'
  END AS lifecycle_stage
FROM (
  SELECT customer_id,
    CAST($as_of AS DATE) - CAST(first_order_at AS DATE) AS known_days,
    CAST($as_of AS DATE) - CAST(last_order_at AS DATE) AS silent_days
  FROM profile.customer);

-- 预警：超过 90 天没有购买，且之前的订单越来越小。只有其中一个迹象的客户得到另外的取值。
CREATE OR REPLACE TAG churn_warning ON customer WITH (
  path = 'lifecycle/risk', type = 'rule', days = 90, comment = '流失预警', owner = 'crm'
) AS
SELECT customer_id, CASE
    WHEN silent_days > $days AND slope < 0 THEN '预警'
    WHEN silent_days > $days AND slope >= 0 THEN '沉默'
    WHEN silent_days <= $days AND slope < 0 THEN '下滑'
    WHEN silent_days <= $days AND slope >= 0 THEN '无'
  END AS churn_warning
FROM (
  SELECT customer_id, CAST($as_of AS DATE) - CAST(max(ordered_at) AS DATE) AS silent_days, coalesce(trend(ordered_at, amount), 0) AS slope
  FROM paid_orders GROUP BY customer_id);

CREATE OR REPLACE TAG value_at_risk ON customer WITH (
  path = 'lifecycle/risk', type = 'derived', comment = '高价值流失风险', owner = 'crm'
) AS
SELECT customer_id, CASE
    WHEN churn_warning = '预警' AND lifetime_tier IN ('鲸鱼', '海豚') THEN '高价值有流失风险'
    WHEN churn_warning = '预警' AND lifetime_tier = '小鱼' THEN '流失风险'
    WHEN churn_warning <> '预警' THEN '无预警'
  END AS value_at_risk
FROM profile.customer;
