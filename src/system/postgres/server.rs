//! The database, its roles, settings and sessions.

use std::sync::Arc;

use chrono::{Offset, TimeZone, Utc};
use datafusion::arrow::array::timezone::Tz;
use datafusion::common::Result;

use super::classes::access;
use super::data::{self, Row};
use super::row;
use crate::postgres_catalog::cells::Cell;
use crate::postgres_catalog::{DATABASE, OWN_NAME, OWNER, PostgresCatalog, Role};
use crate::postgres_settings::{SETTINGS, value};
use crate::sql::redacting::redacted;
use crate::statement::activity::Connection;
use crate::statement::{KeptCursor, KeptStatement, StatementContext};
use crate::system::queries::may_watch;

const DEFAULT_TABLESPACE: i64 = 1663;
const GLOBAL_TABLESPACE: i64 = 1664;
const UTF8: i64 = 6;

/// The rows of a table; empty for features that do not exist here.
pub fn rows(table: &str, catalog: &PostgresCatalog, context: &StatementContext) -> Result<Vec<Row>> {
    let of_roles = |of: fn(&Role) -> Row| catalog.roles.iter().map(of).collect();
    Ok(match table {
        "pg_database" => vec![database(catalog)],
        "pg_roles" | "pg_authid" => of_roles(role),
        "pg_user" | "pg_shadow" => of_roles(user),
        "pg_group" => vec![],
        "pg_auth_members" => {
            let of = |role: &Role| {
                let member = role.oid;
                role.member_of.iter().map(move |of| (member, *of)).collect::<Vec<_>>()
            };
            catalog
                .roles
                .iter()
                .flat_map(of)
                .map(|(member, of)| {
                    row! {
                        "oid": 0x7000_0000 + (member % 0x1000_0000), "roleid": of, "member": member, "grantor": OWNER,
                        "admin_option": false, "inherit_option": true, "set_option": true,
                    }
                })
                .collect()
        }
        "pg_tablespace" => {
            let of = |(oid, name): (i64, &str)| row! {"oid": oid, "spcname": name, "spcowner": OWNER};
            [(DEFAULT_TABLESPACE, "pg_default"), (GLOBAL_TABLESPACE, "pg_global")].map(of).into()
        }
        "pg_settings" => {
            let of = |(name, setting, kind, context, text, unit): (&str, Option<String>, &str, &str, &str, Option<&str>)| {
                let reset = setting.clone();
                row! {
                    "name": name, "setting": setting, "unit": unit, "category": "Settings", "short_desc": text, "context": context,
                    "vartype": kind, "source": "default", "boot_val": reset.clone(), "reset_val": reset, "pending_restart": false,
                }
            };
            let options = context.session().config_options();
            let is_superuser = context.rights()?.is_superuser();
            let told = |name: &str| match name {
                "is_superuser" => Some(if is_superuser { "on".to_string() } else { "off".into() }),
                name => value(name, options, &catalog.role),
            };
            let own = SETTINGS.iter().map(|own| (own.name, told(own.name), own.kind, own.context, own.text, own.unit));
            let mut rows: Vec<Row> = own.map(of).collect();
            let entries = options.entries();
            rows.extend(entries.iter().map(|entry| {
                of((&entry.key, Some(entry.value.clone().unwrap_or_default()), "string", "user", entry.description, None))
            }));
            rows
        }
        "pg_stat_activity" => activities(catalog, context)?,
        "pg_stat_database" => vec![row! {
            "datid": DATABASE, "datname": OWN_NAME, "numbackends": 1, "xact_commit": 0, "xact_rollback": 0, "blks_read": 0, "blks_hit": 0,
            "tup_returned": 0, "tup_fetched": 0, "tup_inserted": 0, "tup_updated": 0, "tup_deleted": 0, "conflicts": 0, "temp_files": 0,
            "temp_bytes": 0, "deadlocks": 0,
        }],
        "pg_locks" => vec![row! {
            "locktype": "virtualxid", "virtualxid": "1/1", "virtualtransaction": "1/1", "pid": i64::from(std::process::id()),
            "mode": "ExclusiveLock", "granted": true, "fastpath": true,
        }],
        "pg_prepared_statements" => {
            let of = |own: KeptStatement| {
                let columns = if own.columns.is_empty() { Cell::Null } else { Cell::Ints(own.columns) };
                row! {
                    "name": own.name, "statement": own.text, "prepare_time": Cell::Time(own.at),
                    "parameter_types": Cell::Ints(own.parameters), "result_types": columns, "from_sql": own.is_of_sql,
                    "generic_plans": 0, "custom_plans": 0,
                }
            };
            context.tables().kept().map(|kept| kept.statements().into_iter().map(of).collect()).unwrap_or_default()
        }
        "pg_cursors" => {
            let of = |own: KeptCursor| {
                row! {
                    "name": own.name, "statement": own.text, "is_holdable": own.holds, "is_binary": false,
                    "is_scrollable": own.scrolls, "creation_time": Cell::Time(own.at),
                }
            };
            context.tables().kept().map(|kept| kept.cursors().into_iter().map(of).collect()).unwrap_or_default()
        }
        "pg_timezone_names" => zones(context),
        "pg_timezone_abbrevs" => ABBREVIATIONS
            .iter()
            .map(|(name, hours, is_summer)| row! {"abbrev": *name, "utc_offset": Cell::Int(hours * 3600), "is_dst": *is_summer})
            .collect(),
        "pg_ts_config" => vec![row! {"oid": 3748, "cfgname": "simple", "cfgnamespace": 11, "cfgowner": OWNER, "cfgparser": 3722}],
        "pg_ts_parser" => vec![row! {"oid": 3722, "prsname": "default", "prsnamespace": 11}],
        "pg_ts_dict" => {
            vec![row! {"oid": 3765, "dictname": "simple", "dictnamespace": 11, "dictowner": OWNER, "dicttemplate": 3727}]
        }
        "pg_ts_template" => vec![row! {"oid": 3727, "tmplname": "simple", "tmplnamespace": 11}],
        "pg_foreign_data_wrapper" | "pg_foreign_server" | "pg_foreign_table" | "pg_user_mapping" | "pg_user_mappings" => vec![],
        _ => vec![],
    })
}

