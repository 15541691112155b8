-- Three rules over 200,000 orders, with their log.
CREATE TABLE orders AS SELECT * FROM sample_orders(rows => 200000);
SELECT rule, count(*) FROM clean_log(orders, key => order_id, rules => [
  {name: 'guest', condition: customer_id IS NULL, action: 'drop'},
  {name: 'discount', column: discount, action: 'clip', upper: 1000},
  {name: 'ten times the mean', column: amount, condition: amount >= 10 * avg(amount) OVER (PARTITION BY customer_id), action: 'flag'}]) GROUP BY rule;
