-- Computes all tags and segments. Every night: REFRESH PROFILE customer; here as of two days, so that there is something to compare.
-- 刷新画像：两个时点，便于对比。

-- rewind lets the script run again on the same database: what was known of later days is withdrawn first.
REFRESH PROFILE customer WITH (as_of = DATE '2024-12-31', rewind = true);

REFRESH PROFILE customer WITH (as_of = DATE '2025-06-30');
