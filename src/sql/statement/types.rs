//! The documentation page of types, and of how values get another one.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 1] = [Doc {
    name: "CAST, data types",
    summary: "Converts a value to another type; this page lists the types.",
    syntax: "CAST(value AS type)
TRY_CAST(value AS type)
value::type",
    description: "\
A value that does not fit the type is an error, which shows the value and what to write; TRY_CAST gives NULL instead. For numbers and days as people write them,
`1.234,50` or `31.12.2025`, use `parse_number` and `parse_date`.

| type | other names | what it holds |
|---|---|---|
| `BOOLEAN` | `BOOL` | true or false; of strings also `yes`, `on`, `t`, `1` and their opposites |
| `TINYINT`, `SMALLINT`, `INTEGER`, `BIGINT` | `INT2`, `INT`, `INT8` | whole numbers of 8, 16, 32 and 64 bits; with `UNSIGNED` after it, from 0 on |
| `DECIMAL(p, s)` | `NUMERIC` | exact numbers with p digits, at most 76, of which s are decimals: for money. Without (p, s) it is `DECIMAL(38, 10)` |
| `REAL`, `DOUBLE` | `FLOAT4`, `FLOAT`; `FLOAT8`, `DOUBLE PRECISION` | floating-point numbers of about 7 and 16 digits |
| `VARCHAR` | `TEXT`, `STRING`, `CHAR` | strings of any length. `CAST(… AS VARCHAR(3))` cuts; a column VARCHAR(3) takes longer strings |
| `BYTEA` | `BLOB` | bytes, written `\\x00ff` |
| `DATE` | | a day |
| `TIME` | | a time of day |
| `TIMESTAMP` | `DATETIME` | a day and a time, without a zone |
| `TIMESTAMP WITH TIME ZONE` | `TIMESTAMPTZ` | an instant, shown as the time in a zone |
| `INTERVAL` | | a length of time: months, days and smaller units |
| `BIGINT[]` | | a list, of any type |
| `STRUCT(a BIGINT)`, `MAP(VARCHAR, BIGINT)` | | named fields; keys with values |
| `JSON`, `UUID` | `JSONB` | strings, which a column of this type checks |

A cast to a whole number rounds to the nearest. `typeof(value)` returns the type of a value, and `DESCRIBE` those of the columns of a table, file or query.

**Cost.** A cast is computed for each row of each query, and a condition over it can often not use the statistics of a file. Convert once, in CREATE TABLE AS, what many
queries read.

**Elsewhere.** As in PostgreSQL, where a string that is too long for VARCHAR(3) is an error in a column; TRY_CAST and lists are those of DuckDB, whose HUGEINT is
`DECIMAL(38, 0)` here. There are no types for money, enums, bit strings and shapes.",
    examples: &["SELECT TRY_CAST('31.12.2025' AS DATE) AS day, TRY_CAST('12' AS INTEGER) AS whole, '19.90'::DECIMAL(10, 2) AS price, CAST(['1', '2'] AS INTEGER[]) AS list;"],
    ..STATEMENT
}];
