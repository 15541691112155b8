-- The jobs of the sample shop as schedules, which `portrait serve` and `portrait schedule` run. 定时任务。
--
--   portrait -d crm run sql/shop.sql sql/tags/library.sql sql/tags/segments.sql sql/jobs/schedules.sql
--   portrait -d crm schedule
--
-- The paths of the scripts are relative to the folder that this is run in.

CREATE OR REPLACE SCHEDULE nightly WITH (
  cron = '0 2 * * *', timezone = 'Asia/Shanghai', retries = 3, timeout = INTERVAL '2 hours', comment = '画像与人群规模'
) AS 'sql/jobs/nightly.sql';

CREATE OR REPLACE SCHEDULE hourly WITH (
  cron = '5 * * * *', timezone = 'Asia/Shanghai', retries = 2, on_missed = 'all', transaction = true, comment = '每小时销售'
) AS 'sql/jobs/hourly.sql';

CREATE OR REPLACE SCHEDULE minute WITH (
  every = INTERVAL '1 minute', timeout = INTERVAL '50 seconds', transaction = true, comment = '实时意向'
) AS 'sql/jobs/minute.sql';

-- After each successful nightly run. 画像完成之后。
CREATE OR REPLACE SCHEDULE morning WITH (depends_on = nightly, comment = '人群变化') AS BEGIN
  SELECT segment, customers FROM segment_sizes WHERE as_of = $scheduled_time ORDER BY segment;
END;
