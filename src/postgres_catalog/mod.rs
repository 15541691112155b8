//! A database as PostgreSQL's catalog knows it: namespaces, relations with their columns, functions and roles, each with its number.
//!
//! The tables of `pg_catalog` and `information_schema` show it, and the functions of PostgreSQL ask it. It is plain data, gathered for
//! one statement; [`cells`] are the values of those tables and functions.
//!
//! | numbers | what has them |
//! |---|---|
//! | below 14000 | what PostgreSQL has itself, under its own numbers |
//! | 15000 to 16383 | schemas and tables of the program, and its database |
//! | 16384 + 16 × number in the catalog, and the 15 after it | an object of the database, and what belongs to it: see [`Part`] |
//! | 0x4000_0000 and above | functions, by their names |
//! | 0x5000_0000 and above | roles, by their names |
//! | 0x6000_0000 and above | tables of the session alone, by their names |
//! | 0x7000_0000 and above | constraints beside the primary key, by their names, each with its index |
//! | 0x8000_0000 and above | the types of rows, each at the number of its relation |

pub mod advisory;
pub mod cells;
mod names;
mod postmaster;
mod types;

pub use names::{name_parts, quoted};
pub use postmaster::Postmaster;
pub use types::{type_name, type_named};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::postgres_types::PostgresType;

/// The namespaces that PostgreSQL has.
pub const PG_CATALOG: i64 = 11;
pub const PUBLIC: i64 = 2200;
pub const INFORMATION_SCHEMA: i64 = 13_226;

/// The first number of objects that somebody made.
pub const FIRST_NORMAL: i64 = 16_384;

/// The number of the database.
pub const DATABASE: i64 = 15_000;
/// Stands in privileges for what comes with the program, which everybody may use.
pub const EVERYBODYS: i64 = 14_999;
/// The number of the role that owns what the program brings.
pub const OWNER: i64 = 10;
/// The name of that role, and of the database.
pub const OWN_NAME: &str = "portrait";

const FUNCTIONS: i64 = 0x4000_0000;
const ROLES: i64 = 0x5000_0000;
const TEMPORARY: i64 = 0x6000_0000;
const CONSTRAINTS: i64 = 0x7000_0000;
const ROW_TYPES: i64 = 0x8000_0000;

/// What of an object has a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The object; of a profile or segment, the table that it publishes.
    Itself = 0,
    /// `profile.<name>_tags`
    Tags = 1,
    /// `profile.<name>_history`
    History = 2,
    /// The index of its primary key.
    Index = 3,
    /// Its primary key.
    Key = 4,
    /// The rule that a view is.
    Rule = 5,
    /// The counters of its columns: this one, and the nine after it.
    Counter = 6,
}

/// The number of a part of an object that the catalog of the database knows by a number.
pub fn object_oid(id: i64, part: Part) -> i64 {
    FIRST_NORMAL + id * 16 + part as i64
}

/// The number of a part of a relation with a number of its own.
pub fn part_oid(relation: i64, part: Part) -> i64 {
    relation + part as i64
}

/// The numbers of things that have names alone: the same for a name in every statement, whatever else there is, unless two names meet.
pub fn named_oids<'a>(range: Range, names: impl IntoIterator<Item = &'a str>) -> Vec<i64> {
    let first = match range {
        Range::Functions => FUNCTIONS,
        Range::Roles => ROLES,
        Range::Temporary => TEMPORARY,
        Range::Constraints => CONSTRAINTS,
    };
    let mut taken = std::collections::HashSet::new();
    let of_name = |name: &str| {
        // FNV-1a, which is the same on every machine.
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        // Sixteen apart, as parts have numbers.
        let place = (hash ^ (hash >> 32)) % (1 << 24);
        let mut oid = first + i64::try_from(place).unwrap_or_default() * 16;
        while !taken.insert(oid) {
            oid += 16;
        }
        oid
    };
    names.into_iter().map(of_name).collect()
}

