//! Information about the session and the server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use datafusion::common::Result;

use super::{Call, Needs, PostgresFunction};
use crate::error::{SqlState, coded, invalid};
use crate::postgres_catalog::OWN_NAME;
use crate::postgres_catalog::cells::Cell;
use crate::postgres_settings;

/// The PostgreSQL version that clients may assume for the catalog and functions.
const VERSION: &str = concat!("PostgreSQL 16.6 (Portrait ", env!("CARGO_PKG_VERSION"), ") on ");

const fn of(
    name: &'static str,
    syntax: &'static str,
    counts: (usize, usize),
    gives: &'static str,
    needs: Needs,
    text: &'static str,
    compute: fn(&Call<'_>) -> Result<Cell>,
) -> PostgresFunction {
    PostgresFunction { name, syntax, counts, gives, needs, text, compute }
}

fn nothing(_: &Call<'_>) -> Result<Cell> {
    Ok(Cell::Null)
}

fn role(call: &Call<'_>) -> Result<Cell> {
    Ok(call.catalog()?.role.as_str().into())
}

fn started(call: &Call<'_>) -> Result<Cell> {
    Ok(Cell::Time(call.catalog()?.postmaster.started))
}

fn transaction(call: &Call<'_>) -> Result<Cell> {
    Ok(Cell::Int(call.catalog()?.postmaster.next_transaction()))
}

fn setting(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let name = call.text(0)?;
    if name.eq_ignore_ascii_case("is_superuser")
        && let Some(backends) = call.catalog.and_then(|catalog| catalog.backends.as_ref())
    {
        return Ok(if backends.is_superuser()? { "on" } else { "off" }.into());
    }
    let role = call.catalog.map_or(OWN_NAME, |catalog| catalog.role.as_str());
    // As SHOW tells it, with its unit.
    match postgres_settings::told(&name, call.options, role) {
        Some(value) => Ok(value.into()),
        None if call.bool(1) => Ok(Cell::Null),
        None => {
            let problem = "no such setting; pg_settings lists them, and current_setting(name, true) is NULL instead";
            Err(coded(SqlState::UNDEFINED_OBJECT, &name, problem))
        }
    }
}

/// `set_config` within a query that reads rows: it can only confirm a value that is set already. All other calls were rewritten
/// to SET before planning.
fn set(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) || call.is_null(1) {
        return Ok(Cell::Null);
    }
    let name = call.text(0)?;
    let role = call.catalog.map_or(OWN_NAME, |catalog| catalog.role.as_str());
    // With its unit or without.
    let is_set = setting(call)? == *call.cell(1)
        || postgres_settings::value(&name, call.options, role).is_some_and(|value| *call.cell(1) == value.into());
    if name.contains('.') || !is_set {
        return Err(invalid("set_config", format!("cannot change {name} within a query; write SET {name} = …")));
    }
    setting(call)
}

/// Ends a connection, or the statement it runs.
fn end(call: &Call<'_>, whole: bool) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let pid = call.int(0)?;
    match &call.catalog()?.backends {
        Some(backends) => Ok(Cell::Bool(backends.end(pid, whole)?)),
        None => Ok(Cell::Bool(false)),
    }
}

/// Waits this many seconds.
fn sleep(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let given = call.text(0)?;
    let seconds = given.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    let Some(seconds) = seconds else {
        return Err(invalid(call.name, format!("takes a number of seconds, got '{given}'")));
    };
    let time = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    match &call.catalog()?.backends {
        Some(backends) => backends.wait(time)?,
        None => return Err(invalid(call.name, "needs a database; call it in a session of the engine")),
    }
    Ok("".into())
}

