-- Every column of 200,000 orders and of 200,000 events.
CREATE TABLE wide AS SELECT o.*, e.* EXCLUDE (customer_id, channel) FROM sample_orders(rows => 200000) AS o JOIN sample_events(rows => 200000) AS e ON o.order_id = e.event_id;
SELECT * FROM data_profile(wide);
