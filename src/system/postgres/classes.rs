//! Relations, their columns, keys and comments.

use super::data::Row;
use super::row;
use crate::postgres_catalog::cells::Cell;
use crate::postgres_catalog::{
    Counter, OF_SEQUENCES, OF_TABLES, Part, PostgresCatalog, Relation, RelationColumn, RelationConstraint, RelationRule, part_oid,
};

const HEAP: i64 = 2;
const BTREE: i64 = 403;
/// The OIDs of the tables that descriptions and dependencies refer to.
const PG_CLASS: i64 = 1259;
const PG_PROC: i64 = 1255;
const PG_NAMESPACE: i64 = 2615;
const PG_REWRITE: i64 = 2618;
const PG_CONSTRAINT: i64 = 2606;
/// The first number of a default.
const DEFAULTS: i64 = 0x4000_0000;

/// The rows of a table about relations; `None` for tables about other things.
pub fn rows(table: &str, catalog: &PostgresCatalog) -> Option<Vec<Row>> {
    let relations = || catalog.relations.iter();
    let tables = || relations().filter(|relation| relation.kind == 'r');
    let views = || relations().filter(|relation| relation.kind == 'v');
    Some(match table {
        "pg_class" => {
            let indexes = catalog.keys().map(|(relation, key)| index_class(relation, key));
            let counters = catalog.counters().map(|(relation, _, counter)| counter_class(relation, counter));
            relations().map(|relation| class(relation, catalog)).chain(indexes).chain(counters).collect()
        }
        "pg_attribute" => {
            let of = |relation: &Relation| {
                (1..).zip(&relation.columns).map(|(place, column)| attribute(relation.oid, place, column)).collect::<Vec<_>>()
            };
            let of_index = |(relation, key): (&Relation, &RelationConstraint)| {
                let columns = (1..).zip(&key.columns);
                let column = |(place, column): (i64, &i64)| Some(attribute(key.index, place, relation.column(*column)?));
                columns.filter_map(column).collect::<Vec<_>>()
            };
            relations().flat_map(of).chain(catalog.keys().flat_map(of_index)).collect()
        }
        "pg_attrdef" => relations()
            .flat_map(|relation| {
                let default = |(place, column): (i64, &RelationColumn)| {
                    let default = column.default.clone().filter(|_| !is_identity(column))?;
                    // A number of its own, which no other default has.
                    Some(row! {"oid": DEFAULTS + (relation.oid / 16 * 2048 + place) % DEFAULTS, "adrelid": relation.oid, "adnum": place, "adbin": default})
                };
                (1..).zip(&relation.columns).filter_map(default).collect::<Vec<_>>()
            })
            .collect(),
        "pg_sequence" => catalog
            .all_counters()
            .map(|(_, counter)| {
                row! {
                    "seqrelid": counter.oid, "seqtypid": counter.type_oid, "seqstart": counter.first, "seqincrement": counter.step,
                    "seqmax": counter.most, "seqmin": counter.least, "seqcache": 1, "seqcycle": counter.cycles,
                }
            })
            .collect(),
        "pg_sequences" => catalog
            .all_counters()
            .map(|(relation, counter)| {
                row! {
                    "schemaname": counter.schema.as_str(), "sequencename": counter.name.as_str(),
                    "sequenceowner": owner(catalog, relation), "data_type": counter.type_oid,
                    "start_value": counter.first, "min_value": counter.least, "max_value": counter.most,
                    "increment_by": counter.step, "cycle": counter.cycles, "cache_size": 1, "last_value": counter.last,
                }
            })
            .collect(),
        "pg_index" => catalog.keys().map(|(relation, key)| index(relation, key)).collect(),
        "pg_constraint" => catalog.constraints().map(|(relation, own)| constraint(catalog, relation, own)).collect(),
        "pg_namespace" => {
            let namespaces = catalog.namespaces.iter();
            namespaces
                .map(|namespace| {
                    row! {
                        "oid": namespace.oid, "nspname": namespace.name.as_str(), "nspowner": namespace.owner,
                        "nspacl": access(catalog, namespace.oid, namespace.owner, &["USAGE", "CREATE"]),
                    }
                })
                .collect()
        }
        "pg_description" => descriptions(catalog),
        "pg_tables" => tables()
            .map(|relation| {
                row! {
                    "schemaname": catalog.schema(relation.namespace),
                    "tablename": relation.name.as_str(),
                    "tableowner": owner(catalog, relation),
                    "hasindexes": relation.keys().next().is_some(),
                    "hasrules": false,
                    "hastriggers": false,
                    "rowsecurity": false,
                }
            })
            .collect(),
        "pg_views" => views()
            .map(|relation| {
                row! {
                    "schemaname": catalog.schema(relation.namespace),
                    "viewname": relation.name.as_str(),
                    "viewowner": owner(catalog, relation),
                    "definition": relation.query(),
                }
            })
            .collect(),
        "pg_indexes" => catalog
            .keys()
            .map(|(relation, key)| {
                row! {
                    "schemaname": catalog.schema(relation.namespace),
                    "tablename": relation.name.as_str(),
                    "indexname": key.name.as_str(),
                    "indexdef": relation.index_definition(key, catalog),
                }
            })
            .collect(),
        "pg_rewrite" => views()
            .filter_map(|relation| {
                let query = relation.definition.clone()?;
                Some(row! {
                    "oid": part_oid(relation.oid, Part::Rule), "rulename": "_RETURN", "ev_class": relation.oid, "ev_type": "1",
                    "ev_enabled": "O", "is_instead": true, "ev_qual": "<>", "ev_action": query,
                })
            })
            .collect(),
        "pg_depend" => depend(catalog),
        "pg_stat_all_tables"
        | "pg_stat_user_tables"
        | "pg_stat_sys_tables"
        | "pg_statio_all_tables"
        | "pg_statio_user_tables"
        | "pg_statio_sys_tables"
        | "pg_stat_xact_all_tables"
        | "pg_stat_xact_user_tables"
        | "pg_stat_xact_sys_tables" => {
            let is_listed = |relation: &&Relation| table.contains("_all_") || table.contains("_user_") == relation.is_of_user();
            tables().filter(is_listed).map(|relation| statistics(catalog, relation)).collect()
        }
        "pg_stat_all_indexes" | "pg_stat_user_indexes" | "pg_statio_all_indexes" | "pg_statio_user_indexes" => catalog
            .keys()
            .map(|(relation, key)| {
                row! {
                    "relid": relation.oid, "indexrelid": key.index,
                    "schemaname": catalog.schema(relation.namespace), "relname": relation.name.as_str(),
                    "indexrelname": key.name.as_str(), "idx_scan": 0, "idx_tup_read": 0, "idx_tup_fetch": 0,
                    "idx_blks_read": 0, "idx_blks_hit": 0,
                }
            })
            .collect(),
        _ => return None,
    })
}

