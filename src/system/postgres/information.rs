//! `information_schema`: the views of the SQL standard.

use datafusion::common::Result;

use super::data::{Row, Table};
use super::row;
use crate::postgres_catalog::cells::Cell;
use crate::postgres_catalog::{
    Counter, OF_TABLES, OWN_NAME, PostgresCatalog, Relation, RelationColumn, RelationConstraint, RelationForeign, RelationRule,
    type_name,
};
use crate::statement::StatementContext;

/// The rows of a table; empty for features that do not exist here.
pub fn rows(table: &Table, catalog: &PostgresCatalog, _: &StatementContext) -> Result<Vec<Row>> {
    let relations = || catalog.relations.iter().filter(|relation| relation.is_table());
    let views = || relations().filter(|relation| relation.kind == 'v');
    let schema = |relation: &Relation| catalog.schema(relation.namespace).to_string();
    Ok(match table.name {
        "tables" => relations()
            .map(|relation| {
                let kind = if relation.kind == 'v' { "VIEW" } else { "BASE TABLE" };
                row! {
                    "table_catalog": OWN_NAME, "table_schema": schema(relation), "table_name": relation.name.as_str(), "table_type": kind,
                    "is_insertable_into": yes(takes_rows(catalog, relation)), "is_typed": "NO", "table_comment": relation.comment.clone(),
                }
            })
            .collect(),
        "columns" => relations()
            .flat_map(|relation| (1..).zip(&relation.columns).map(|(place, column)| of_column(catalog, relation, place, column)).collect::<Vec<_>>())
            .collect(),
        // As in PostgreSQL, without those of identities.
        "sequences" => catalog
            .all_counters()
            .filter(|(_, counter)| counter.identity.is_none())
            .map(|(relation, counter)| {
                row! {
                    "sequence_catalog": OWN_NAME, "sequence_schema": schema(relation), "sequence_name": counter.name.as_str(),
                    "data_type": type_name(counter.type_oid, -1), "numeric_precision": counter.length() * 8,
                    "numeric_precision_radix": 2, "numeric_scale": 0, "start_value": counter.first.to_string(),
                    "minimum_value": counter.least.to_string(), "maximum_value": counter.most.to_string(),
                    "increment": counter.step.to_string(), "cycle_option": if counter.cycles { "YES" } else { "NO" },
                }
            })
            .collect(),
        "view_table_usage" => views()
            .flat_map(|view| {
                let read = view.reads.iter().filter_map(|name| catalog.relation_named(name)).filter(|read| read.is_of_user());
                let usage = |read: &Relation| {
                    row! {
                        "view_catalog": OWN_NAME, "view_schema": schema(view), "view_name": view.name.as_str(),
                        "table_catalog": OWN_NAME, "table_schema": schema(read), "table_name": read.name.as_str(),
                    }
                };
                read.map(usage).collect::<Vec<_>>()
            })
            .collect(),
        "views" => views()
            .map(|relation| {
                row! {
                    "table_catalog": OWN_NAME, "table_schema": schema(relation), "table_name": relation.name.as_str(),
                    "view_definition": relation.query(), "check_option": "NONE",
                    "is_updatable": "NO", "is_insertable_into": "NO", "is_trigger_updatable": "NO", "is_trigger_deletable": "NO",
                    "is_trigger_insertable_into": "NO",
                }
            })
            .collect(),
        "schemata" => catalog
            .namespaces
            .iter()
            .map(|namespace| {
                let owner = catalog.roles.iter().find(|role| role.oid == namespace.owner).map(|role| role.name.clone());
                row! {"catalog_name": OWN_NAME, "schema_name": namespace.name.as_str(), "schema_owner": owner}
            })
            .collect(),
        "information_schema_catalog_name" => vec![row! {"catalog_name": OWN_NAME}],
        "table_constraints" => constraints(catalog),
        "key_column_usage" => catalog
            .constraints()
            .filter(|(_, own)| own.is_key() || matches!(own.rule, RelationRule::Foreign(_)))
            .flat_map(|(relation, own)| key_columns(catalog, relation, own))
            .collect(),
        "referential_constraints" => catalog
            .constraints()
            .filter_map(|(relation, own)| match &own.rule {
                RelationRule::Foreign(foreign) => Some(referential(catalog, relation, own, foreign)),
                RelationRule::PrimaryKey | RelationRule::Unique { .. } | RelationRule::Check(_) => None,
            })
            .collect(),
        "constraint_column_usage" => catalog
            .constraints()
            .flat_map(|(relation, constraint)| {
                // Of a foreign key, the columns that it refers to.
                let (used, places) = match &constraint.rule {
                    RelationRule::Foreign(foreign) => match foreign.referred(catalog) {
                        Some(other) => (other, foreign.places(other)),
                        None => return vec![],
                    },
                    RelationRule::PrimaryKey | RelationRule::Unique { .. } | RelationRule::Check(_) => {
                        (relation, constraint.columns.clone())
                    }
                };
                let column = |column: &i64| {
                    Some(row! {
                        "table_catalog": OWN_NAME, "table_schema": schema(used), "table_name": used.name.as_str(),
                        "column_name": used.column(*column)?.name.as_str(), "constraint_catalog": OWN_NAME,
                        "constraint_schema": schema(relation), "constraint_name": constraint.name.as_str(),
                    })
                };
                places.iter().filter_map(column).collect::<Vec<_>>()
            })
            .collect(),
        "constraint_table_usage" => catalog
            .constraints()
            .filter_map(|(relation, own)| {
                let used = match &own.rule {
                    RelationRule::PrimaryKey | RelationRule::Unique { .. } => relation,
                    RelationRule::Foreign(foreign) => foreign.referred(catalog)?,
                    RelationRule::Check(_) => return None,
                };
                Some(row! {
                    "table_catalog": OWN_NAME, "table_schema": schema(used), "table_name": used.name.as_str(),
                    "constraint_catalog": OWN_NAME, "constraint_schema": schema(relation), "constraint_name": own.name.as_str(),
                })
            })
            .collect(),
        "check_constraints" => relations()
            .flat_map(|relation| (1..).zip(&relation.columns).filter(|(_, column)| !column.is_nullable).map(move |(place, column)| (relation, place, column)))
            .map(|(relation, place, column)| {
                row! {
                    "constraint_catalog": OWN_NAME, "constraint_schema": schema(relation), "constraint_name": not_null_name(relation, place),
                    "check_clause": format!("{} IS NOT NULL", column.name),
                }
            })
            .chain(catalog.constraints().filter_map(|(relation, constraint)| match &constraint.rule {
                RelationRule::Check(condition) => Some(row! {
                    "constraint_catalog": OWN_NAME, "constraint_schema": schema(relation), "constraint_name": constraint.name.as_str(),
                    "check_clause": format!("(({condition}))"),
                }),
                RelationRule::PrimaryKey | RelationRule::Unique { .. } | RelationRule::Foreign(_) => None,
            }))
            .collect(),
        "character_sets" => vec![row! {
            "character_set_name": "UTF8", "character_repertoire": "UCS", "form_of_use": "UTF8", "default_collate_catalog": OWN_NAME,
            "default_collate_schema": "pg_catalog", "default_collate_name": "default",
        }],
        "collations" | "collation_character_set_applicability" => ["default", "C", "POSIX", "ucs_basic"]
            .map(|name| {
                row! {
                    "collation_catalog": OWN_NAME, "collation_schema": "pg_catalog", "collation_name": name, "pad_attribute": "NO PAD",
                    "character_set_name": "UTF8",
                }
            })
            .into(),
        "table_privileges" | "role_table_grants" => relations()
            .filter_map(|relation| Some((relation, owner(catalog, relation)?)))
            .flat_map(|(relation, owner)| {
                let of = |grantor: &str, grantee: &str, privilege: &str, is_grantable: bool| {
                    row! {
                        "grantor": grantor, "grantee": grantee, "table_catalog": OWN_NAME, "table_schema": schema(relation),
                        "table_name": relation.name.as_str(), "privilege_type": privilege, "is_grantable": yes(is_grantable),
                        "with_hierarchy": yes(privilege == "SELECT"),
                    }
                };
                let mut rows: Vec<Row> = OF_TABLES.iter().map(|privilege| of(&owner, &owner, privilege, true)).collect();
                let name = |oid: i64| catalog.roles.iter().find(|role| role.oid == oid).map_or("PUBLIC", |role| role.name.as_str());
                let granted = catalog.privileges.iter().filter(|granted| granted.on == relation.oid);
                rows.extend(granted.map(|granted| {
                    of(name(granted.grantor), name(granted.grantee), granted.privilege, granted.is_grantable)
                }));
                rows
            })
            .collect(),
        "column_privileges" | "role_column_grants" => relations()
            .filter_map(|relation| Some((relation, owner(catalog, relation)?)))
            .flat_map(|(relation, owner)| {
                let schema = schema(relation);
                let of = move |column: &RelationColumn| {
                    ["INSERT", "SELECT", "UPDATE", "REFERENCES"].map(|privilege| {
                        row! {
                            "grantor": owner.as_str(), "grantee": owner.as_str(), "table_catalog": OWN_NAME, "table_schema": schema.as_str(),
                            "table_name": relation.name.as_str(), "column_name": column.name.as_str(), "privilege_type": privilege,
                            "is_grantable": "YES",
                        }
                    })
                };
                relation.columns.iter().flat_map(of).collect::<Vec<_>>()
            })
            .collect(),
        "enabled_roles" => catalog.roles.iter().map(|role| row! {"role_name": role.name.as_str()}).collect(),
        "applicable_roles" | "administrable_role_authorizations" => catalog
            .roles
            .iter()
            .flat_map(|role| {
                let of = |oid: &i64| {
                    let of = catalog.roles.iter().find(|other| other.oid == *oid)?;
                    Some(row! {"grantee": role.name.as_str(), "role_name": of.name.as_str(), "is_grantable": "NO"})
                };
                role.member_of.iter().filter_map(of).collect::<Vec<_>>()
            })
            .collect(),
        "element_types" => relations()
            .flat_map(|relation| (1..).zip(&relation.columns).filter(|(_, column)| column.is_array).map(move |(place, column)| (relation, place, column)))
            .map(|(relation, place, column)| {
                let place: i64 = place;
                row! {
                    "object_catalog": OWN_NAME, "object_schema": schema(relation), "object_name": relation.name.as_str(), "object_type": "TABLE",
                    "collection_type_identifier": place.to_string(), "data_type": type_name(column.base.oid.into(), -1),
                    "udt_catalog": OWN_NAME, "udt_schema": "pg_catalog", "udt_name": column.base.name, "dtd_identifier": format!("a{place}"),
                }
            })
            .collect(),
        "column_udt_usage" => relations()
            .flat_map(|relation| relation.columns.iter().map(move |column| (relation, column)))
            .map(|(relation, column)| {
                row! {
                    "udt_catalog": OWN_NAME, "udt_schema": "pg_catalog", "udt_name": udt_name(column), "table_catalog": OWN_NAME,
                    "table_schema": schema(relation), "table_name": relation.name.as_str(), "column_name": column.name.as_str(),
                }
            })
            .collect(),
        "sql_features" => FEATURES
            .iter()
            .map(|(id, name, is_supported)| {
                row! {"feature_id": *id, "feature_name": *name, "sub_feature_id": "", "sub_feature_name": "", "is_supported": yes(*is_supported)}
            })
            .collect(),
        "sql_implementation_info" => [
            ("10003", "CATALOG NAME", Cell::Null, Cell::from("Y")),
            ("17", "DBMS NAME", Cell::Null, Cell::from("PostgreSQL")),
            ("18", "DBMS VERSION", Cell::Null, Cell::from("16.0006")),
            ("28", "IDENTIFIER CASE", Cell::Int(2), Cell::Null),
            ("85", "NULL COLLATION", Cell::Int(1), Cell::Null),
        ]
        .map(|(id, name, number, text)| {
            row! {"implementation_info_id": id, "implementation_info_name": name, "integer_value": number, "character_value": text}
        })
        .into(),
        "sql_sizing" => [(34, "MAXIMUM CATALOG NAME LENGTH", 63), (30, "MAXIMUM COLUMN NAME LENGTH", 63), (32, "MAXIMUM SCHEMA NAME LENGTH", 63), (35, "MAXIMUM TABLE NAME LENGTH", 63), (107, "MAXIMUM USER NAME LENGTH", 63)]
            .map(|(id, name, value)| row! {"sizing_id": id, "sizing_name": name, "supported_value": value})
            .into(),
        _ => vec![],
    })
}

