-- Computes all tags and segments. In production: REFRESH PROFILE customer every night. Here as of two dates, so that there is something to compare.
-- 刷新画像：两个时点，便于对比。

-- With rewind the script can run again on the same database: refreshes for later dates are withdrawn first.
REFRESH PROFILE customer WITH (as_of = DATE '2024-12-31', rewind = true);

REFRESH PROFILE customer WITH (as_of = DATE '2025-06-30');
