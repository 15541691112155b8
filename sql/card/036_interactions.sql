-- title: Interactions
-- title.zh: 互动记录
-- text: How often, first and last, by kind: visits, calls, service, complaints, campaigns.
-- text.zh: 按类别统计互动次数、首次与最近时间：拜访、电话、服务、投诉、营销活动。
-- needs: interactions.customer_id, interactions.at, interactions.kind
-- chart: none
-- words.zh: kind = 类别, interactions = 次数, first_contact = 首次联系, last_contact = 最近联系
SELECT kind, count(*) AS interactions, CAST(min(at) AS DATE) AS first_contact, CAST(max(at) AS DATE) AS last_contact
FROM interactions WHERE customer_id = $customer AND at <= $as_of GROUP BY kind ORDER BY last_contact DESC, kind;