fn owner(catalog: &PostgresCatalog, relation: &Relation) -> Option<String> {
    catalog.roles.iter().find(|role| role.oid == relation.owner).map(|role| role.name.clone())
}

/// The access privileges on an object.
pub fn access(catalog: &PostgresCatalog, on: i64, owner: i64, all: &[&str]) -> Cell {
    catalog.access(on, owner, all).map_or(Cell::Null, Cell::Texts)
}

fn class(relation: &Relation, catalog: &PostgresCatalog) -> Row {
    let (is_table, is_view, is_sequence) = (relation.kind == 'r', relation.kind == 'v', relation.kind == 'S');
    #[expect(clippy::cast_precision_loss, reason = "PostgreSQL estimates rows in 32 bits")]
    let rows = relation.rows.map_or(if is_view { 0.0 } else { -1.0 }, |rows| rows as f64);
    row! {
        "oid": relation.oid,
        "relname": relation.name.as_str(),
        "relnamespace": relation.namespace,
        "reltype": relation.row_type().unwrap_or_default(),
        "relowner": relation.owner,
        "relam": if is_table { HEAP } else { 0 },
        "relfilenode": if is_table { relation.oid } else { 0 },
        "relpages": if is_sequence { 1 } else { (relation.bytes + 8191) / 8192 },
        "reltuples": Cell::Float(rows),
        "relhasindex": relation.keys().next().is_some(),
        "relpersistence": if relation.is_temporary { "t" } else { "p" },
        "relkind": relation.kind,
        "relacl": access(catalog, relation.oid, relation.owner, if is_sequence { &OF_SEQUENCES[..] } else { &OF_TABLES[..] }),
        "relnatts": i64::try_from(relation.columns.len()).unwrap_or_default(),
        "relchecks": i64::try_from(relation.checks()).unwrap_or_default(),
        "relhasrules": is_view,
        "relhastriggers": has_triggers(relation, catalog),
        "relispopulated": true,
        "relreplident": if is_table { "d" } else { "n" },
    }
}