/// Features of the standard that programs ask for.
const FEATURES: [(&str, &str, bool); 14] = [
    ("E011", "Numeric data types", true),
    ("E021", "Character string types", true),
    ("E051", "Basic query specification", true),
    ("E061", "Basic predicates and search conditions", true),
    ("E071", "Basic query expressions", true),
    ("E091", "Set functions", true),
    ("E131", "Null value support (nulls in lieu of values)", true),
    ("E141", "Basic integrity constraints", false),
    ("F041", "Basic joined table", true),
    ("F051", "Basic date and time", true),
    ("F261", "CASE expression", true),
    ("T121", "WITH (excluding RECURSIVE) in query expression", true),
    ("T131", "Recursive query", true),
    ("T611", "Elementary OLAP operations", true),
];

fn yes(is: bool) -> &'static str {
    if is { "YES" } else { "NO" }
}

fn owner(catalog: &PostgresCatalog, relation: &Relation) -> Option<String> {
    catalog.roles.iter().find(|role| role.oid == relation.owner).map(|role| role.name.clone())
}

/// True for tables that INSERT can write to.
fn takes_rows(catalog: &PostgresCatalog, relation: &Relation) -> bool {
    relation.kind == 'r' && relation.is_of_user() && !["profile", "segment"].contains(&catalog.schema(relation.namespace))
}

