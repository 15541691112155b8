//! The page of CREATE SCHEDULE.

use crate::docs::{Argument, Doc, Takes};
use crate::sql::statement::STATEMENT;

pub static DOC: Doc = Doc {
    name: "CREATE SCHEDULE",
    summary: "Runs a script at scheduled times, repeats it after failures, and never runs it twice at once.",
    syntax: "CREATE [OR REPLACE] SCHEDULE [IF NOT EXISTS] name WITH (cron = '…' | every = INTERVAL '…' | depends_on = other, [option = value, …])
    AS 'file.sql' | AS statement | AS BEGIN statement; … END | AS $$ statement; … $$
ALTER SCHEDULE name SET (option = value, …) | RESET (option, …) | RENAME TO other | OWNER TO role | AS …
RUN SCHEDULE name
PAUSE SCHEDULE name; RESUME SCHEDULE name
DROP SCHEDULE [IF EXISTS] name
SHOW SCHEDULES; DESCRIBE SCHEDULE name",
    description: "\
Schedules run while `portrait serve` or `portrait schedule` runs, on any number of machines that open the same database: each scheduled time is run by one of
them. A script runs as the role that owns the schedule, statement by statement, until one fails. A script file is read again at each
run. One statement needs nothing around it. Between BEGIN and END every statement ends with a semicolon. Clients that split a script at semicolons, as psql does, send the text between
`$$` in one piece.

**Parameters.** `$scheduled_time` is the time that a run is for, `$run_time` the start of the attempt, and `$last_success` the scheduled time of the last successful
run (NULL before the first). All are timestamps in UTC. A repeated attempt has the same `$scheduled_time` and `$last_success`, so it asks for the
same rows.

**Calendar.** `cron` has five fields, `minute hour day month weekday`, or six with seconds in front; `*`, lists, ranges, steps, names of months and days, `L` for
the last day, `W` for the nearest weekday, `1#2` for the second Monday, `@daily` and similar names. If both day and weekday are given,
either is enough: `0 0 1 * MON` runs on every first of a month and on every Monday. A time of day that daylight saving skips in `timezone`
runs once, right after the gap; a time that occurs twice runs once, the first time. Expressions that repeat within hours (`*/30 * * * *`) run
in both of the two equal hours. The zones are those of the IANA database of 2025. `every` counts from the beginning of 1970 in UTC, so times do not drift: every 15 minutes
is at :00, :15, :30 and :45.

**Missed times**, when no process was running or the previous run took too long: `on_missed = 'run_once'` makes one run for all of them, with the
latest time. `'all'` makes each of them, one after the other. `'skip'` makes none; a row with the status `skipped` records them. A start within ten seconds is not late.

**Failures.** A failed attempt is repeated up to `retries` times: after `backoff`, then three times as long, and so on, up to half an hour. Each wait is randomly shortened by up to
a half. An attempt that takes longer than `timeout` is cancelled and counts as failed. An attempt whose process was killed is `lost`: the next process finds and repeats
it, whatever `retries` is, up to 20 times. Statements that had already succeeded run again, unless `transaction = true` makes the script
one transaction, whose commit also records the end of the run; then it is applied exactly once. A transaction that conflicts with another is repeated at least five times. REFRESH cannot be part of a
transaction, but gives the same result when repeated for the same time.

**Dependencies.** If the schedule has its own times, a run waits until the schedules in `depends_on` have succeeded for their latest times up to its own, and is skipped if one of them
has failed. Without its own times, it runs once each time after all of them have succeeded.

**History.** `system.runs` has one row per attempt: `running`, `succeeded`, `failed`, `cancelled` (its server was stopped), `lost` or `skipped`, with the error and its
statement and line. The last `keep` runs of a schedule are kept. `system.schedules` shows when each schedule runs next.

**Notices.** `on_failure` and `on_success` are URLs. When a run has succeeded, or has failed after all retries, a JSON object is sent there by POST. `Portrait-Signature: t=…,v1=…` is
the HMAC-SHA-256 of `t`, a dot and the body, with the key in `PORTRAIT_WEBHOOK_KEY`. A schedule sends at most one
notice of a failure per minute, and one of a success: of those that come earlier, the latest waits for the end of the minute, and its `suppressed` counts the others.
A notice is stored with the end of its run, so that it is sent even if the server is killed in between; two servers do not both send it. One that is
not accepted is tried ten times within three hours. It may come twice; then `Portrait-Delivery` is the same. `system.notices` lists them.

**Cost.** A schedule that is not due costs nothing. A run costs what its statements cost, and one row in `system.runs`.

**Elsewhere.** cron with a client, pg_cron in PostgreSQL, tasks in Snowflake; Airflow and Dagster for many systems. cron knows neither
missed times nor dependencies.",
    arguments: &[
        Argument::optional("cron", Takes::Text, "", "the times as a cron expression"),
        Argument::optional("timezone", Takes::Text, "'UTC'", "the time zone of `cron`, such as `'Asia/Shanghai'`"),
        Argument::optional("every", Takes::Interval, "", "the time between runs, such as `INTERVAL '1 minute'`"),
        Argument::optional("depends_on", Takes::Names, "", "schedules that must have succeeded: `'a, b'`"),
        Argument::optional(
            "on_missed",
            Takes::Choice(&["run_once", "skip", "all"]),
            "'run_once'",
            "what to do about missed times",
        ),
        Argument::optional("retries", Takes::Integer(0, 100), "0", "how many times a failed attempt is repeated"),
        Argument::optional("backoff", Takes::Interval, "", "the wait before the first repetition; default 2 seconds"),
        Argument::optional("timeout", Takes::Interval, "", "the longest time that an attempt may take"),
        Argument::optional("transaction", Takes::Flag, "false", "whether the script is one transaction"),
        Argument::optional("keep", Takes::Integer(1, 1_000_000), "1000", "how many runs are kept in `system.runs`"),
        Argument::optional("on_failure", Takes::Text, "", "a URL that is notified when a run has failed after all retries"),
        Argument::optional("on_success", Takes::Text, "", "a URL that is notified when a run has succeeded"),
        Argument::optional("comment", Takes::Text, "", "what it is for"),
    ],
    examples: &["CREATE SCHEDULE nightly WITH (cron = '0 2 * * *', timezone = 'Asia/Shanghai', retries = 3, timeout = INTERVAL '2 hours') AS BEGIN
    SELECT count(*) FROM sample_orders(rows => 10) WHERE ordered_at < $scheduled_time;
END;
RUN SCHEDULE nightly;
SELECT schedule, status, rows FROM system.runs;"],
    ..STATEMENT
};
