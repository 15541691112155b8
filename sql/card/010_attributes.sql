-- title: Attributes
-- title.zh: 基本属性
-- chart: numbers
SELECT $attributes FROM $members WHERE $key = $customer;
