-- What do customers complain about? 客服文本：主题、情感、痛点。
--
--   portrait run sql/feedback/themes.sql

-- Service texts. Replace them with your own. These are composed of phrases, so that there is something to find.
CREATE OR REPLACE TABLE service_texts AS
SELECT n % 300 AS customer_id, DATE '2025-05-01' + CAST(n % 61 AS INT) AS written_at,
  CASE n % 5
    WHEN 0 THEN ['快递太慢了，物流信息三天没更新', '驿站丢了包裹，快递员态度差', '物流派送到驿站，等了很久，太慢', '包裹派送错了地址，快递电话13812345678打不通'][1 + n / 5 % 4]
    WHEN 1 THEN ['口红颜色很好看，滋润不拔干', '色号偏黄，颜色和图片不一样，失望', '唇膏颜色高级，质地滋润，喜欢', '口红质地很好，色号齐全'][1 + n / 5 % 4]
    WHEN 2 THEN ['客服回复很慢，转接了三次', '退款申请一直没人处理，客服敷衍', '客服热情，退款很快', '退款失败，客服让我等，邮箱li.lei@example.com'][1 + n / 5 % 4]
    WHEN 3 THEN ['包装破损，瓶子漏了', '纸箱压坏了，瓶子碎了，包装太差', '包装精致，纸箱结实', '瓶子裂了，泡沫包装太薄'][1 + n / 5 % 4]
    ELSE ['The courier was late and the parcel was damaged', 'Courier left the parcel in the rain, terrible', 'Great colour, but the courier never called', 'Parcels arrive on time, friendly courier'][1 + n / 5 % 4]
  END AS content
FROM (SELECT unnest(range(0, 1200)) AS n);

-- First without a dictionary: which words occur together, and what are the pain points?
SELECT theme, source, customers, round(share, 3) AS share, round(sentiment, 2) AS sentiment, round(pain, 3) AS pain, examples
FROM text_themes(service_texts, key => customer_id, text => content, examples => 1);

-- Then the useful themes, with your own names, by month.
CREATE OR REPLACE TABLE theme_words AS
SELECT * FROM (VALUES ('物流', '快递'), ('物流', '物流'), ('物流', '包裹'), ('物流', '驿站'), ('物流', 'courier'), ('物流', 'parcel'), ('物流', 'parcels'),
  ('包装', '包装'), ('包装', '瓶子'), ('包装', '纸箱'), ('客服', '客服'), ('客服', '退款'), ('产品', '口红'), ('产品', '颜色'), ('产品', '色号'), ('产品', 'colour')) AS t(theme, word);

SELECT month, theme, texts, customers, round(sentiment, 2) AS sentiment, round(negative_share, 3) AS negative_share, round(pain, 3) AS pain
FROM text_themes((SELECT customer_id, content, CAST(date_trunc('month', written_at) AS DATE) AS month FROM service_texts), dictionary => theme_words,
  key => customer_id, text => content, per => month, max_themes => 0)
ORDER BY month, pain DESC;
