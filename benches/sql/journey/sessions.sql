-- The sessions of 1,000,000 events.
CREATE TABLE visits AS SELECT customer_id, event_time FROM sample_events(rows => 1000000);
SELECT count(*), sum(events) FROM sessionize(visits, customer => customer_id, event_time => event_time);
