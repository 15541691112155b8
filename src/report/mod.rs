//! Reports: sections of SQL, their results, sentences made from the results by rules, and the page that shows all of it.
//!
//! A section is a script that is described by the comments at its top:
//!
//! ```sql
//! -- title: Regions
//! -- title.zh: 地区分布
//! -- needs: members.region
//! -- chart: pie
//! -- x: region
//! -- y: customers
//! -- count: customers
//! -- percent: share
//! -- say: share >= 0.4 AND customers >= 100
//! -- say.en: {share:percent} of the customers live in {region}.
//! -- say.zh: {share:percent} 的客户集中在 {region}。
//! SELECT region, count(*) AS customers, count(*) / CAST(sum(count(*)) OVER () AS DOUBLE) AS share FROM $members GROUP BY region;
//! ```
//!
//! | key | meaning |
//! |---|---|
//! | `title`, `text` | heading, and a sentence below it |
//! | `needs` | required columns, without which the section is left out: `table.column`, or `members.column` of the profile |
//! | `when` | a query that returns a boolean; if it is false, the section is left out |
//! | `latest` | `true` if only the last refresh has the data |
//! | `chart` | a [kind of chart](crate::charts::Kind), `numbers` for large figures, or `none`; `x`, `y` and `series` are its columns. Where there are too many slices, spokes or series for the kind, bars or a heat map are drawn |
//! | `count` | the column that counts customers: rows of fewer than `smallest` are suppressed |
//! | `percent` | columns that are shares |
//! | `say` | a condition over the columns of a row; where it holds, the sentences in the following lines `say.en` and `say.zh` are shown, with values in braces: `{column}`, `{column:percent}`, `{column:customer\|customers}`, which is `1 customer` or `2 customers`. `column_before` is the earlier value in a report that compares, otherwise NULL |
//! | `most` | the maximum number of rows that one rule makes sentences of, default 3 |
//! | `strongest` | the column whose largest values a rule speaks of first; without it, the rows in their order |
//! | `words.zh` | names and values in another language: `customers = 客户数, not known = 未知` |
//!
//! In the query, these names stand for the subject of the report: `$profile`, `$key`, `$members`, `$tags`, `$history`, `$segments` (segment,
//! key, since), `$as_of` and `$smallest`; on a card also `$customer`. What several sections need is computed once if each has it as a `WITH name AS MATERIALIZED (…)` of
//! the same text, which reads no other query of its WITH. This room knows neither sessions nor tables: the engine runs the queries.

mod answered;
mod masked;
mod omitted;
mod page;
mod section;
mod sentences;
mod shipped;

pub use answered::Answered;
pub use omitted::{Omitted, reasons};
pub use page::{Left, Page, Shown, page};
use section::Drawn;
pub use section::Section;
pub use sentences::{Said, fill, may_speak};
pub use shipped::{CARD, REPORT};

pub use crate::language::Language;
