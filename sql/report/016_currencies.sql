-- title: Currencies
-- title.zh: 币种
-- text: Paid orders by currency. Everywhere in this report, amounts are added as they are.
-- text.zh: 各币种的已支付订单。本报告中的金额均按原值相加，未作换算。
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status, orders.currency
-- when: SELECT count(DISTINCT currency) > 1 FROM orders WHERE status = 'paid' AND ordered_at <= $as_of
-- chart: none
-- count: customers
-- words.zh: currency = 币种
-- most: 1
-- say: orders > 0
-- say.en: Orders are in several currencies, {currency} and others, and amounts are added as they are: read no sum of this report as money of one currency.
-- say.zh: 订单涉及多个币种（{currency} 等），金额按原值相加：本报告中的金额合计不代表单一币种。
SELECT currency, count(DISTINCT customer_id) AS customers, count(*) AS orders, sum(amount) AS revenue
FROM orders WHERE status = 'paid' AND customer_id IS NOT NULL AND ordered_at <= $as_of AND currency IS NOT NULL
GROUP BY currency ORDER BY orders DESC, currency;
