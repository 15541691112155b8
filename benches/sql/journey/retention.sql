-- Twelve months of monthly cohorts, of 1,000,000 events.
CREATE TABLE visits AS SELECT customer_id, event_time FROM sample_events(rows => 1000000);
SELECT count(*), sum(customers) FROM retention(visits, customer => customer_id, event_time => event_time, cohort => 'month', periods => 12);