fn not_null_name(relation: &Relation, place: i64) -> String {
    format!("{}_{}_{place}_not_null", relation.namespace, relation.oid)
}

fn udt_name(column: &RelationColumn) -> String {
    if column.is_array { format!("_{}", column.base.name) } else { column.base.name.to_string() }
}

fn constraints(catalog: &PostgresCatalog) -> Vec<Row> {
    let of = |relation: &Relation, name: String, kind: &str, nulls: Option<&str>, late: (bool, bool)| {
        let schema = catalog.schema(relation.namespace);
        row! {
            "constraint_catalog": OWN_NAME, "constraint_schema": schema, "constraint_name": name, "table_catalog": OWN_NAME,
            "table_schema": schema, "table_name": relation.name.as_str(), "constraint_type": kind, "is_deferrable": yes(late.0),
            "initially_deferred": yes(late.1), "enforced": "YES", "nulls_distinct": nulls,
        }
    };
    let mut rows = vec![];
    for relation in catalog.relations.iter().filter(|relation| relation.is_table()) {
        rows.extend(relation.constraints.iter().map(|constraint| {
            let (kind, nulls, late) = match &constraint.rule {
                RelationRule::PrimaryKey => ("PRIMARY KEY", Some("YES"), (false, false)),
                RelationRule::Unique { nulls_are_equal } => ("UNIQUE", Some(yes(!nulls_are_equal)), (false, false)),
                RelationRule::Check(_) => ("CHECK", None, (false, false)),
                RelationRule::Foreign(own) => ("FOREIGN KEY", None, (own.is_deferrable, own.is_deferred)),
            };
            of(relation, constraint.name.clone(), kind, nulls, late)
        }));
        let not_null = (1..).zip(&relation.columns).filter(|(_, column)| !column.is_nullable);
        rows.extend(not_null.map(|(place, _)| of(relation, not_null_name(relation, place), "CHECK", None, (false, false))));
    }
    rows
}

