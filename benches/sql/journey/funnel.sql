-- Three steps within a week, of 1,000,000 events.
CREATE TABLE visits AS SELECT customer_id, event_time, event FROM sample_events(rows => 1000000);
SELECT step, customers FROM window_funnel(visits, customer => customer_id, event_time => event_time, steps => [event = 'view', event = 'cart', event = 'pay'], within => INTERVAL '7 days');
