//! Pages of the statements over profiles, tags, segments and models.

use super::STATEMENT;
use crate::docs::Doc;

/// In the order one meets them.
pub static DOCS: [Doc; 8] = [
    Doc {
        name: "CREATE PROFILE",
        summary: "Defines who is profiled: the key and the attributes, one row of each.",
        syntax: "CREATE [OR REPLACE] PROFILE [IF NOT EXISTS] name
WITH (key = 'column', [time_columns = 'table.column, …'], [keep_snapshots = 400], [comment = '…'], [owner = '…'], [constant = value, …])
AS query",
        description: "\
The key is a column of the query, whole numbers or text, each once; its other columns are attributes. Rows without a key are left out
and counted. The definition is planned when it is made, with all tags and segments of the profile; OR REPLACE makes a new version (the same
text again does not), and `system.versions` keeps the old ones.

`time_columns` says when the rows of a source happened. Wherever a definition of this profile reads such a table, itself or through a view,
it gets no row later than the time of the refresh; so an answer as of a day is the one that day would have given. `$as_of` in a query
is that time, a TIMESTAMP. Sources without a time column are read whole.

Constants of its own are written `$name` in the query and given a value in WITH; so are those of tags and segments. A parameter of the
session (`--set name=value`) takes the place of `$name` when the definition is made.

`keep_snapshots` refreshes stay readable with `FOR SYSTEM_TIME AS OF`. A profile is dropped after its tags and segments.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id', comment = 'whoever has registered') AS
SELECT customer_id, gender, age, city FROM sample_customers(rows => 200);"],
        ..STATEMENT
    },
    Doc {
        name: "CREATE TAG",
        summary: "Defines one label of each member of a profile: a query giving key and value.",
        syntax: "CREATE [OR REPLACE] TAG [IF NOT EXISTS] name ON profile
[WITH ([path = 'level one/level two'], [type = '…'], [multiple = true], [comment = '…'], [owner = '…'], [constant = value, …])]
AS query",
        description: "\
The first column is the key, the second the value: text, a number, true or false, a date or a time. A key that is not in the profile is
ignored, a NULL is no value. A customer with two different values is an error that names the customer, unless the tag is made WITH
(multiple = true): then the values become a list.

Rules are a plain `CASE WHEN … THEN 'value' … END`, over the columns of a row or the aggregates of a customer: `explain_tag` and `mece_check` read
it. A tag over `profile.<name>` is derived: it sees the attributes and the other tags of the same refresh, whichever order they were made in; tags
that need themselves are refused.

`path` gives levels one and two of the taxonomy, the tag is the third. `type` is one of `rule`, `statistical`, `first_last`,
`preference`, `ranking`, `derived`, `lifecycle`, `rfm`, `sql`, `import`, `predictive`; default `rule` when the value is a CASE, else `sql`.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
CREATE TAG spending ON member WITH (path = 'value/spending', high = 500, middle = 200, comment = '消费水平') AS
SELECT customer_id, CASE WHEN avg(amount) >= $high THEN 'high' WHEN avg(amount) >= $middle THEN 'middle' ELSE 'low' END
FROM sample_orders(rows => 1000) WHERE status = 'paid' GROUP BY customer_id;
CREATE TAG target ON member AS SELECT customer_id, age < 30 AND spending = 'high' FROM profile.member;
REFRESH PROFILE member;
SELECT spending, target, count(*) AS customers FROM profile.member GROUP BY spending, target ORDER BY customers DESC;"],
        ..STATEMENT
    },
    Doc {
        name: "CREATE SEGMENT",
        summary: "Defines an audience: a condition over the attributes and tags of a profile.",
        syntax: "CREATE [OR REPLACE] SEGMENT [IF NOT EXISTS] name ON profile [WITH ([comment = '…'], [owner = '…'], [constant = value, …])] AS condition",
        description: "\
Its members stand in `segment.<name>` after the next refresh, with the time since when; `REFRESH SEGMENT name` computes the segments alone, over
the tags as they are. The name may be Chinese: `segment.\"精致宝妈\"`. A condition looks at one customer's own row.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, gender, age FROM sample_customers(rows => 200);
CREATE SEGMENT \"年轻女性\" ON member AS gender = 'female' AND age < 30;
REFRESH PROFILE member;
SELECT count(*) AS customers FROM segment.\"年轻女性\";"],
        ..STATEMENT
    },
    Doc {
        name: "CREATE MODEL",
        summary: "Trains a model on the rows of a query, and stores it.",
        syntax: "CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name
WITH (type = 'kmeans' | 'kprototypes', key = 'column', [features = 'column, …'], [weight = 'column'], [option = value, …],
      [comment = '…'], [owner = '…'], [constant = value, …])
AS query",
        description: "\
The options are those of the function that computes the same: `n_clusters = 4` here is `n_clusters => 4` in `kmeans(…)`, with the same defaults. Training runs when
the statement does; OR REPLACE always trains anew, as rows may have changed. The model, its training query, the rows used and left out, what the features were
like, and measures of the training are stored in one transaction as a new version; `ml_predict` and its like use the newest. A statement that fails or is
cancelled leaves the version before.

A tag that asks `ml_predict` applies the newest version when it is refreshed; DESCRIBE TAG shows which. `system.models` lists all, with what is stored as JSON. A
model that a tag, segment or view applies is not dropped.",
        examples: &["CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3, random_state = 7, comment = '按价值分群') AS
SELECT customer_id, recency_days, frequency, monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT name, type, version, features, rows_used, rows_skipped FROM system.models;"],
        ..STATEMENT
    },
    Doc {
        name: "REFRESH",
        summary: "Computes a profile with its tags and segments, and publishes everything at once.",
        syntax: "REFRESH PROFILE name [TAGS (tag, …)] [WITH ([as_of = time], [rewind = true])]
REFRESH SEGMENT name
EXPLAIN REFRESH PROFILE name …",
        description: "\
Tags over the same source share one scan and one aggregation, whatever their conditions; EXPLAIN shows it. Readers see the state before
until the refresh is committed, and the new one after; a refresh that fails or is killed leaves the state before. Other profiles and tables
can be written to meanwhile; another refresh of the same profile waits for `portrait.lock_timeout` seconds, and then fails with an error that says
which process it waited for.

`as_of` (a date counts whole; default now) is the time the profile is computed for; it may not lie before that of the last refresh, unless
`rewind = true` withdraws what came after. Repeated for the same time, a refresh takes the place of the one before. `TAGS (…)` computes these
tags, and those that need them; others keep their values.

| published | rows |
|---|---|
| `profile.<name>` | one a customer: key, attributes, one column a tag |
| `profile.<name>_tags` | one a value: key, tag, value as text |
| `profile.<name>_history` | one a value and time: key, tag, value, valid_from, valid_to (NULL while it holds), tag_version |
| `segment.<name>` | one a member: key, since |

In the history, a value that another takes the place of, that becomes NULL, that is renamed by a new version of the tag, or whose customer left or tag
was dropped, is closed at the time of the refresh that found it; a value that stays keeps its beginning and the version of the tag that gave
it. `system.runs` lists every run, its status (`running`, `succeeded`, `failed`, or `lost` when its process was killed) and when it last showed
that it goes on; `system.profiles`, `system.tags` and `system.segments` say what was computed when, and for how many.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
REFRESH PROFILE member WITH (as_of = DATE '2025-06-30');
SELECT name, customers, last_refresh FROM system.profiles;"],
        ..STATEMENT
    },
    Doc {
        name: "FOR SYSTEM_TIME AS OF",
        summary: "Reads what was published as it was at a time.",
        syntax: "FROM name FOR SYSTEM_TIME AS OF time [AS alias]",
        description: "\
For the tables of the schemas `profile` and `segment`, and tables made with CREATE TABLE in a database. The time is a constant: a date, which counts
whole, or a timestamp, for profiles that of the refresh's `as_of`. What was published last at or before it is shown.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
REFRESH PROFILE member WITH (as_of = DATE '2025-05-31');
REFRESH PROFILE member WITH (as_of = DATE '2025-06-30');
SELECT count(*) AS customers FROM profile.member FOR SYSTEM_TIME AS OF DATE '2025-06-15';"],
        ..STATEMENT
    },
    Doc {
        name: "SHOW PROFILES, DESCRIBE PROFILE",
        summary: "Lists profiles, tags, segments or models; shows one with its definition.",
        syntax: "SHOW PROFILES | TAGS | SEGMENTS | MODELS
DESCRIBE PROFILE | TAG | SEGMENT | MODEL name [ON profile]",
        description: "The same and more stands in `system.profiles`, `system.tags`, `system.segments`, `system.models` and `system.versions`. `portrait dump` prints all definitions as a script.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
SHOW PROFILES;
DESCRIBE PROFILE member;"],
        ..STATEMENT
    },
    Doc {
        name: "DROP PROFILE",
        summary: "Forgets a profile, tag, segment or model that nothing uses.",
        syntax: "DROP PROFILE | TAG | SEGMENT | MODEL [IF EXISTS] name [ON profile]",
        description: "\
What another object uses is not dropped; the error lists the users. A dropped tag or segment is gone from what the next refresh publishes; its
history stays. A dropped profile takes all it has published with it.",
        examples: &["DROP TAG IF EXISTS nothing_of_that_name;"],
        ..STATEMENT
    },
];
