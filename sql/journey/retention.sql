-- Who comes back: monthly cohorts, and how many of each return in the following months. 留存：月度同期群。
SELECT cohort, cohort_size, period, customers, round(100 * share, 1) AS percent
FROM retention(events, customer => customer_id, event_time => event_time, cohort => 'month', periods => 6)
WHERE customers IS NOT NULL ORDER BY cohort, period LIMIT 21;

-- Customers who paid once: how many pay again within one, two, three months. 复购留存。
SELECT period, sum(customers) AS paid_again, sum(cohort_size) AS customers, round(100.0 * sum(customers) / sum(cohort_size), 1) AS percent
FROM retention(events, customer => customer_id, event_time => event_time, cohort => event = 'pay', return_event => event = 'pay',
  period => 'month', periods => 3, mode => 'on_or_before')
WHERE customers IS NOT NULL AND period > 0 GROUP BY period ORDER BY period;
