-- title: Overlap of the segments
-- title.zh: 人群重叠
-- text: Customers in both segments as a share of the customers in either (Jaccard), as of the last refresh.
-- text.zh: 两个人群交集占并集之比（Jaccard），以最近一次刷新为准。
-- when: SELECT count(*) > 1 FROM system.segments WHERE profile = '$profile'
-- latest: true
-- chart: heatmap
-- x: segment_b
-- y: jaccard
-- series: segment_a
-- count: customers_both
-- percent: jaccard
-- say: customers_both >= 50 AND jaccard >= 0.5
-- say.en: {jaccard:percent} of the customers of {segment_a} or {segment_b} are in both: one message may do for both.
-- say.zh: “{segment_a}”与“{segment_b}”的客户合计中，{jaccard:percent} 同属两者，可合并触达。
SELECT least(segment_a, segment_b) AS segment_a, greatest(segment_a, segment_b) AS segment_b, customers_both, jaccard
-- In the order of the names, the heat map is one triangle.
FROM segment_overlap($profile) ORDER BY segment_a, segment_b;
