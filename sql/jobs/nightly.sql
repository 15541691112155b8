-- Every night: the profile of the customers as of the scheduled time, and how large its segments are. 每日画像与人群规模。
-- Run again for the same time, it gives the same rows in the place of those before.

REFRESH PROFILE customer WITH (as_of = $scheduled_time);

CREATE TABLE IF NOT EXISTS segment_sizes (as_of TIMESTAMP, segment VARCHAR, customers BIGINT);

DELETE FROM segment_sizes WHERE as_of = $scheduled_time;

INSERT INTO segment_sizes
SELECT $scheduled_time, name, customers FROM system.segments WHERE profile = 'customer';
