-- title: Attributes
-- title.zh: 基本属性
-- chart: numbers
-- words.zh: customer_id = 客户编号, company = 企业, company_name = 企业, industry = 行业, source = 来源, level = 等级, special_needs = 特殊需求
SELECT $attributes FROM $members WHERE $key = $customer;
