-- title: Attributes
-- title.zh: 基本属性
-- chart: numbers
-- words.zh: customer_id = 客户编号, customer_no = 客户编号, name = 姓名, age = 年龄, birthday = 生日, birth_date = 生日, city = 城市, city_tier = 城市级别, province = 省份, phone = 电话, email = 电子邮箱, registered_at = 注册时间, channel = 渠道, company = 企业, company_name = 企业, industry = 行业, source = 来源, level = 等级, special_needs = 特殊需求
SELECT $attributes FROM $members WHERE $key = $customer;