/// Time zone abbreviations, with their offset in hours and whether they are daylight saving time.
const ABBREVIATIONS: [(&str, i64, bool); 16] = [
    ("BST", 1, true),
    ("CDT", -5, true),
    ("CEST", 2, true),
    ("CET", 1, false),
    ("CST", -6, false),
    ("EDT", -4, true),
    ("EEST", 3, true),
    ("EET", 2, false),
    ("EST", -5, false),
    ("GMT", 0, false),
    ("JST", 9, false),
    ("MDT", -6, true),
    ("MST", -7, false),
    ("PDT", -7, true),
    ("PST", -8, false),
    ("UTC", 0, false),
];

fn zones(context: &StatementContext) -> Vec<Row> {
    let Some(now) = chrono::DateTime::from_timestamp_micros(context.now()) else { return vec![] };
    let winter = Utc.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).single().unwrap_or(now);
    let summer = Utc.with_ymd_and_hms(2024, 7, 1, 0, 0, 0).single().unwrap_or(now);
    let of = |name: &'static str| {
        let zone: Tz = name.parse().ok()?;
        let offset = |at: chrono::DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc());
        let seconds = |at| i64::from(offset(at).fix().local_minus_utc());
        let own = seconds(now);
        let is_summer = own > seconds(winter).min(seconds(summer));
        Some(row! {"name": name, "abbrev": offset(now).to_string(), "utc_offset": Cell::Int(own), "is_dst": is_summer})
    };
    data::zones().filter_map(of).collect()
}

fn database(catalog: &PostgresCatalog) -> Row {
    row! {
        "datacl": access(catalog, DATABASE, OWNER, &["CREATE", "CONNECT", "TEMPORARY"]),
        "oid": DATABASE,
        "datname": OWN_NAME,
        "datdba": OWNER,
        "encoding": UTF8,
        "datlocprovider": "c",
        "datistemplate": false,
        "datallowconn": true,
        "datconnlimit": -1,
        "datminmxid": 1,
        "dattablespace": DEFAULT_TABLESPACE,
        "datcollate": "C.UTF-8",
        "datctype": "C.UTF-8",
    }
}

fn role(role: &Role) -> Row {
    row! {
        "oid": role.oid,
        "rolname": role.name.as_str(),
        "rolsuper": role.is_superuser,
        "rolinherit": true,
        "rolcreaterole": role.is_superuser,
        "rolcreatedb": false,
        "rolcanlogin": role.can_login,
        "rolreplication": false,
        "rolconnlimit": -1,
        "rolbypassrls": role.is_superuser,
        "rolpassword": "********",
    }
}

fn user(role: &Role) -> Row {
    row! {
        "usename": role.name.as_str(),
        "usesysid": role.oid,
        "usecreatedb": false,
        "usesuper": role.is_superuser,
        "userepl": false,
        "usebypassrls": role.is_superuser,
        "passwd": "********",
    }
}

/// The connections with what they run; in a process without connections, just the current session.
fn activities(catalog: &PostgresCatalog, context: &StatementContext) -> Result<Vec<Row>> {
    let (connections, queries, rights) = (context.activity().connections(), context.activity().queries(), context.rights()?);
    if context.connection().is_none() {
        return Ok(vec![activity(catalog, context)]);
    }
    let of = |connection: &Arc<Connection>| {
        let query = queries.iter().find(|query| query.connection.as_ref().is_some_and(|own| own.pid == connection.pid));
        // What other roles do is not shown, as in PostgreSQL.
        let is_shown = may_watch(&rights, &connection.role);
        let shown = |cell: Cell| if is_shown { cell } else { Cell::Null };
        let began = query.map_or(Cell::Null, |query| Cell::Time(query.began));
        row! {
            "datid": DATABASE,
            "datname": OWN_NAME,
            "pid": i64::from(connection.pid),
            "usesysid": catalog.role_named(&connection.role).map(|role| role.oid),
            "usename": connection.role.as_str(),
            "application_name": shown(connection.application().into()),
            "client_addr": shown(connection.client.map(|client| client.ip().to_string()).into()),
            "client_port": shown(connection.client.map_or(Cell::Null, |client| Cell::Int(client.port().into()))),
            "backend_start": shown(Cell::Time(connection.since)),
            "query_start": shown(began.clone()),
            "xact_start": shown(began.clone()),
            "state_change": shown(began),
            "state": shown(if query.is_some() { "active" } else { "idle" }.into()),
            "query": query.map_or_else(String::new, |query| {
                if is_shown { redacted(&query.text) } else { "<insufficient privilege>".into() }
            }),
            "backend_type": "client backend",
        }
    };
    Ok(connections.iter().map(of).collect())
}

/// The current session.
fn activity(catalog: &PostgresCatalog, context: &StatementContext) -> Row {
    let role = catalog.role_named(&catalog.role).map(|role| role.oid);
    row! {
        "datid": DATABASE,
        "datname": OWN_NAME,
        "pid": catalog.pid,
        "usesysid": role,
        "usename": catalog.role.as_str(),
        "application_name": "",
        "query_start": Cell::Time(context.now()),
        "xact_start": Cell::Time(context.now()),
        "state_change": Cell::Time(context.now()),
        "state": "active",
        "query": "",
        "backend_type": "client backend",
    }
}
