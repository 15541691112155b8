//! Customer profiling (客户画像) in SQL, embedded: Parquet in, segments, rules and offers out, on [Apache DataFusion](datafusion).
//!
//! # Use
//! An [`Engine`] owns the database, the threads and their limits; it opens [`Session`]s. Each statement is parsed, executed, and
//! answered batch by batch:
//! ```
//! use portraitdb::{Engine, EngineOptions};
//!
//! let engine = Engine::open(EngineOptions::default())?;
//! let session = engine.session()?;
//! let batches = engine.block_on(session.sql(
//!     "SELECT segment, count(*) AS customers
//!      FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount)
//!      GROUP BY segment",
//! ))?;
//! assert!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>() > 3);
//! # Ok::<(), datafusion::error::DataFusionError>(())
//! ```
//!
//! # In a DataFusion session of your own
//! [`register`] adds every function to a `SessionStateBuilder`; [`sql`](fn@sql) plans a query as `SessionContext::sql` does, and lets
//! relation functions take a table by its name:
//! ```
//! use datafusion::execution::session_state::SessionStateBuilder;
//! use datafusion::prelude::SessionContext;
//!
//! # let runtime = tokio::runtime::Runtime::new()?;
//! # runtime.block_on(async {
//! let builder = SessionStateBuilder::new().with_default_features();
//! let context = SessionContext::new_with_state(portraitdb::register(builder).build());
//! context.sql("CREATE TABLE orders AS SELECT * FROM sample_orders(rows => 1000)").await?;
//! let customers = portraitdb::sql(
//!     &context,
//!     "SELECT * FROM rfm(orders, customer => customer_id, order_time => ordered_at, amount => amount)",
//! )
//! .await?;
//! assert!(customers.count().await? > 50);
//! # Ok::<(), datafusion::error::DataFusionError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Architecture
//! ```text
//! main ─▶ cli ─▶ engine ─▶ profiles ─▶ sql ─▶ functions ─▶ catalog ─▶ kernels        docs, error, settings: leaves
//! ```
//! | folder | what it knows |
//! |---|---|
//! | `cli` | arguments, the shell, formats; a thin door over one [`Session`] |
//! | `distributed` | steps and functions by name, from their bytes |
//! | `engine` | puts everything together; the one way from a statement to its [`Answer`]; files that appear whole or not at all |
//! | `profiles` | profiles, tags, segments and models: what their statements say, one plan and one pass for a refresh, what it publishes |
//! | `sql` | text to statements; the hook that reads relation functions in FROM; the rule that replaces a call by its plan |
//! | `functions` | what users call, a folder a domain, a file a function; relation functions, their arguments and steps |
//! | `catalog` | what a database remembers: definitions, snapshots and runs in SQLite, and the immutable Parquet files they name |
//! | `kernels` | numeric code over slices, without DataFusion |
//!
//! A **relation function**, `rfm(orders, customer => customer_id, …)`, goes through these rooms: `sql::parser` makes the table name a
//! subquery, so that DataFusion finds it; `sql::relation` reads the arguments against the function's [`Doc`] and leaves a call node;
//! when the query is optimised, parameters have values, and `sql::call` asks the function for its plan. That plan is filters, projections and
//! aggregates of DataFusion, which reach the scan, spill and run in parallel, and *steps* (`functions::step`) for what SQL has no operator
//! for. Nothing runs while it is planned.
//!
//! A **table macro** is a function in FROM that stands for a query in SQL: `sql::macros` puts the query in the place of the call when the
//! statement is planned. What it asks about the database's objects, it asks `functions::definitions`, which the engine answers.
//!
//! A function that **learns from rows** says which columns it wants; `functions::features` reads them into a matrix, and its `Compute` works
//! on that beside the query, with kernels whose sums are exact and whose draws hang on the keys. `CREATE MODEL` stores as text what a
//! `ModelType` has learned; `ml_predict` is a macro that puts it into a query.

mod adapter;
mod catalog;
#[cfg_attr(not(test), expect(dead_code, reason = "workers on other machines decode; until there are some, the tests do"))]
mod distributed;
mod docs;
mod engine;
mod error;
mod files;
mod formats;
mod functions;
mod kernels;
mod learning;
mod objects;
mod refresh;
mod settings;
mod sql;
mod statement;
mod system;
mod text;

pub use docs::{Argument, Column, Doc, Kind, Takes};
pub use engine::{
    Answer, Cancel, Description, Engine, EngineOptions, Parameters, Prepared, Progress, Session, Staged, THREAD_NAME, pages,
    reference,
};
pub use error::{SqlState, message, sqlstate};
pub use formats::{Format, ResultWriter, cells};
pub use settings::PortraitSettings;
pub use sql::parser::Statement;
pub use sql::{extension_planners, register, sql};