/// True for a table at one side of a foreign key. PostgreSQL compares them by triggers, and psql asks for foreign keys only where there are some.
fn has_triggers(relation: &Relation, catalog: &PostgresCatalog) -> bool {
    catalog.constraints().any(|(own, constraint)| match &constraint.rule {
        RelationRule::Foreign(foreign) => {
            let is_referred = || foreign.referred(catalog).is_some_and(|referred| referred.oid == relation.oid);
            own.oid == relation.oid || is_referred()
        }
        RelationRule::PrimaryKey | RelationRule::Unique { .. } | RelationRule::Check(_) => false,
    })
}

/// True for `GENERATED … AS IDENTITY`.
pub fn is_identity(column: &RelationColumn) -> bool {
    column.counter.as_ref().is_some_and(|counter| counter.identity.is_some())
}

fn counter_class(relation: &Relation, counter: &Counter) -> Row {
    row! {
        "oid": counter.oid,
        "relname": counter.name.as_str(),
        "relnamespace": relation.namespace,
        "relowner": relation.owner,
        "reltuples": Cell::Float(1.0),
        "relpages": 1,
        "relpersistence": if relation.is_temporary { "t" } else { "p" },
        "relkind": "S",
        "relnatts": 3,
        "relispopulated": true,
        "relreplident": "n",
    }
}

fn index_class(relation: &Relation, key: &RelationConstraint) -> Row {
    row! {
        "oid": key.index,
        "relname": key.name.as_str(),
        "relnamespace": relation.namespace,
        "relowner": relation.owner,
        "relam": BTREE,
        "reltuples": Cell::Float(0.0),
        "relpersistence": if relation.is_temporary { "t" } else { "p" },
        "relkind": "i",
        "relnatts": i64::try_from(key.columns.len()).unwrap_or_default(),
        "relispopulated": true,
        "relreplident": "n",
    }
}

fn attribute(relation: i64, place: i64, column: &RelationColumn) -> Row {
    let base = column.base;
    let is_text = base.category == 'S';
    let by_value = !column.is_array && matches!(base.length, 1 | 2 | 4 | 8);
    let align = match (column.is_array, base.length) {
        (false, 1) => "c",
        (false, 2) => "s",
        (false, 8 | 16) => "d",
        _ => "i",
    };
    row! {
        "attrelid": relation,
        "attname": column.name.as_str(),
        "atttypid": column.type_oid,
        "attstattarget": -1,
        "attlen": i64::from(column.length),
        "attnum": place,
        "attndims": if column.is_array { 1 } else { 0 },
        "attcacheoff": -1,
        "atttypmod": i64::from(column.modifier),
        "attbyval": by_value,
        "attalign": align,
        "attstorage": if by_value || base.length > 0 && !column.is_array { "p" } else if base.name == "numeric" { "m" } else { "x" },
        "attnotnull": !column.is_nullable,
        "atthasdef": column.default.is_some() && !is_identity(column),
        "attidentity": match column.counter.as_ref().and_then(|counter| counter.identity) {
            Some(true) => "a",
            Some(false) => "d",
            None => "",
        },
        "attislocal": true,
        "attcollation": if is_text { 100 } else { 0 },
    }
}

