-- Every night: the customer profile as of the scheduled time, and the sizes of its segments. 每日画像与人群规模。
-- Repeated for the same time, it replaces the earlier rows with the same rows.

REFRESH PROFILE customer WITH (as_of = $scheduled_time);

CREATE TABLE IF NOT EXISTS segment_sizes (as_of TIMESTAMP, segment VARCHAR, customers BIGINT);

DELETE FROM segment_sizes WHERE as_of = $scheduled_time;

INSERT INTO segment_sizes
SELECT $scheduled_time, name, customers FROM system.segments WHERE profile = 'customer';
