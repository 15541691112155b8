-- title: Channels
-- title.zh: 购买渠道
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status, orders.channel
-- chart: none
-- words.zh: spent = 花费, channel = 渠道, last_purchase = 最近购买
SELECT channel, count(*) AS orders, sum(amount) AS spent, CAST(max(ordered_at) AS DATE) AS last_purchase FROM orders
WHERE customer_id = $customer AND status = 'paid' AND ordered_at <= $as_of AND channel IS NOT NULL GROUP BY channel ORDER BY orders DESC, channel;
