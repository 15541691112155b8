//! The pages of the tables that a profile publishes.

use crate::docs::{Column, Doc, Kind};

const PUBLISHED: Doc = Doc { kind: Kind::Table, domain: "profiles", ..Doc::EMPTY };

/// The profile that the examples read: two refreshes, a month apart.
macro_rules! after_refreshes {
    ($query:literal) => {
        concat!(
            "CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age, country FROM sample_customers(rows => 500);
CREATE TAG level ON member AS
  SELECT customer_id, CASE WHEN sum(amount) >= 10000 THEN 'gold' WHEN sum(amount) >= 1000 THEN 'silver' ELSE 'basic' END
  FROM sample_orders(rows => 2000) WHERE ordered_at <= $as_of GROUP BY customer_id;
CREATE SEGMENT best ON member AS level = 'gold';
REFRESH PROFILE member WITH (as_of = DATE '2025-05-31');
REFRESH PROFILE member WITH (as_of = DATE '2025-06-30');
",
            $query
        )
    };
}

/// In the order in which a user needs them.
pub static DOCS: [Doc; 4] = [
    Doc {
        name: "profile.NAME",
        summary: "The profile as of its last refresh: one row per customer, one column per attribute and tag.",
        syntax: "FROM profile.name [FOR SYSTEM_TIME AS OF time] [AS alias]",
        description: "\
The first column is the key; it is never NULL and never occurs twice. A tag is NULL for a customer who has no value. A tag that was created
after the last refresh has no column yet: refresh the profile first. Readers see one refresh as a whole, also while the next one runs.

**Cost.** A scan of Parquet files that reads only the columns named in the query. Rows are sorted by the key, so a condition on the key
reads few of them.

**Elsewhere.** In a customer data platform, the view of all customers with their traits; in a warehouse, the last model of a dbt
project; in Feast, the online store, which is read by key only.",
        columns: &[
            Column { name: "(key)", data_type: "as in its query", text: "the key, under the name given in CREATE PROFILE" },
            Column { name: "(attribute)", data_type: "as in its query", text: "one column per attribute: the other columns of the query of CREATE PROFILE" },
            Column { name: "(tag)", data_type: "as in its query", text: "one column per tag; a tag with several values per customer is a list" },
        ],
        examples: &[after_refreshes!("SELECT level, count(*) AS customers, round(avg(age), 1) AS age FROM profile.member GROUP BY level ORDER BY level;")],
        ..PUBLISHED
    },
    Doc {
        name: "profile.NAME_tags",
        summary: "The tags of a profile in long form: one row per customer, tag and value.",
        syntax: "FROM profile.name_tags [FOR SYSTEM_TIME AS OF time] [AS alias]",
        description: "\
Use this form to count or export all tags at once, without naming them. NULL has no row. A tag with several values per customer has
a row for each. Attributes are not among them.

**Cost.** A condition `tag = '…'` reads the values of that tag only.

**Elsewhere.** `UNPIVOT` in DuckDB and Snowflake, `melt` in pandas and `pivot_longer` in R make this form of a wide table.",
        columns: &[
            Column { name: "(key)", data_type: "as in its query", text: "the key of the profile, under its own name" },
            Column { name: "tag", data_type: "VARCHAR", text: "name of the tag" },
            Column { name: "value", data_type: "VARCHAR", text: "the value, as text" },
        ],
        examples: &[after_refreshes!("SELECT tag, value, count(*) AS customers FROM profile.member_tags GROUP BY tag, value ORDER BY tag, value;")],
        ..PUBLISHED
    },
    Doc {
        name: "profile.NAME_history",
        summary: "When each customer had which value of each tag: one row per customer, tag, value and period.",
        syntax: "FROM profile.name_history [AS alias]",
        description: "\
A period begins with the refresh that first gave the value and ends with the refresh that noticed another one, or none. Times are the `as_of`
of these refreshes, not the times when they ran. A value held at the time `t` satisfies `valid_from <= t AND (valid_to > t OR valid_to IS NULL)`.
Attributes have a history if CREATE PROFILE lists them in `history`. A refresh with `rewind = true` withdraws what later refreshes wrote.

**Cost.** Grows with the number of changes, not with the number of refreshes.

**Elsewhere.** A slowly changing dimension of type 2, as `dbt snapshot` makes it; there the times are those of the runs.",
        columns: &[
            Column { name: "(key)", data_type: "as in its query", text: "the key of the profile, under its own name" },
            Column { name: "tag", data_type: "VARCHAR", text: "name of the tag, or of an attribute listed in `history`" },
            Column { name: "value", data_type: "VARCHAR", text: "the value, as text" },
            Column { name: "valid_from", data_type: "TIMESTAMP", text: "time of the refresh that first gave it" },
            Column { name: "valid_to", data_type: "TIMESTAMP", text: "time of the refresh that ended it; NULL while the value is current" },
            Column { name: "tag_version", data_type: "BIGINT", text: "version of the tag's definition that gave the value; for an attribute, that of the profile" },
        ],
        examples: &[after_refreshes!(
            "SELECT b.value AS before, a.value AS after, count(*) AS customers
FROM profile.member_history AS b JOIN profile.member_history AS a
  ON a.customer_id = b.customer_id AND a.tag = b.tag AND a.valid_from = b.valid_to
WHERE a.tag = 'level' GROUP BY 1, 2 ORDER BY 1, 2;"
        )],
        ..PUBLISHED
    },
    Doc {
        name: "segment.NAME",
        summary: "The members of a segment as of the last refresh: one row per customer.",
        syntax: "FROM segment.name [FOR SYSTEM_TIME AS OF time] [AS alias]",
        description: "\
Join it with the profile by the key to see attributes and tags of the members. `segment_diff` compares two of its states.

**Cost.** A scan of a file with two columns and one row per member; it does not read the profile.

**Elsewhere.** An audience or list of a customer data platform or mailing tool, which mostly keeps only the members of now.",
        columns: &[
            Column { name: "(key)", data_type: "as in its query", text: "the key of the profile, under its own name" },
            Column { name: "since", data_type: "TIMESTAMP", text: "time of the refresh since which the customer has been a member without a break" },
        ],
        examples: &[after_refreshes!("SELECT since, count(*) AS members FROM segment.best GROUP BY since ORDER BY since;")],
        ..PUBLISHED
    },
];