/// The columns of a key; those of a foreign key with the place that the other column has in its key.
fn key_columns(catalog: &PostgresCatalog, relation: &Relation, own: &RelationConstraint) -> Vec<Row> {
    let schema = catalog.schema(relation.namespace);
    let others: Vec<Option<i64>> = match &own.rule {
        RelationRule::Foreign(foreign) => {
            let found = foreign.key(catalog);
            let places = found.map(|(other, _)| foreign.places(other)).unwrap_or_default();
            let in_key = |place: &i64| {
                let (_, key) = found?;
                i64::try_from(key.columns.iter().position(|own| own == place)? + 1).ok()
            };
            places.iter().map(in_key).collect()
        }
        RelationRule::PrimaryKey | RelationRule::Unique { .. } | RelationRule::Check(_) => vec![],
    };
    let column = |(place, column): (usize, &i64)| {
        Some(row! {
            "constraint_catalog": OWN_NAME, "constraint_schema": schema, "constraint_name": own.name.as_str(),
            "table_catalog": OWN_NAME, "table_schema": schema, "table_name": relation.name.as_str(),
            "column_name": relation.column(*column)?.name.as_str(),
            "ordinal_position": i64::try_from(place + 1).unwrap_or_default(),
            "position_in_unique_constraint": others.get(place).copied().flatten(),
        })
    };
    own.columns.iter().enumerate().filter_map(column).collect()
}