/// What has numbers by names.
#[derive(Debug, Clone, Copy)]
pub enum Range {
    Functions,
    Roles,
    Temporary,
    Constraints,
}

/// A schema.
#[derive(Debug, Clone)]
pub struct Namespace {
    pub oid: i64,
    pub name: String,
    pub owner: i64,
    pub comment: Option<String>,
}

/// A table or view.
#[derive(Debug, Clone)]
pub struct Relation {
    pub oid: i64,
    pub namespace: i64,
    pub name: String,
    /// `r` table, `v` view, `S` sequence.
    pub kind: char,
    pub is_temporary: bool,
    pub owner: i64,
    pub comment: Option<String>,
    pub columns: Vec<RelationColumn>,
    /// What holds for all of its rows.
    pub constraints: Vec<RelationConstraint>,
    /// The query of a view; empty where the role may not see it.
    pub definition: Option<String>,
    /// The tables and views that it reads, as SQL names them.
    pub reads: Vec<String>,
    /// Its rows, where they are counted.
    pub rows: Option<i64>,
    /// The bytes of its files, where they are the database's.
    pub bytes: i64,
    /// How it counts, for a sequence.
    pub sequence: Option<Counter>,
}

impl Relation {
    /// Its keys, which PostgreSQL knows by their indexes.
    pub fn keys(&self) -> impl Iterator<Item = &RelationConstraint> {
        self.constraints.iter().filter(|constraint| constraint.is_key())
    }

    /// How many CHECK constraints it has.
    pub fn checks(&self) -> usize {
        self.constraints.iter().filter(|constraint| !constraint.is_key()).count()
    }

    /// The number of the type of its rows; none for PostgreSQL's own tables.
    pub fn row_type(&self) -> Option<i64> {
        (![PG_CATALOG, INFORMATION_SCHEMA].contains(&self.namespace)).then(|| ROW_TYPES + self.oid)
    }

    /// The column of this place, from 1.
    pub fn column(&self, place: i64) -> Option<&RelationColumn> {
        self.columns.get(usize::try_from(place).ok()?.checked_sub(1)?)
    }

    /// The names of the columns of a constraint, as SQL writes them.
    fn listed(&self, constraint: &RelationConstraint) -> String {
        let columns = constraint.columns.iter().filter_map(|place| self.column(*place));
        columns.map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// What a constraint says, as in CREATE TABLE.
    pub fn constraint_definition(&self, constraint: &RelationConstraint, catalog: &PostgresCatalog) -> String {
        match &constraint.rule {
            RelationRule::PrimaryKey => format!("PRIMARY KEY ({})", self.listed(constraint)),
            RelationRule::Unique { nulls_are_equal: false } => format!("UNIQUE ({})", self.listed(constraint)),
            RelationRule::Unique { nulls_are_equal: true } => format!("UNIQUE NULLS NOT DISTINCT ({})", self.listed(constraint)),
            RelationRule::Check(condition) => format!("CHECK (({condition}))"),
            RelationRule::Foreign(foreign) => {
                let seen = foreign.referred(catalog).and_then(|other| catalog.class_name(other.oid));
                let other = seen.unwrap_or_else(|| format!("{}.{}", quoted(&foreign.schema), quoted(&foreign.table)));
                let columns = foreign.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
                format!("FOREIGN KEY ({}) REFERENCES {other}({columns}){}", self.listed(constraint), foreign.rest)
            }
        }
    }

    /// The query of a view as PostgreSQL shows it, where the role may see it.
    pub fn query(&self) -> Option<String> {
        let query = self.definition.as_ref()?.trim_end_matches([';', ' ', '\n']);
        (!query.is_empty()).then(|| format!("{query};"))
    }

    /// The statement that would make the index of a key.
    pub fn index_definition(&self, key: &RelationConstraint, catalog: &PostgresCatalog) -> String {
        let (name, table, columns) = (quoted(&key.name), catalog.qualified(self), self.listed(key));
        let nulls = if key.rule == (RelationRule::Unique { nulls_are_equal: true }) { " NULLS NOT DISTINCT" } else { "" };
        format!("CREATE UNIQUE INDEX {name} ON {table} USING btree ({columns}){nulls}")
    }

    /// True for what `information_schema` calls a table.
    pub fn is_table(&self) -> bool {
        self.kind != 'S'
    }

    /// True for what somebody made.
    pub fn is_of_user(&self) -> bool {
        self.oid >= FIRST_NORMAL
    }
}

/// What holds for all rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationConstraint {
    pub oid: i64,
    /// The number of the index of a key.
    pub index: i64,
    pub name: String,
    pub rule: RelationRule,
    /// The places of the columns that it speaks of, from 1.
    pub columns: Vec<i64>,
}