fn index(relation: &Relation, key: &RelationConstraint) -> Row {
    let columns: Vec<&RelationColumn> = key.columns.iter().filter_map(|place| relation.column(*place)).collect();
    let collation = |column: &&RelationColumn| if column.base.category == 'S' { 100 } else { 0 };
    // The operator class of the index order.
    let class = |column: &&RelationColumn| match column.base.name {
        "int8" => 3124,
        "int4" => 1978,
        "int2" => 1979,
        "numeric" => 3125,
        "date" => 3122,
        "timestamp" => 3128,
        "timestamptz" => 3127,
        "float8" => 3123,
        "uuid" => 2950,
        _ => 3126,
    };
    let width = i64::try_from(columns.len()).unwrap_or_default();
    row! {
        "indexrelid": key.index,
        "indrelid": relation.oid,
        "indnatts": width,
        "indnkeyatts": width,
        "indisunique": true,
        "indnullsnotdistinct": key.rule == RelationRule::Unique { nulls_are_equal: true },
        "indisprimary": key.is_primary(),
        "indimmediate": true,
        "indisvalid": true,
        "indisready": true,
        "indislive": true,
        "indkey": key.columns.clone(),
        "indcollation": columns.iter().map(collation).collect::<Vec<i64>>(),
        "indclass": columns.iter().map(class).collect::<Vec<i64>>(),
        "indoption": columns.iter().map(|_| 0).collect::<Vec<i64>>(),
    }
}

fn constraint(catalog: &PostgresCatalog, relation: &Relation, own: &RelationConstraint) -> Row {
    let (kind, condition, foreign) = match &own.rule {
        RelationRule::PrimaryKey => ("p", None, None),
        RelationRule::Unique { .. } => ("u", None, None),
        RelationRule::Check(condition) => ("c", Some(condition.clone()), None),
        RelationRule::Foreign(foreign) => ("f", None, Some(foreign)),
    };
    let referred = foreign.and_then(|foreign| foreign.referred(catalog));
    let index = foreign.and_then(|foreign| foreign.key(catalog)).map_or(0, |(_, key)| key.index);
    row! {
        "oid": own.oid,
        "conname": own.name.as_str(),
        "connamespace": relation.namespace,
        "contype": kind,
        "condeferrable": foreign.is_some_and(|foreign| foreign.is_deferrable),
        "condeferred": foreign.is_some_and(|foreign| foreign.is_deferred),
        "convalidated": true,
        "conrelid": relation.oid,
        "conindid": if own.is_key() { own.index } else { index },
        "confrelid": referred.map_or(0, |referred| referred.oid),
        "confupdtype": foreign.map_or(" ", |foreign| foreign.on_update),
        "confdeltype": foreign.map_or(" ", |foreign| foreign.on_delete),
        "confmatchtype": foreign.map_or(" ", |foreign| if foreign.is_full { "f" } else { "s" }),
        "conislocal": true,
        "connoinherit": own.is_key() || foreign.is_some(),
        "conkey": own.columns.clone(),
        "confkey": foreign.zip(referred).map(|(foreign, referred)| foreign.places(referred)),
        "conbin": condition,
    }
}

fn descriptions(catalog: &PostgresCatalog) -> Vec<Row> {
    let describe = |class: i64, oid: i64, part: i64, comment: &Option<String>| {
        let comment = comment.clone()?;
        Some(row! {"objoid": oid, "classoid": class, "objsubid": part, "description": comment})
    };
    let mut rows: Vec<Row> = vec![];
    for relation in &catalog.relations {
        rows.extend(describe(PG_CLASS, relation.oid, 0, &relation.comment));
        let columns = (1..).zip(&relation.columns);
        rows.extend(columns.filter_map(|(place, column)| describe(PG_CLASS, relation.oid, place, &column.comment)));
    }
    rows.extend(catalog.namespaces.iter().filter_map(|namespace| describe(PG_NAMESPACE, namespace.oid, 0, &namespace.comment)));
    rows.extend(catalog.functions.iter().filter_map(|function| describe(PG_PROC, function.oid, 0, &function.comment)));
    rows
}

