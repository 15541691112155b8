//! The page of CREATE SCHEDULE.

use crate::docs::{Argument, Doc, Takes};
use crate::sql::statement::STATEMENT;

pub static DOC: Doc = Doc {
    name: "CREATE SCHEDULE",
    summary: "Runs a script at the times of a calendar, after failures again, and never twice at once.",
    syntax: "CREATE [OR REPLACE] SCHEDULE [IF NOT EXISTS] name WITH (cron = '…' | every = INTERVAL '…' | depends_on = other, [option = value, …])
    AS 'file.sql' | AS BEGIN statement; … END | AS $$ statement; … $$
ALTER SCHEDULE name SET (option = value, …) | RESET (option, …) | RENAME TO other | OWNER TO role | AS …
RUN SCHEDULE name
PAUSE SCHEDULE name; RESUME SCHEDULE name
DROP SCHEDULE [IF EXISTS] name
SHOW SCHEDULES; DESCRIBE SCHEDULE name",
    description: "\
Schedules run while `portrait serve` runs, or `portrait schedule` alone, on any number of machines that open the same database: each time is run by one of
them. A script runs as the role that owns the schedule, statement by statement, up to the first that fails. A file is read anew at each
run. Between BEGIN and END every statement ends with a semicolon. Clients that cut a script at its semicolons, as psql does, send the text between
`$$` in one piece.

**Parameters.** `$scheduled_time` is the time that a run is for, `$run_time` the one when the attempt began, `$last_success` the scheduled time of the last run that
succeeded, NULL before the first: timestamps in UTC. An attempt that is made again has the same `$scheduled_time` and `$last_success`, and so asks for the
same rows.

**Calendar.** `cron` has five fields, `minute hour day month weekday`, or six with seconds in front; `*`, lists, ranges, steps, names of months and days, `L` for
the last day, `W` for the nearest weekday, `1#2` for the second Monday, `@daily` and the like. A time of the day that the clocks of `timezone`
leave out runs once, right after the gap; one that they show twice runs once, the first time. What repeats within hours (`*/30 * * * *`) runs
in both of two equal hours. The zones are those of the IANA database of 2025. `every` counts from the beginning of 1970 in UTC, so that nothing drifts: every 15 minutes
is at :00, :15, :30 and :45.

**Times that were missed**, as nothing ran or the run before took too long: `on_missed = 'run_once'` makes one run for all of them, for the
latest; `'all'` makes each, one after the other; `'skip'` none, and a row with the status `skipped` tells of them. What begins within ten seconds is not late.

**Failures.** A failed attempt is made again `retries` times, after `backoff`, then three times as long, and so on, up to half an hour; each wait is shortened by chance by up to
a half. An attempt that takes longer than `timeout` is cancelled, and has failed. One whose process was killed is `lost`: the next process finds it, and makes
the attempt again whatever `retries` says, up to 20 times. Statements that had succeeded by then run again, unless `transaction = true` makes the script
one transaction, whose commit also writes the end of the run: then it happens exactly once. A transaction that meets the changes of another is tried again at least five times. REFRESH cannot be part of one, and asked for the same time it
has the same result anyway.

**Dependencies.** With times of its own, a run waits until the schedules in `depends_on` have succeeded for their latest times up to its own, and is skipped when one of them
has failed. Without, it runs once each time that all of them have succeeded since.

**History.** `system.runs` has a row for each attempt: `running`, `succeeded`, `failed`, `cancelled` (its server was stopped), `lost` or `skipped`; with the error, its
statement and line. The last `keep` of a schedule stay. `system.schedules` says when each runs next.

**Notices.** `on_failure` and `on_success` are URLs. When a run has failed for good, or succeeded, a JSON object is sent there by POST; `Portrait-Signature: t=…,v1=…` is
the HMAC-SHA-256 of `t`, a dot and the body, with the key in `PORTRAIT_WEBHOOK_KEY`. A schedule sends one a minute at most; the next says in `suppressed` how many it stands for.",
    arguments: &[
        Argument::optional("cron", Takes::Text, "", "the times as a cron expression"),
        Argument::optional("timezone", Takes::Text, "'UTC'", "the zone whose clocks `cron` follows: `'Asia/Shanghai'`"),
        Argument::optional("every", Takes::Interval, "", "the times as a span: `INTERVAL '1 minute'`"),
        Argument::optional("depends_on", Takes::Names, "", "schedules that must have succeeded: `'a, b'`"),
        Argument::optional("on_missed", Takes::Choice(&["run_once", "skip", "all"]), "'run_once'", "what is done about missed times"),
        Argument::optional("retries", Takes::Integer(0, 100), "0", "how often a failed attempt is made again"),
        Argument::optional("backoff", Takes::Interval, "", "how long to wait before the first of them; 2 seconds if not given"),
        Argument::optional("timeout", Takes::Interval, "", "how long an attempt may take"),
        Argument::optional("transaction", Takes::Flag, "false", "whether the script is one transaction"),
        Argument::optional("keep", Takes::Integer(1, 1_000_000), "1000", "how many runs are remembered"),
        Argument::optional("on_failure", Takes::Text, "", "a URL that is told of a run that failed for good"),
        Argument::optional("on_success", Takes::Text, "", "a URL that is told of a run that succeeded"),
        Argument::optional("comment", Takes::Text, "", "what it is for"),
    ],
    examples: &["CREATE SCHEDULE nightly WITH (cron = '0 2 * * *', timezone = 'Asia/Shanghai', retries = 3, timeout = INTERVAL '2 hours') AS BEGIN
    SELECT count(*) FROM sample_orders(rows => 10) WHERE ordered_at < $scheduled_time;
END;
RUN SCHEDULE nightly;
SELECT schedule, status, rows FROM system.runs;"],
    ..STATEMENT
};