/// What a constraint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelationRule {
    PrimaryKey,
    Unique {
        nulls_are_equal: bool,
    },
    /// The condition, as SQL.
    Check(String),
    Foreign(RelationForeign),
}

/// What a foreign key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationForeign {
    /// The schema and name of the other table, and its columns.
    pub schema: String,
    pub table: String,
    pub columns: Vec<String>,
    /// The letters of what happens on UPDATE and DELETE.
    pub on_update: &'static str,
    pub on_delete: &'static str,
    pub is_full: bool,
    pub is_deferrable: bool,
    pub is_deferred: bool,
    /// What stands after the columns, with a space before.
    pub rest: String,
}

impl RelationForeign {
    /// The table that it refers to, where the role sees it.
    pub fn referred<'a>(&self, catalog: &'a PostgresCatalog) -> Option<&'a Relation> {
        let is_it = |relation: &&Relation| relation.name == self.table && catalog.schema(relation.namespace) == self.schema;
        catalog.relations.iter().find(is_it)
    }

    /// The key of that table which it refers to.
    pub fn key<'a>(&self, catalog: &'a PostgresCatalog) -> Option<(&'a Relation, &'a RelationConstraint)> {
        let relation = self.referred(catalog)?;
        let places = self.places(relation);
        let is_it = |key: &&RelationConstraint| {
            key.columns.len() == places.len() && key.columns.iter().all(|place| places.contains(place))
        };
        Some((relation, relation.keys().find(is_it)?))
    }

    /// The places of its columns in the other table, from 1.
    pub fn places(&self, relation: &Relation) -> Vec<i64> {
        let place = |name: &String| relation.columns.iter().position(|column| column.name == *name);
        self.columns.iter().filter_map(place).filter_map(|place| i64::try_from(place + 1).ok()).collect()
    }
}

impl RelationConstraint {
    /// True for PRIMARY KEY and UNIQUE.
    pub fn is_key(&self) -> bool {
        match self.rule {
            RelationRule::PrimaryKey | RelationRule::Unique { .. } => true,
            RelationRule::Check(_) | RelationRule::Foreign(_) => false,
        }
    }

    pub fn is_primary(&self) -> bool {
        self.rule == RelationRule::PrimaryKey
    }
}

/// A column of a relation.
#[derive(Debug, Clone)]
pub struct RelationColumn {
    pub name: String,
    /// The number of its type, and the type of its values or of those in its lists.
    pub type_oid: i64,
    pub base: &'static PostgresType,
    pub is_array: bool,
    pub modifier: i32,
    pub length: i16,
    pub is_nullable: bool,
    pub comment: Option<String>,
    /// The type as the program names it.
    pub sql_type: String,
    /// The value that an INSERT gives it where it names none, as SQL.
    pub default: Option<String>,
    pub counter: Option<Counter>,
}

/// A sequence, or how a column numbers its rows.
#[derive(Debug, Clone)]
pub struct Counter {
    /// The number of the counter.
    pub oid: i64,
    /// Its name, and that of its schema.
    pub name: String,
    pub schema: String,
    /// The number of the type of its numbers.
    pub type_oid: i64,
    pub first: i64,
    pub step: i64,
    pub least: i64,
    pub most: i64,
    pub cycles: bool,
    pub last: Option<i64>,
    /// For an identity, whether only the counter may give its values.
    pub identity: Option<bool>,
    /// For a sequence, the table and column that it is dropped with, from 1.
    pub owner: Option<(i64, i64)>,
}

