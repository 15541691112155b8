-- 由 library.zh.sql 的标签定义的典型人群，各以 segment.<名称> 发布。

-- 年轻妈妈：主要为宝宝购买。
CREATE OR REPLACE SEGMENT 精致宝妈 ON customer WITH (comment = '年轻妈妈', owner = 'marketing') AS
  gender = '女' AND age_band IN ('18-25', '26-35') AND preferred_category = 'mother and baby';

-- 科技爱好者：电子产品，活跃在晚间。
CREATE OR REPLACE SEGMENT 科技极客 ON customer WITH (comment = '科技爱好者', owner = 'marketing') AS
  age_band IN ('18-25', '26-35', '36-45') AND preferred_category = 'electronics' AND active_hours IN ('晚上', '深夜');

-- 价格敏感：等待打折，每次花得不多。
CREATE OR REPLACE SEGMENT 价格敏感 ON customer WITH (comment = '价格敏感型', owner = 'marketing') AS
  price_sensitivity = '高' AND customer_type = 'personal';

-- 品质优先：为更好的商品付全价。
CREATE OR REPLACE SEGMENT 品质优先 ON customer WITH (comment = '品质优先型', owner = 'marketing') AS
  price_sensitivity = '低' AND order_value = '高' AND customer_type = 'personal';

-- 买得越来越少、三个月没有购买的高价值客户：今天就联系。
CREATE OR REPLACE SEGMENT 高价值流失预警 ON customer WITH (comment = '高价值客户有流失风险', owner = 'crm') AS
  value_at_risk = '高价值有流失风险';
