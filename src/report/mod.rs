//! Reports: sections of SQL, what they answer, sentences made from it by rules, and the page that shows all.
//!
//! A section is a script with its own description in the comments at its top:
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
//! | key | what it says |
//! |---|---|
//! | `title`, `text` | heading, and a sentence below it |
//! | `needs` | columns without which the section is left out: `table.column`, or `members.column` of the profile |
//! | `when` | a query of one boolean; the section is left out where it is false |
//! | `latest` | `true` for what only the last refresh tells |
//! | `chart` | a [kind of chart](crate::charts::Kind), `numbers` for large figures, or `none`; `x`, `y` and `series` are its columns |
//! | `count` | the column that counts customers: rows of fewer than `smallest` are suppressed |
//! | `percent` | columns that are shares |
//! | `say` | a condition over the columns of a row; the lines `say.en`, `say.zh` after it are what is said where it holds. `column_before` is the earlier value of a report that compares, NULL otherwise |
//! | `most` | how many rows of one rule are spoken of, default 3 |
//! | `words.zh` | names and values in another language: `customers = 客户数, not known = 未知` |
//!
//! In the query these names stand for what the report is of: `$profile`, `$key`, `$members`, `$tags`, `$history`, `$segments` (segment, key) and
//! `$as_of`; and `$customer` on a card. This room knows neither sessions nor tables: the engine runs the queries.

mod answered;
mod masked;
mod page;
mod section;
mod sentences;
mod shipped;

pub use answered::Answered;
pub use page::{Left, Page, Shown, page};
use section::Drawn;
pub use section::Section;
pub use sentences::{Said, fill, may_speak};
pub use shipped::{CARD, REPORT};

pub use crate::language::Language;
