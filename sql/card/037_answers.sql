-- title: Answers to surveys
-- title.zh: 调研反馈
-- text: What this customer said: motives, obstacles and wishes.
-- text.zh: 客户自述的购买动机、障碍与诉求。
-- needs: answers.customer_id, answers.answered_at, answers.question, answers.answer
-- chart: none
-- words.zh: question = 问题, answer = 回答
SELECT CAST(answered_at AS DATE) AS day, question, redact(CAST(answer AS TEXT)) AS answer FROM answers
WHERE customer_id = $customer AND answered_at <= $as_of AND answer IS NOT NULL ORDER BY day DESC, question, answer LIMIT 50;