/// What a foreign key says, in the words of the standard.
fn referential(catalog: &PostgresCatalog, relation: &Relation, own: &RelationConstraint, foreign: &RelationForeign) -> Row {
    let rule = |letter: &str| match letter {
        "r" => "RESTRICT",
        "c" => "CASCADE",
        "n" => "SET NULL",
        "d" => "SET DEFAULT",
        _ => "NO ACTION",
    };
    let key = foreign.key(catalog);
    row! {
        "constraint_catalog": OWN_NAME, "constraint_schema": catalog.schema(relation.namespace), "constraint_name": own.name.as_str(),
        "unique_constraint_catalog": key.map(|_| OWN_NAME.to_string()),
        "unique_constraint_schema": key.map(|(other, _)| catalog.schema(other.namespace).to_string()),
        "unique_constraint_name": key.map(|(_, key)| key.name.clone()),
        "match_option": if foreign.is_full { "FULL" } else { "NONE" },
        "update_rule": rule(foreign.on_update), "delete_rule": rule(foreign.on_delete),
    }
}

fn of_column(catalog: &PostgresCatalog, relation: &Relation, place: i64, column: &RelationColumn) -> Row {
    let (base, is_array) = (column.base, column.is_array);
    let data_type = if is_array { "ARRAY".to_string() } else { type_name(column.type_oid, -1) };
    let plain = if is_array { "" } else { base.name };
    let packed = (plain == "numeric" && column.modifier >= 4).then(|| column.modifier - 4);
    let (precision, radix, scale) = match plain {
        "int2" => (Some(16), Some(2), Some(0)),
        "int4" => (Some(32), Some(2), Some(0)),
        "int8" => (Some(64), Some(2), Some(0)),
        "float4" => (Some(24), Some(2), None),
        "float8" => (Some(53), Some(2), None),
        "numeric" => (packed.map(|packed| packed >> 16), Some(10), packed.map(|packed| packed & 0xffff)),
        _ => (None, None, None),
    };
    let of_time = match plain {
        "date" => Some(0),
        "time" | "timestamp" | "timestamptz" | "interval" => Some(6),
        _ => None,
    };
    let is_text = ["text", "varchar", "bpchar"].contains(&plain);
    let identity = column.counter.as_ref().and_then(|counter| counter.identity);
    let counted = |value: &dyn Fn(&Counter) -> i64| {
        column.counter.as_ref().filter(|_| identity.is_some()).map(|counter| value(counter).to_string())
    };
    row! {
        "table_catalog": OWN_NAME,
        "table_schema": catalog.schema(relation.namespace),
        "table_name": relation.name.as_str(),
        "column_name": column.name.as_str(),
        "ordinal_position": place,
        "is_nullable": yes(column.is_nullable),
        "data_type": data_type,
        "character_octet_length": is_text.then_some(1_073_741_824_i64),
        "numeric_precision": precision,
        "numeric_precision_radix": radix,
        "numeric_scale": scale,
        "datetime_precision": of_time,
        "udt_catalog": OWN_NAME,
        "udt_schema": "pg_catalog",
        "udt_name": udt_name(column),
        "dtd_identifier": place.to_string(),
        "is_self_referencing": "NO",
        "column_default": column.default.clone().filter(|_| identity.is_none()),
        "is_identity": yes(identity.is_some()),
        "identity_generation": identity.map(|is_always| if is_always { "ALWAYS" } else { "BY DEFAULT" }),
        "identity_start": counted(&|counter| counter.first),
        "identity_increment": counted(&|counter| counter.step),
        "identity_minimum": counted(&|counter| counter.least),
        "identity_maximum": counted(&|counter| counter.most),
        "identity_cycle": "NO",
        "is_generated": "NEVER",
        "is_updatable": yes(takes_rows(catalog, relation)),
        "column_comment": column.comment.clone(),
        "sql_type": column.sql_type.as_str(),
    }
}