impl Counter {
    /// The number of bytes of the type of its numbers.
    pub fn length(&self) -> i64 {
        match type_name(self.type_oid, -1).as_str() {
            "smallint" => 2,
            "integer" => 4,
            _ => 8,
        }
    }
}

/// A function.
#[derive(Debug, Clone)]
pub struct Function {
    pub oid: i64,
    pub name: String,
    pub namespace: i64,
    pub owner: i64,
    /// `f` of rows, `a` over a group of rows, `w` over a window.
    pub kind: char,
    pub arguments: Vec<FunctionArgument>,
    /// The number of the type of its result.
    pub returns: i64,
    pub returns_set: bool,
    pub is_strict: bool,
    /// `i` immutable, `s` stable, `v` volatile.
    pub volatility: char,
    pub comment: Option<String>,
    /// The statement that made it; empty where the role may not see it.
    pub definition: Option<String>,
}

impl Function {
    /// True for one that somebody made.
    pub fn is_of_user(&self) -> bool {
        self.definition.is_some()
    }
}

/// An argument of a function.
#[derive(Debug, Clone)]
pub struct FunctionArgument {
    pub name: String,
    pub type_oid: i64,
    pub default: Option<String>,
    /// True for the last one of a function that takes any number of them.
    pub is_variadic: bool,
}

impl Function {
    /// Its arguments as in CREATE FUNCTION.
    pub fn written_arguments(&self, with_defaults: bool) -> String {
        let argument = |argument: &FunctionArgument| {
            let mut text = String::new();
            if argument.is_variadic {
                text.push_str("VARIADIC ");
            }
            if !argument.name.is_empty() {
                text.push_str(&quoted(&argument.name));
                text.push(' ');
            }
            text.push_str(&type_name(argument.type_oid, -1));
            if let Some(default) = argument.default.as_ref().filter(|_| with_defaults) {
                text.push_str(" DEFAULT ");
                text.push_str(default);
            }
            text
        };
        self.arguments.iter().map(argument).collect::<Vec<_>>().join(", ")
    }

    /// Its result as in CREATE FUNCTION.
    pub fn result(&self) -> String {
        let of = type_name(self.returns, -1);
        if self.returns_set { format!("SETOF {of}") } else { of }
    }
}

/// Who may own something.
#[derive(Debug, Clone)]
pub struct Role {
    pub oid: i64,
    pub name: String,
    pub is_superuser: bool,
    pub can_login: bool,
    /// The roles that it is a member of.
    pub member_of: Vec<i64>,
}

/// A privilege that was granted.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The number of what it is on.
    pub on: i64,
    /// The number of the role; 0 for everybody.
    pub grantee: i64,
    pub grantor: i64,
    /// Its word: `SELECT`.
    pub privilege: &'static str,
    pub is_grantable: bool,
}

/// Privileges with their letters, in the order of PostgreSQL's lists.
const LETTERS: [(&str, char); 12] = [
    ("INSERT", 'a'),
    ("SELECT", 'r'),
    ("UPDATE", 'w'),
    ("DELETE", 'd'),
    ("TRUNCATE", 'D'),
    ("REFERENCES", 'x'),
    ("TRIGGER", 't'),
    ("EXECUTE", 'X'),
    ("USAGE", 'U'),
    ("CREATE", 'C'),
    ("TEMPORARY", 'T'),
    ("CONNECT", 'c'),
];

