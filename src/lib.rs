//! Embedded customer profiling (客户画像) in SQL, on [Apache DataFusion](datafusion): Parquet in, segments, rules and offers out.
//!
//! # Use
//! An [`Engine`] owns the database, the threads and their limits, and opens [`Session`]s. Each statement is parsed and executed, and its
//! rows are returned batch by batch:
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
//! main ─▶ cli, server, scheduler ─▶ engine ─▶ system ─▶ objects ─▶ refresh ─▶ sql ─▶ statement
//!                                                           │         │
//!     functions, files, databases ◀─────────────────────────┘         │
//!                    └─▶ learning ─▶ adapter ─▶ catalog ◀─────────────┘        kernels: no engine beneath them
//!                                                    docs, encryption, error, formats, language, settings, temporary, text, walk, postgres_*: leaves
//! ```
//! Each folder, or file of that name, uses only what stands below it in this table; a test compares it with the source.
//!
//! | folder | what it contains |
//! |---|---|
//! | `cli` | arguments, and the shell with its commands (one table, `cli/shell/commands.rs`); a thin interface over one [`Session`] |
//! | `scheduler` | scripts that run on a schedule: what is due, who runs it, who is notified; an interface like the others |
//! | `server` | interfaces for other programs, with one session per connection: PostgreSQL's protocol, Arrow Flight SQL; health and metrics |
//! | `distributed` | finds each of our steps and functions by name and restores it from its bytes |
//! | `engine` | puts everything together: [`Engine`], [`Session`], [`Prepared`], [`Answer`]; what each statement does; output files that appear complete or not at all |
//! | `system` | the schema `system`, one file per table; `pg_catalog` and `information_schema`; the reference |
//! | `objects` | the kinds of named objects, one file per kind, and the lifecycle that all share |
//! | `refresh` | a profile with its tags and segments: one plan, one pass, one commit |
//! | `sql` | from text to statements to plans: parser, grammar of objects, relation functions in FROM, macros, time travel, syntax checks, rules over plans |
//! | `statement` | everything that one statement sees and may do, as one value |
//! | `databases` | tables of SQLite files and PostgreSQL servers: columns, conditions and rows in the SQL of the other database |
//! | `files` | files as tables: what a location means, CSV, JSON and Excel with their options, Parquet; how COPY and INSERT write |
//! | `functions` | what users call: one folder per domain, one file per function, and nothing else |
//! | `aggregation` | GROUP BY of one or two keys, in tables that all threads share |
//! | `builtins` | SQL's own functions and operators, where ours replace those of DataFusion |
//! | `learning` | features in memory, and models: trained, stored, applied |
//! | `adapter` | how a function connects to DataFusion: arguments, relation functions, aggregates, steps, plain data with a name |
//! | `catalog` | what a database remembers: objects, snapshots, runs and locks in SQLite, and the immutable Parquet files they name |
//! | `report` | reports: sections of SQL, sentences made from their results, and the page that shows all of it |
//! | `formats` | how results are written: tables, CSV, JSON, Markdown, Parquet, Excel |
//! | `charts` | charts as SVG, and as characters for a terminal |
//! | `docs` | one form for the page of every function, statement and setting |
//! | `kernels` | algorithms over slices, without DataFusion, SQL or Arrow |
//! | `calendar` | when something is due: cron expressions in time zones, fixed intervals |
//! | `passwords` | what is kept of passwords |
//! | `postgres_settings` | the settings of PostgreSQL that its clients ask for |
//! | `settings` | the settings of Portrait, with their bounds |
//! | `encryption` | keys and what is encrypted with them: master keys, sealed values, temporary files |
//! | `error` | how an error is written, and its SQLSTATE |
//! | `language` | the languages in which Portrait speaks, and the catalogue of its texts in Chinese |
//! | `postgres_catalog` | a database as PostgreSQL's catalog describes it, as plain data with object ids |
//! | `postgres_types` | the PostgreSQL types that clients see for our values |
//! | `temporary` | folders that go with the process |
//! | `opaque` | values that many hold and others need not look into |
//! | `environment` | variables of other programs, such as libpq's, and where `~` and keys are |
//! | `text` | how names, strings, times and amounts are written |
//! | `walk` | walks over syntax trees, expressions and plans, compiled once for all visitors |
//!
//! A **statement** is one value from its beginning to its last row, `statement::StatementContext`: the state of the database that it reads, who runs it,
//! its base folder, clock, parameters and limits, and the way to cancel it. DataFusion plans with a state whose catalog is bound to that
//! value. Nothing is looked up in globals of the process, the thread or the task.
//!
//! An **object** (a table, view, sequence, profile, tag, segment, model, identity, function, schedule or role) has a kind, and a kind is a file in `objects` that implements
//! `Kind`. How objects are created, replaced, dropped, listed, described and dumped is written there once for all kinds.
//!
//! A **relation function**, such as `rfm(orders, customer => customer_id, …)`, passes these stages. `sql::parser` turns the table name into a
//! subquery, so that DataFusion finds it. `sql::relation` checks the arguments against the function's [`Doc`] and leaves a call node.
//! When the query is optimised, parameters have values, and `sql::call` asks the function for its plan. That plan consists of DataFusion's filters, projections and
//! aggregates, which reach the scan, spill and run in parallel, and of *steps* (`adapter::step`) for what SQL has no operator
//! for. Nothing runs during planning. Steps and functions are plain data with a name: EXPLAIN, equality and serialisation are derived from that data.
//!
//! A **table macro** is a function in FROM that stands for an SQL query; functions made with CREATE FUNCTION are macros too. `sql::macros`
//! replaces the call by the query when the statement is planned. Functions that need to know about the database's objects ask
//! `adapter::definitions`, which `objects::stored` answers for one statement.
//!
//! A function that **learns from rows** declares which columns it needs. `learning::features` reads them into a matrix, and its `Compute` works
//! on the matrix outside the query, with kernels whose sums are exact and whose random draws depend on the keys. `CREATE MODEL` stores what a
//! `ModelType` has learned; `ml_predict` reads it once per query.