/// The time of the call, in microseconds.
fn clock(_: &Call<'_>) -> Result<Cell> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Cell::Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}

/// How many of the arguments are NULL.
fn nulls(call: &Call<'_>) -> i64 {
    i64::try_from(call.arguments.iter().filter(|argument| **argument == Cell::Null).count()).unwrap_or(i64::MAX)
}

/// The key of an advisory lock: one or two numbers; `None` if one is NULL.
fn lock_key(call: &Call<'_>) -> Result<Option<(i64, Option<i64>)>> {
    if call.arguments.contains(&Cell::Null) {
        return Ok(None);
    }
    Ok(Some((call.int(0)?, if call.count() > 1 { Some(call.int(1)?) } else { None })))
}

/// Takes a lock. If another session has it, returns false or fails, depending on `is_tried`.
fn take(call: &Call<'_>, is_shared: bool, is_tried: bool, is_of_transaction: bool) -> Result<Cell> {
    let Some(key) = lock_key(call)? else { return Ok(Cell::Null) };
    let catalog = call.catalog()?;
    let taken = catalog.postmaster.locks.take(catalog.session, key, is_shared, is_of_transaction);
    match (is_tried, taken) {
        (true, taken) => Ok(Cell::Bool(taken)),
        (false, true) => Ok("".into()),
        (false, false) => {
            let problem = "another session holds the lock; try again, or ask pg_try_advisory_lock";
            Err(coded(SqlState::LOCK_NOT_AVAILABLE, &format!("lock {}", key.0), problem))
        }
    }
}

fn let_go(call: &Call<'_>, is_shared: bool) -> Result<Cell> {
    let Some(key) = lock_key(call)? else { return Ok(Cell::Null) };
    let catalog = call.catalog()?;
    Ok(Cell::Bool(catalog.postmaster.locks.let_go(catalog.session, key, is_shared)))
}

const LOCK: &str = "Takes a lock on a number for the session; an error when another has it.";
const TRY: &str = "Takes a lock on a number; false when another session has it.";
const OF_TRANSACTION: &str = "The same, until the transaction ends; outside a transaction, until the statement ends.";

pub const ALL: &[PostgresFunction] = &[
    of(
        "set_config",
        "set_config(name, value, is_local) → text",
        (3, 3),
        "text",
        Needs::SessionNow,
        "Sets a setting, as SET does, in a query without FROM; the value that it has then.",
        set,
    ),
    of(
        "pg_sleep",
        "pg_sleep(seconds) → void",
        (1, 1),
        "text",
        Needs::EachRow,
        "Waits; a cancelled statement stops waiting.",
        sleep,
    ),
    of(
        "clock_timestamp",
        "clock_timestamp() → timestamptz",
        (0, 0),
        "timestamptz",
        Needs::EachRow,
        "The time of the call.",
        clock,
    ),
    of(
        "num_nulls",
        "num_nulls(value, …) → integer",
        (1, usize::MAX),
        "int4",
        Needs::Nothing,
        "How many of the values are NULL.",
        |call| Ok(Cell::Int(nulls(call))),
    ),
    of(
        "num_nonnulls",
        "num_nonnulls(value, …) → integer",
        (1, usize::MAX),
        "int4",
        Needs::Nothing,
        "How many of the values are not NULL.",
        |call| Ok(Cell::Int(i64::try_from(call.count()).unwrap_or(i64::MAX) - nulls(call))),
    ),
    of("pg_advisory_lock", "pg_advisory_lock(key [, key]) → void", (1, 2), "text", Needs::SessionNow, LOCK, |call| {
        take(call, false, false, false)
    }),
    of(
        "pg_advisory_lock_shared",
        "pg_advisory_lock_shared(key [, key]) → void",
        (1, 2),
        "text",
        Needs::SessionNow,
        LOCK,
        |call| take(call, true, false, false),
    ),
    of("pg_try_advisory_lock", "pg_try_advisory_lock(key [, key]) → boolean", (1, 2), "bool", Needs::SessionNow, TRY, |call| {
        take(call, false, true, false)
    }),
    of(
        "pg_try_advisory_lock_shared",
        "pg_try_advisory_lock_shared(key [, key]) → boolean",
        (1, 2),
        "bool",
        Needs::SessionNow,
        TRY,
        |call| take(call, true, true, false),
    ),
    of(
        "pg_advisory_xact_lock",
        "pg_advisory_xact_lock(key [, key]) → void",
        (1, 2),
        "text",
        Needs::SessionNow,
        OF_TRANSACTION,
        |call| take(call, false, false, true),
    ),
    of(
        "pg_advisory_xact_lock_shared",
        "pg_advisory_xact_lock_shared(key [, key]) → void",
        (1, 2),
        "text",
        Needs::SessionNow,
        OF_TRANSACTION,
        |call| take(call, true, false, true),
    ),
    of(
        "pg_try_advisory_xact_lock",
        "pg_try_advisory_xact_lock(key [, key]) → boolean",
        (1, 2),
        "bool",
        Needs::SessionNow,
        OF_TRANSACTION,
        |call| take(call, false, true, true),
    ),
    of(
        "pg_try_advisory_xact_lock_shared",
        "pg_try_advisory_xact_lock_shared(key [, key]) → boolean",
        (1, 2),
        "bool",
        Needs::SessionNow,
        OF_TRANSACTION,
        |call| take(call, true, true, true),
    ),
    of(
        "pg_advisory_unlock",
        "pg_advisory_unlock(key [, key]) → boolean",
        (1, 2),
        "bool",
        Needs::SessionNow,
        "Releases a lock; false when the session does not hold it.",
        |call| let_go(call, false),
    ),
    of(
        "pg_advisory_unlock_shared",
        "pg_advisory_unlock_shared(key [, key]) → boolean",
        (1, 2),
        "bool",
        Needs::SessionNow,
        "Releases a shared lock.",
        |call| let_go(call, true),
    ),
    of(
        "pg_advisory_unlock_all",
        "pg_advisory_unlock_all() → void",
        (0, 0),
        "text",
        Needs::SessionNow,
        "Releases all locks of the session; those of a transaction end with it.",
        |call| {
            let catalog = call.catalog()?;
            catalog.postmaster.locks.let_all_go(catalog.session);
            Ok("".into())
        },
    ),
    of(
        "version",
        "version() → text",
        (0, 0),
        "text",
        Needs::Nothing,
        "The version of PostgreSQL that clients may expect, and Portrait's own.",
        |_| Ok(format!("{VERSION}{}-{}, {}-bit", std::env::consts::ARCH, std::env::consts::OS, usize::BITS).into()),
    ),
    of("current_database", "current_database() → name", (0, 0), "name", Needs::Nothing, "The name of the database.", |_| {
        Ok(OWN_NAME.into())
    }),
    of("current_catalog", "current_catalog → name", (0, 0), "name", Needs::Nothing, "The name of the database.", |_| {
        Ok(OWN_NAME.into())
    }),
    of("current_schema", "current_schema() → name", (0, 0), "name", Needs::Session, "The first schema of the path.", |call| {
        Ok(call.catalog()?.path.first().cloned().into())
    }),
    of(
        "current_schemas",
        "current_schemas(implicit) → name[]",
        (1, 1),
        "_name",
        Needs::Session,
        "The schemas of the path; if `implicit` is true, also those that are always searched.",
        |call| {
            let own = call.catalog()?.path.clone();
            let always = call.bool(0).then(|| "pg_catalog".to_string());
            Ok(Cell::Texts(always.into_iter().chain(own).collect()))
        },
    ),
    of("current_user", "current_user → name", (0, 0), "name", Needs::Session, "Who runs the statement.", role),
    of("session_user", "session_user → name", (0, 0), "name", Needs::Session, "Who opened the session.", |call| {
        Ok(call.catalog()?.login.as_str().into())
    }),
    of("current_role", "current_role → name", (0, 0), "name", Needs::Session, "Who runs the statement.", role),
    of("user", "user → name", (0, 0), "name", Needs::Session, "Who runs the statement.", role),
    of(
        "pg_backend_pid",
        "pg_backend_pid() → integer",
        (0, 0),
        "int4",
        Needs::Session,
        "The number of the connection.",
        |call| Ok(Cell::Int(call.catalog()?.pid)),
    ),
    of(
        "pg_cancel_backend",
        "pg_cancel_backend(pid) → boolean",
        (1, 1),
        "bool",
        Needs::SessionNow,
        "Cancels the running statement of a connection; false when there is no such connection.",
        |call| end(call, false),
    ),
    of(
        "pg_terminate_backend",
        "pg_terminate_backend(pid [, timeout]) → boolean",
        (1, 2),
        "bool",
        Needs::SessionNow,
        "Ends a connection; false when there is none of this number.",
        |call| end(call, true),
    ),
    of(
        "current_setting",
        "current_setting(name [, missing_ok]) → text",
        (1, 2),
        "text",
        Needs::Session,
        "The value of a setting.",
        setting,
    ),
    of("pg_is_in_recovery", "pg_is_in_recovery() → boolean", (0, 0), "bool", Needs::Nothing, "False.", |_| Ok(false.into())),
    of("pg_is_wal_replay_paused", "pg_is_wal_replay_paused() → boolean", (0, 0), "bool", Needs::Nothing, "False.", |_| {
        Ok(false.into())
    }),
    of(
        "pg_postmaster_start_time",
        "pg_postmaster_start_time() → timestamptz",
        (0, 0),
        "timestamptz",
        Needs::Session,
        "When the program was started.",
        started,
    ),
    of(
        "pg_conf_load_time",
        "pg_conf_load_time() → timestamptz",
        (0, 0),
        "timestamptz",
        Needs::Session,
        "When settings were read.",
        started,
    ),
    of(
        "txid_current",
        "txid_current() → bigint",
        (0, 0),
        "int8",
        Needs::SessionNow,
        "A number that grows with each call.",
        transaction,
    ),
    of(
        "pg_current_xact_id",
        "pg_current_xact_id() → bigint",
        (0, 0),
        "int8",
        Needs::SessionNow,
        "A number that grows with each call.",
        transaction,
    ),
    of("txid_current_if_assigned", "txid_current_if_assigned() → bigint", (0, 0), "int8", Needs::Nothing, "NULL.", nothing),
    of(
        "pg_current_xact_id_if_assigned",
        "pg_current_xact_id_if_assigned() → bigint",
        (0, 0),
        "int8",
        Needs::Nothing,
        "NULL.",
        nothing,
    ),
    of(
        "inet_server_addr",
        "inet_server_addr() → text",
        (0, 0),
        "text",
        Needs::Session,
        "The address of the server; NULL without one.",
        nothing,
    ),
    of(
        "inet_server_port",
        "inet_server_port() → integer",
        (0, 0),
        "int4",
        Needs::Session,
        "The port of the server; NULL without one.",
        nothing,
    ),
    of(
        "inet_client_addr",
        "inet_client_addr() → text",
        (0, 0),
        "text",
        Needs::Session,
        "The address of the client; NULL without one.",
        nothing,
    ),
    of(
        "inet_client_port",
        "inet_client_port() → integer",
        (0, 0),
        "int4",
        Needs::Session,
        "The port of the client; NULL without one.",
        nothing,
    ),
    of("pg_client_encoding", "pg_client_encoding() → name", (0, 0), "name", Needs::Nothing, "UTF8.", |_| Ok("UTF8".into())),
    of("getdatabaseencoding", "getdatabaseencoding() → name", (0, 0), "name", Needs::Nothing, "UTF8.", |_| Ok("UTF8".into())),
    of("pg_jit_available", "pg_jit_available() → boolean", (0, 0), "bool", Needs::Nothing, "False.", |_| Ok(false.into())),
    of(
        "pg_my_temp_schema",
        "pg_my_temp_schema() → oid",
        (0, 0),
        "oid",
        Needs::Nothing,
        "0: tables of the session stand in `public`.",
        |_| Ok(Cell::Int(0)),
    ),
    of("pg_is_other_temp_schema", "pg_is_other_temp_schema(oid) → boolean", (1, 1), "bool", Needs::Nothing, "False.", |_| {
        Ok(false.into())
    }),
    of("pg_blocking_pids", "pg_blocking_pids(pid) → integer[]", (1, 1), "_oid", Needs::Nothing, "An empty list.", |_| {
        Ok(Cell::Ints(vec![]))
    }),
    of(
        "pg_encoding_to_char",
        "pg_encoding_to_char(number) → name",
        (1, 1),
        "name",
        Needs::Nothing,
        "The encoding of a number: 6 is UTF8.",
        |call| {
            Ok(match call.cell(0) {
                Cell::Null => Cell::Null,
                _ => match call.int(0)? {
                    0 => "SQL_ASCII".into(),
                    6 => "UTF8".into(),
                    8 => "LATIN1".into(),
                    _ => "".into(),
                },
            })
        },
    ),
    of(
        "pg_char_to_encoding",
        "pg_char_to_encoding(name) → integer",
        (1, 1),
        "int4",
        Needs::Nothing,
        "The number of an encoding; -1 for those that are not known.",
        |call| {
            if call.is_null(0) {
                return Ok(Cell::Null);
            }
            Ok(Cell::Int(match call.text(0)?.to_uppercase().replace('-', "").as_str() {
                "SQL_ASCII" => 0,
                "UTF8" | "UNICODE" => 6,
                "LATIN1" => 8,
                _ => -1,
            }))
        },
    ),
];