/// An index depends on its constraint, and that on its table; a rule depends on its view, and on what the view reads.
fn depend(catalog: &PostgresCatalog) -> Vec<Row> {
    let row = |class: i64, oid: i64, on: i64, of: i64, part: i64, kind: &str| {
        row! {"classid": class, "objid": oid, "objsubid": 0, "refclassid": on, "refobjid": of, "refobjsubid": part, "deptype": kind}
    };
    let mut rows = vec![];
    for relation in catalog.relations.iter().filter(|relation| relation.is_of_user()) {
        rows.push(row(PG_CLASS, relation.oid, PG_NAMESPACE, relation.namespace, 0, "n"));
        // The counter of a column is dropped together with the column.
        for (place, column) in (1..).zip(&relation.columns) {
            if let Some(counter) = &column.counter {
                let kind = if counter.identity.is_some() { "i" } else { "a" };
                rows.push(row(PG_CLASS, counter.oid, PG_CLASS, relation.oid, place, kind));
            }
        }
        // A sequence is dropped together with the column that owns it.
        if let Some((table, place)) = relation.sequence.as_ref().and_then(|own| own.owner) {
            rows.push(row(PG_CLASS, relation.oid, PG_CLASS, table, place, "a"));
        }
        for constraint in &relation.constraints {
            if constraint.is_key() {
                rows.push(row(PG_CLASS, constraint.index, PG_CONSTRAINT, constraint.oid, 0, "i"));
            }
            let columns = constraint.columns.iter();
            rows.extend(columns.map(|place| row(PG_CONSTRAINT, constraint.oid, PG_CLASS, relation.oid, *place, "a")));
            if let RelationRule::Foreign(foreign) = &constraint.rule {
                let (referred, key) = (foreign.referred(catalog), foreign.key(catalog));
                let columns =
                    referred.into_iter().flat_map(|other| foreign.places(other).into_iter().map(|place| (other.oid, place)));
                rows.extend(columns.map(|(oid, place)| row(PG_CONSTRAINT, constraint.oid, PG_CLASS, oid, place, "n")));
                rows.extend(key.map(|(_, key)| row(PG_CONSTRAINT, constraint.oid, PG_CLASS, key.index, 0, "n")));
            }
        }
        if relation.kind == 'v' {
            let rule = part_oid(relation.oid, Part::Rule);
            rows.push(row(PG_REWRITE, rule, PG_CLASS, relation.oid, 0, "i"));
            let read = relation.reads.iter().filter_map(|name| catalog.relation_named(name));
            rows.extend(read.map(|read| row(PG_REWRITE, rule, PG_CLASS, read.oid, 0, "n")));
        }
    }
    rows
}

fn statistics(catalog: &PostgresCatalog, relation: &Relation) -> Row {
    row! {
        "relid": relation.oid,
        "schemaname": catalog.schema(relation.namespace),
        "relname": relation.name.as_str(),
        "seq_scan": 0,
        "seq_tup_read": 0,
        "n_tup_ins": 0,
        "n_tup_upd": 0,
        "n_tup_del": 0,
        "n_tup_hot_upd": 0,
        "n_live_tup": relation.rows.unwrap_or_default(),
        "n_dead_tup": 0,
        "n_mod_since_analyze": 0,
        "n_ins_since_vacuum": 0,
        "vacuum_count": 0,
        "autovacuum_count": 0,
        "analyze_count": 0,
        "autoanalyze_count": 0,
        "heap_blks_read": 0,
        "heap_blks_hit": 0,
    }
}