/// The privileges of a table or view.
pub const OF_TABLES: [&str; 7] = ["INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];

/// The privileges of a sequence.
pub const OF_SEQUENCES: [&str; 3] = ["SELECT", "UPDATE", "USAGE"];

/// What functions ask the server: to end connections, and whether who asks may do everything.
pub trait Backends: std::fmt::Debug + Send + Sync {
    /// Ends what a connection runs, or the connection itself; false when there is none of this number.
    ///
    /// # Errors
    /// Whoever asks may not.
    fn end(&self, pid: i64, whole: bool) -> datafusion::common::Result<bool>;

    /// Waits, unless the statement ends before.
    ///
    /// # Errors
    /// The statement was cancelled, or has reached its timeout.
    fn wait(&self, time: std::time::Duration) -> datafusion::common::Result<()>;

    /// Whether whoever asks may do everything.
    ///
    /// # Errors
    /// The database cannot be read.
    fn is_superuser(&self) -> datafusion::common::Result<bool>;
}

/// The counters that number the rows of tables.
pub trait Sequences: std::fmt::Debug + Send + Sync {
    /// Takes as many numbers of a counter, or those that are left before its bound; returns the first, the distance between them, and how many
    /// they are.
    ///
    /// # Errors
    /// There is no such counter, it has no more numbers, or whoever asks may not.
    fn draw(&self, name: &str, count: u64) -> datafusion::common::Result<(i64, i64, u64)>;

    /// The number that the session was given last, by this counter or by any.
    ///
    /// # Errors
    /// It was given none.
    fn current(&self, name: Option<&str>) -> datafusion::common::Result<i64>;

    /// Sets the number that a counter gives next: the one after this, if this counts as given.
    ///
    /// # Errors
    /// As [`Self::draw`].
    fn set(&self, name: &str, value: i64, is_given: bool) -> datafusion::common::Result<()>;
}

/// What one statement sees of the database.
#[derive(Debug, Clone, Default)]
pub struct PostgresCatalog {
    /// Who runs the statement.
    pub role: String,
    /// Who opened the session.
    pub login: String,
    /// The number of the connection; of the process, when there is none.
    pub pid: i64,
    /// What all sessions share.
    pub postmaster: Arc<Postmaster>,
    /// Ends what connections run.
    pub backends: Option<Arc<dyn Backends>>,
    /// The counters.
    pub sequences: Option<Arc<dyn Sequences>>,
    /// Tells the session from others, as long as it is there.
    pub session: usize,
    pub namespaces: Vec<Namespace>,
    pub relations: Vec<Relation>,
    pub functions: Vec<Function>,
    pub roles: Vec<Role>,
    pub privileges: Vec<Granted>,
    /// The schemas where names without a schema are looked for.
    pub path: Vec<String>,
}

impl PostgresCatalog {
    pub fn relation(&self, oid: i64) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.oid == oid)
    }

    /// The constraints, with their tables.
    pub fn constraints(&self) -> impl Iterator<Item = (&Relation, &RelationConstraint)> {
        self.relations.iter().flat_map(|relation| relation.constraints.iter().map(move |constraint| (relation, constraint)))
    }

    /// The keys, with their tables.
    pub fn keys(&self) -> impl Iterator<Item = (&Relation, &RelationConstraint)> {
        self.constraints().filter(|(_, constraint)| constraint.is_key())
    }

    /// The constraint of this number, with its table.
    pub fn constraint(&self, oid: i64) -> Option<(&Relation, &RelationConstraint)> {
        self.constraints().find(|(_, constraint)| constraint.oid == oid)
    }

    /// The key whose index has this number, with its table.
    pub fn index(&self, oid: i64) -> Option<(&Relation, &RelationConstraint)> {
        self.keys().find(|(_, key)| key.index == oid)
    }

    pub fn namespace(&self, oid: i64) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.oid == oid)
    }

    /// The name of a namespace.
    pub fn schema(&self, oid: i64) -> &str {
        self.namespace(oid).map_or("", |namespace| namespace.name.as_str())
    }

    pub fn function(&self, oid: i64) -> Option<&Function> {
        self.functions.iter().find(|function| function.oid == oid)
    }

    /// The roles whose rights a role has, itself among them.
    pub fn reached(&self, role: i64) -> Vec<i64> {
        let mut reached = vec![role];
        let mut next = 0;
        while let Some(oid) = reached.get(next).copied() {
            next += 1;
            let more = self.roles.iter().find(|role| role.oid == oid).map_or(&[][..], |role| &role.member_of);
            let new: Vec<i64> = more.iter().copied().filter(|oid| !reached.contains(oid)).collect();
            reached.extend(new);
        }
        reached
    }

    /// True when a role may do that with something of this number and owner; no role is everybody.
    pub fn may(&self, role: Option<&Role>, privilege: &str, on: i64, owner: i64, as_grantor: bool) -> bool {
        let reached = role.map(|role| self.reached(role.oid)).unwrap_or_default();
        if role.is_some_and(|role| role.is_superuser) || reached.contains(&owner) {
            return true;
        }
        let is_it = |granted: &Granted| {
            granted.on == on
                && granted.privilege == privilege
                && (granted.grantee == 0 || reached.contains(&granted.grantee))
                && (granted.is_grantable || !as_grantor)
        };
        self.privileges.iter().any(is_it)
    }

    /// The list of who may do what with something, as PostgreSQL writes it; nothing when nothing was granted. The owner may do all of these.
    pub fn access(&self, on: i64, owner: i64, all: &[&str]) -> Option<Vec<String>> {
        let granted: Vec<&Granted> = self.privileges.iter().filter(|granted| granted.on == on).collect();
        if granted.is_empty() {
            return None;
        }
        let name = |oid: i64| self.roles.iter().find(|role| role.oid == oid).map_or("", |role| role.name.as_str()).to_string();
        let letters = |is_granted: &dyn Fn(&str) -> Option<bool>| -> String {
            let of = LETTERS.iter().filter_map(|(word, letter)| Some((letter, is_granted(word)?)));
            of.map(|(letter, is_grantable)| if is_grantable { format!("{letter}*") } else { letter.to_string() }).collect()
        };
        let own = format!("{}={}/{}", name(owner), letters(&|word| all.contains(&word).then_some(false)), name(owner));
        let mut grantees: Vec<(i64, i64)> = granted.iter().map(|granted| (granted.grantee, granted.grantor)).collect();
        grantees.dedup();
        let others = grantees.into_iter().filter(|(grantee, _)| *grantee != owner).map(|(grantee, grantor)| {
            let of = |word: &str| {
                let mut own = granted.iter().filter(|granted| (granted.grantee, granted.grantor) == (grantee, grantor));
                own.find(|granted| granted.privilege == word).map(|granted| granted.is_grantable)
            };
            format!("{}={}/{}", name(grantee), letters(&of), name(grantor))
        });
        let mut list: Vec<String> = std::iter::once(own).chain(others).collect();
        let mut seen = std::collections::HashSet::new();
        list.retain(|item| seen.insert(item.clone()));
        Some(list)
    }

    pub fn role_named(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }

    /// The namespaces where names without a schema are looked for, in their order.
    pub fn searched(&self) -> Vec<i64> {
        let of = |name: &String| self.namespaces.iter().find(|namespace| namespace.name == *name).map(|namespace| namespace.oid);
        let own: Vec<i64> = self.path.iter().filter_map(of).collect();
        // What the session has comes first here, and what PostgreSQL has is found all the same.
        own.into_iter().chain([PG_CATALOG]).collect()
    }

    /// The relation of that name, written as in SQL: `t`, `public.t`, `"T"`.
    pub fn relation_named(&self, written: &str) -> Option<&Relation> {
        let parts = name_parts(written)?;
        let (schemas, name) = match parts.as_slice() {
            [name] => (self.searched(), name),
            [.., schema, name] => {
                (self.namespaces.iter().filter(|known| known.name == *schema).map(|known| known.oid).collect(), name)
            }
            [] => return None,
        };
        schemas
            .into_iter()
            .find_map(|schema| self.relations.iter().find(|relation| relation.namespace == schema && relation.name == *name))
    }

    /// The relation or index of that name; the number of it.
    pub fn class_named(&self, written: &str) -> Option<i64> {
        if let Some(relation) = self.relation_named(written) {
            return Some(relation.oid);
        }
        let parts = name_parts(written)?;
        let name = parts.last()?;
        let is_in = |relation: &&Relation| match parts.as_slice() {
            [.., schema, _] => self.schema(relation.namespace) == schema,
            _ => self.searched().contains(&relation.namespace),
        };
        let counter = self.counters().find(|(relation, _, counter)| counter.name == *name && is_in(relation));
        if let Some((_, _, counter)) = counter {
            return Some(counter.oid);
        }
        let (_, key) = self.keys().find(|(relation, key)| key.name == *name && is_in(relation))?;
        Some(key.index)
    }

    /// The sequences, and the counters of columns with their tables.
    pub fn all_counters(&self) -> impl Iterator<Item = (&Relation, &Counter)> {
        let own = self.relations.iter().filter_map(|relation| Some((relation, relation.sequence.as_ref()?)));
        self.counters().map(|(relation, _, counter)| (relation, counter)).chain(own)
    }

    /// The sequence that a column owns.
    pub fn owned_sequence(&self, table: i64, column: i64) -> Option<(&Relation, &Counter)> {
        self.all_counters().find(|(_, counter)| counter.owner == Some((table, column)))
    }

    /// The counters of columns, with the table and column whose rows each numbers.
    pub fn counters(&self) -> impl Iterator<Item = (&Relation, &RelationColumn, &Counter)> {
        self.relations.iter().flat_map(|relation| {
            relation.columns.iter().filter_map(move |column| Some((relation, column, column.counter.as_ref()?)))
        })
    }

    /// True where the relation is the one that its name without a schema finds.
    pub fn is_visible(&self, relation: &Relation) -> bool {
        self.relation_named(&quoted(&relation.name)).is_some_and(|found| found.oid == relation.oid)
    }

    /// The name of a relation or index, with its schema where it is not found without.
    pub fn class_name(&self, oid: i64) -> Option<String> {
        if let Some(relation) = self.relation(oid) {
            return Some(if self.is_visible(relation) { quoted(&relation.name) } else { self.qualified(relation) });
        }
        let counter = self.counters().find(|(_, _, counter)| counter.oid == oid);
        let (relation, name) = match counter {
            Some((relation, _, counter)) => (relation, quoted(&counter.name)),
            None => self.index(oid).map(|(relation, key)| (relation, quoted(&key.name)))?,
        };
        let is_searched = self.searched().contains(&relation.namespace);
        Some(if is_searched { name } else { format!("{}.{name}", quoted(self.schema(relation.namespace))) })
    }

    /// The name of a relation with its schema.
    pub fn qualified(&self, relation: &Relation) -> String {
        format!("{}.{}", quoted(self.schema(relation.namespace)), quoted(&relation.name))
    }
}

