-- title: Value: RFM groups
-- title.zh: 客户价值：RFM 分层
-- text: Recency, frequency and money of paid orders; each group with its share of the customers who have a paid order, and of the revenue.
-- text.zh: 按最近一次购买、购买频次与金额分层，给出占已购客户的比例与销售额占比。
-- needs: orders.customer_id, orders.ordered_at, orders.amount, orders.status
-- chart: bar
-- x: segment
-- y: customer_share, revenue_share
-- count: customers
-- percent: customer_share, revenue_share
-- words.zh: Champions = 重要价值客户, Loyal = 忠诚客户, Cannot Lose = 不可流失客户, At Risk = 有流失风险, Potential Loyalist = 潜力客户, Need Attention = 需要关注, Lost = 已流失, Hibernating = 沉睡客户, About To Sleep = 即将沉睡, New = 新客户, Promising = 有潜力新客
-- say: customers >= 30 AND customer_share <= 0.3 AND revenue_share >= 1.5 * customer_share AND revenue_share BETWEEN 0.2 AND 1 AND days_since_purchase <= 365 AND revenue <= 10 * customers * median_revenue
-- say.en: {segment}: {customer_share:percent} of the buyers have brought {revenue_share:percent} of the sales to known customers. Give them a personal contact and early access.
-- say.zh: “{segment}”占已购客户的 {customer_share:percent}，贡献全部已知客户销售额的 {revenue_share:percent}，建议专属服务与优先权益。
-- say: customers >= 30 AND customer_share <= 0.3 AND revenue_share >= 1.5 * customer_share AND revenue_share BETWEEN 0.2 AND 1 AND days_since_purchase > 365
-- say.en: {segment}: {customer_share:percent} of the buyers have brought {revenue_share:percent} of the sales to known customers, but half of them have not bought for {days_since_purchase} days or more. Win them back, or look whether newer orders are missing.
-- say.zh: “{segment}”占已购客户的 {customer_share:percent}，曾贡献全部已知客户销售额的 {revenue_share:percent}，但半数已有至少 {days_since_purchase} 天未购买：建议召回，并确认近期订单是否缺失。
-- say: customers >= 30 AND customer_share <= 0.3 AND revenue_share >= 1.5 * customer_share AND revenue_share BETWEEN 0.2 AND 1 AND days_since_purchase <= 365 AND revenue > 10 * customers * median_revenue
-- say.en: {segment}: {customer_share:percent} of the buyers have brought {revenue_share:percent} of the sales to known customers, but half of them spent {median_revenue} or less: a few large amounts decide. Look at these first.
-- say.zh: “{segment}”占已购客户的 {customer_share:percent}，贡献全部已知客户销售额的 {revenue_share:percent}，但半数客户消费不超过 {median_revenue}：主要来自少数大额订单，请先核对。
-- say: segment NOT IN ('New', 'Promising') AND customers >= 30 AND customer_share >= 0.2 AND revenue_share BETWEEN 0 AND 0.5 * customer_share
-- say.en: {segment}: {customer_share:percent} of the buyers have brought {revenue_share:percent} of the sales to known customers. Keep what is spent on each of them low.
-- say.zh: “{segment}”占已购客户的 {customer_share:percent}，仅贡献全部已知客户销售额的 {revenue_share:percent}，建议控制单客营销成本。
WITH measures AS MATERIALIZED (
  SELECT customer_id, segment, recency_days, frequency, monetary
  FROM rfm((SELECT * FROM orders WHERE status = 'paid' AND customer_id IS NOT NULL AND ordered_at <= $as_of),
    customer => customer_id, order_time => ordered_at, amount => amount, as_of => $as_of)),
scored AS (SELECT r.segment, r.monetary, r.recency_days FROM measures AS r JOIN $members AS m ON r.customer_id = m.$key)
SELECT segment, count(*) AS customers, sum(monetary) AS revenue,
  round(median(CAST(monetary AS DOUBLE)), 2) AS median_revenue, round(median(recency_days)) AS days_since_purchase,
  count(*) / CAST(sum(count(*)) OVER () AS DOUBLE) AS customer_share,
  CAST(sum(monetary) AS DOUBLE) / nullif(greatest(CAST(sum(sum(monetary)) OVER () AS DOUBLE), 0), 0) AS revenue_share
FROM scored GROUP BY segment ORDER BY revenue DESC, segment;
