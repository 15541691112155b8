-- Audiences defined by the tags of library.sql, each published as segment.<name>. 典型人群。

-- The young mother: buys mostly for the baby.
CREATE OR REPLACE SEGMENT 精致宝妈 ON customer WITH (comment = 'young mother', owner = 'marketing') AS
  gender = 'female' AND age_band IN ('18-25', '26-35') AND preferred_category = 'mother and baby';

-- The tech enthusiast: electronics, late in the day.
CREATE OR REPLACE SEGMENT 科技极客 ON customer WITH (comment = 'tech enthusiast', owner = 'marketing') AS
  age_band IN ('18-25', '26-35', '36-45') AND preferred_category = 'electronics' AND active_hours IN ('evening', 'night');

-- Price-sensitive: waits for a discount, and spends little at a time.
CREATE OR REPLACE SEGMENT 价格敏感 ON customer WITH (comment = 'price sensitive', owner = 'marketing') AS
  price_sensitivity = 'high' AND customer_type = 'personal';

-- Quality first: pays the full price for better products.
CREATE OR REPLACE SEGMENT 品质优先 ON customer WITH (comment = 'quality first', owner = 'marketing') AS
  price_sensitivity = 'low' AND order_value = 'high' AND customer_type = 'personal';

-- Valuable customers who buy less and less and have not bought for three months: call them today.
CREATE OR REPLACE SEGMENT 高价值流失预警 ON customer WITH (comment = 'high value at risk', owner = 'crm') AS
  value_at_risk = 'high value at risk';