/// The catalog of a statement, for the functions of its plan. All tables are opened to gather it, and so views are planned; functions within a
/// view are then planned before there is a catalog, and find it when they run.
#[derive(Debug, Default)]
pub struct Gathered {
    catalog: OnceLock<Arc<PostgresCatalog>>,
    is_wanted: AtomicBool,
}

impl Gathered {
    /// The catalog, when it is gathered.
    pub fn get(&self) -> Option<&Arc<PostgresCatalog>> {
        self.catalog.get()
    }

    /// Keeps the catalog, unless there is one already; gives the one that is kept.
    pub fn keep(&self, catalog: PostgresCatalog) -> Arc<PostgresCatalog> {
        Arc::clone(self.catalog.get_or_init(|| Arc::new(catalog)))
    }

    /// Notes that a function will ask.
    pub fn want(&self) {
        self.is_wanted.store(true, Ordering::Relaxed);
    }

    /// True when a function will ask.
    pub fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_names_are_stable_and_apart() {
        let all = named_oids(Range::Functions, ["rfm", "sum", "rfm"]);
        assert_eq!(all[..1], named_oids(Range::Functions, ["rfm"]));
        assert!(all[0] != all[2] && all.iter().all(|oid| *oid < ROLES && oid % 16 == 0));
    }
}