mod adapter;
mod aggregation;
mod builtins;
mod calendar;
mod catalog;
mod charts;
mod databases;
#[cfg_attr(not(test), expect(dead_code, reason = "workers on other machines decode; until there are some, the tests do"))]
mod distributed;
mod docs;
mod encryption;
mod engine;
mod environment;
mod error;
mod files;
mod formats;
mod functions;
mod kernels;
mod language;
mod learning;
mod objects;
mod opaque;
mod passwords;
mod postgres_catalog;
mod postgres_settings;
mod postgres_types;
mod refresh;
mod report;
mod scheduler;
mod server;
mod settings;
mod sql;
mod statement;
mod system;
mod temporary;
mod text;
mod walk;

pub use docs::{Argument, Column, Doc, Kind, Takes};
pub use encryption::{MasterKeys, key_line, made_key};
pub use engine::{
    Answer, AuditRecord, Cancel, Checked, Description, Engine, EngineOptions, Finding, JobLock, Parameters, Prepared, Progress,
    Saved, Session, Staged, THREAD_NAME, TransactionStatus, VerifiedAudit, example_results, pages, reference, restore,
    restore_encrypted, stream, tasks, tasks_page,
};
pub use environment::Environment;
pub use error::{SqlState, message, sqlstate};
pub use formats::{
    Blocks, ChartRequest, Format, Lost, ResultWriter, TableStyle, cells, display_width, draw_in_terminal, wrapped,
};
pub use language::Language;
pub use scheduler::{Scheduler, SchedulerOptions};
pub use server::{Server, ServerOptions, TlsFiles, default_queries};
pub use settings::PortraitSettings;
pub use sql::parser::Statement;
pub use sql::{extension_planners, register, sql};
pub use temporary::remove_all as remove_temporary_folders;
pub use text::{printable, without_passwords};
