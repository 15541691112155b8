-- title: Data quality: checks
-- title.zh: 数据质量
-- when: SELECT count(*) > 0 FROM system.check_results
-- chart: none
-- percent: passed_share
-- say: status <> 'passed'
-- say.en: The check {check} of {table} fails: {failed} of {rows} rows. Mend the data before acting on what depends on it.
-- say.zh: {table} 的校验 {check} 未通过：{rows} 行中有 {failed} 行，请先修复数据。
SELECT "check", "table", dimension, severity, status, rows, failed, passed_share, message FROM system.check_results ORDER BY status DESC, "check";
