//! What was defined: the statements of a profile, its tags and segments, read into what they say.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use datafusion::common::{Result, ScalarValue};
use datafusion::execution::session_state::SessionState;
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, TableFactor, Value, ValueWithSpan, Visit, VisitMut, Visitor,
    VisitorMut,
};

use super::options::Options;
use crate::catalog::objects::{Object, ObjectKind};
use crate::docs::Takes;
use crate::error::invalid;
use crate::functions;
use crate::learning::model::type_names;
use crate::sql::command::{Body, Command, Create, normal};
use crate::sql::parser;
use crate::sql::parser::Parsed;

/// What a tag may be; the words of the field.
pub const TAG_TYPES: [&str; 11] =
    ["rule", "statistical", "first_last", "preference", "ranking", "derived", "lifecycle", "rfm", "sql", "import", "predictive"];
/// The parameter that stands for the time of a refresh.
pub const AS_OF: &str = "as_of";
/// Snapshots that stay readable when a profile does not say: more than a year of nights.
const KEEP_SNAPSHOTS: usize = 400;

/// What every object says of itself.
#[derive(Debug, Clone)]
pub struct Definition {
    pub object: Object,
    pub comment: String,
    pub owner: String,
    /// Constants of its own, written `$name` in its body.
    pub parameters: BTreeMap<String, Expr>,
    pub says: Says,
}

/// What an object of each kind says.
#[derive(Debug, Clone)]
pub enum Says {
    Profile(ProfileSays),
    Tag(TagSays),
    Segment(Box<Expr>),
    Model(ModelSays),
}

/// `CREATE MODEL`
#[derive(Debug, Clone)]
pub struct ModelSays {
    pub model_type: String,
    pub key: String,
    /// The columns to learn from; all that fit when not given.
    pub features: Option<Vec<String>>,
    pub weight: Option<String>,
    /// The options of the model's type.
    pub options: Vec<(String, ScalarValue)>,
    pub query: Box<Query>,
}

/// `CREATE PROFILE`
#[derive(Debug, Clone)]
pub struct ProfileSays {
    pub key: String,
    /// Table and column: rows after the time of a refresh are not read.
    pub time_columns: Vec<(String, String)>,
    pub keep_snapshots: usize,
    pub query: Box<Query>,
}

/// `CREATE TAG`
#[derive(Debug, Clone)]
pub struct TagSays {
    /// Levels one and two of the taxonomy, as given.
    pub path: String,
    pub tag_type: String,
    pub multiple: bool,
    pub query: Box<Query>,
}

/// A profile with its tags and segments, in the order they were made.
#[derive(Debug, Clone)]
pub struct ProfileDefinition {
    pub own: Definition,
    pub says: ProfileSays,
    pub tags: Vec<(Definition, TagSays)>,
    pub segments: Vec<(Definition, Expr)>,
}

impl ProfileDefinition {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.own.object.name
    }

    /// The profile of that name among all objects, as it would be with `changed` in the place of its older version.
    pub fn of(name: &str, objects: &[Object], changed: Option<&Definition>, state: &SessionState) -> Result<Option<Self>> {
        let mut own = None;
        let (mut tags, mut segments) = (vec![], vec![]);
        let mut definitions = vec![];
        let is_changed = |object: &Object| {
            changed.is_some_and(|changed| {
                let other = &changed.object;
                (other.kind, &other.profile, &other.name) == (object.kind, &object.profile, &object.name)
            })
        };
        for object in objects.iter().filter(|object| object.profile == name && !is_changed(object)) {
            definitions.push(Definition::read(object.clone(), state)?);
        }
        definitions.extend(changed.filter(|changed| changed.object.profile == name).cloned());
        // A replaced object keeps its place.
        let place = |definition: &Definition| objects.iter().position(|object| object.id == definition.object.id);
        definitions.sort_by_key(|definition| place(definition).unwrap_or(usize::MAX));
        for definition in definitions {
            match definition.says.clone() {
                Says::Profile(says) => own = Some((definition, says)),
                Says::Tag(says) => tags.push((definition, says)),
                Says::Segment(condition) => segments.push((definition, *condition)),
                Says::Model(_) => {}
            }
        }
        Ok(own.map(|(own, says)| Self { own, says, tags, segments }))
    }
}

impl Definition {
    /// Reads the statement that made an object.
    pub fn read(object: Object, state: &SessionState) -> Result<Self> {
        let statement = parser::parse(&object.sql, state)?.pop();
        match statement.map(|statement| statement.parsed) {
            Some(Parsed::Command(Command::Create(create))) => Self::from_statement(object, *create),
            _ => Err(invalid(&object.name, format!("its definition cannot be read: {}", object.sql))),
        }
    }

    /// What a statement says.
    pub fn from_statement(object: Object, create: Create) -> Result<Self> {
        let subject = object.name.clone();
        let mut body = create.body;
        let mut options = Options { subject: &subject, given: create.options, used: placeholders_in(&body) };
        let comment = options.text("comment")?.unwrap_or_default();
        let owner = options.text("owner")?.unwrap_or_default();
        resolve_files(&mut body, &object.base);
        let says = match (create.kind, body) {
            (ObjectKind::Profile, Body::Query(query)) => Says::Profile(ProfileSays {
                key: options
                    .text("key")?
                    .ok_or_else(|| invalid(&subject, "a profile needs a key; write WITH (key = 'column') before AS"))?,
                time_columns: options.time_columns()?,
                keep_snapshots: options.count("keep_snapshots")?.unwrap_or(KEEP_SNAPSHOTS),
                query,
            }),
            (ObjectKind::Tag, Body::Query(query)) => {
                let path = options.text("path")?.unwrap_or_default();
                let levels: Vec<&str> = path.split('/').map(str::trim).collect();
                if !path.is_empty() && (levels.len() > 2 || levels.iter().any(|level| level.is_empty())) {
                    let problem = format!("path must be 'level one/level two', the tag is the third, got '{path}'");
                    return Err(invalid(&subject, problem));
                }
                let path = levels.join("/");
                let tag_type = options.choice("type", &TAG_TYPES)?;
                let multiple = options.flag("multiple")?.unwrap_or(false);
                let tag_type = tag_type.unwrap_or_else(|| if has_case(&query) { "rule".into() } else { "sql".into() });
                Says::Tag(TagSays { path, tag_type, multiple, query })
            }
            (ObjectKind::Model, Body::Query(query)) => {
                let choices: Vec<&str> = type_names().collect();
                let missing = |what: &str| invalid(&subject, format!("a model needs {what} before AS"));
                let model_type = options.choice("type", &choices)?;
                let model_type = model_type.ok_or_else(|| missing("a type; write WITH (type = 'kmeans', …)"))?;
                let key = options.text("key")?.ok_or_else(|| missing("a key; write WITH (key = 'column', …)"))?;
                let (features, weight) = (options.texts("features")?, options.text("weight")?);
                let options = options.of_model(&model_type)?;
                Says::Model(ModelSays { model_type, key, features, weight, options, query })
            }
            (_, Body::Condition(condition)) => Says::Segment(condition),
            (_, Body::Query(query)) => return Err(invalid(&subject, format!("a segment is a condition, got {query}"))),
        };
        let parameters = options.parameters()?;
        Ok(Self { object, comment, owner, parameters, says })
    }
}

impl Definition {
    /// The tables its query reads, each as its parts.
    pub fn tables(&self) -> Vec<Vec<String>> {
        match &self.says {
            Says::Profile(says) => tables_in(&says.query),
            Says::Tag(says) => tables_in(&says.query),
            Says::Segment(condition) => tables_in(condition.as_ref()),
            Says::Model(says) => tables_in(&says.query),
        }
    }

    /// The models its query applies.
    pub fn models(&self) -> Vec<String> {
        match &self.says {
            Says::Profile(says) => models_in(&says.query),
            Says::Tag(says) => models_in(&says.query),
            Says::Segment(condition) => models_in(condition.as_ref()),
            Says::Model(says) => models_in(&says.query),
        }
    }
}

/// The names of `$name` in a body.
fn placeholders_in(body: &Body) -> Vec<String> {
    let mut found = Placeholders(vec![]);
    let _ = match body {
        Body::Query(query) => query.visit(&mut found),
        Body::Condition(condition) => condition.visit(&mut found),
    };
    found.0
}

struct Placeholders(Vec<String>);

impl Visitor for Placeholders {
    type Break = ();

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if let Value::Placeholder(name) = &value.value {
            self.0.push(name.trim_start_matches('$').to_string());
        }
        ControlFlow::Continue(())
    }
}

/// True when the value of a tag's query is a CASE.
fn has_case(query: &Query) -> bool {
    let sqlparser::ast::SetExpr::Select(select) = query.body.as_ref() else { return false };
    select.projection.get(1).is_some_and(|item| match item {
        sqlparser::ast::SelectItem::UnnamedExpr(expression)
        | sqlparser::ast::SelectItem::ExprWithAlias { expr: expression, .. } => matches!(expression, Expr::Case { .. }),
        _ => false,
    })
}

/// Relative files start from where the statement was made.
fn resolve_files(body: &mut Body, base: &str) {
    struct Resolve<'a>(&'a str);
    impl VisitorMut for Resolve<'_> {
        type Break = ();
        fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name: ObjectName(parts), args: None, .. } = factor
                && let [part] = parts.as_mut_slice()
                && let Some(Ident { value, quote_style: Some('\''), .. }) = part.as_ident()
                && !value.contains("://")
                && Path::new(value).is_relative()
            {
                let place = Path::new(self.0).join(value).display().to_string();
                *parts = ObjectName::from(vec![Ident::with_quote('\'', place)]).0;
            }
            ControlFlow::Continue(())
        }
    }
    let _ = match body {
        Body::Query(query) => query.visit(&mut Resolve(base)),
        Body::Condition(condition) => condition.visit(&mut Resolve(base)),
    };
}

/// The names in a body that may be columns, for finding what it uses.
pub fn names_in(part: &impl Visit) -> Vec<String> {
    struct Names(Vec<String>);
    impl Visitor for Names {
        type Break = ();
        fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
            match expression {
                Expr::Identifier(name) => self.0.push(normal(name)),
                Expr::CompoundIdentifier(names) => self.0.extend(names.last().map(normal)),
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(vec![]);
    let _ = part.visit(&mut names);
    names.0
}

/// The tables a query reads, each as its parts.
pub fn tables_in(part: &impl Visit) -> Vec<Vec<String>> {
    struct Tables(Vec<Vec<String>>);
    impl Visitor for Tables {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, args: None, .. } = factor {
                self.0.push(name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect());
            }
            ControlFlow::Continue(())
        }
    }
    let mut tables = Tables(vec![]);
    let _ = part.visit(&mut tables);
    tables.0
}

/// The models that a body applies: what its functions in FROM are given where their pages ask for the name of a model.
pub fn models_in(part: &impl Visit) -> Vec<String> {
    struct Models(Vec<String>);
    impl Visitor for Models {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            let (name, arguments) = match factor {
                TableFactor::Table { name, args: Some(arguments), .. } => (name, &arguments.args),
                TableFactor::Function { name, args, .. } => (name, args),
                _ => return ControlFlow::Continue(()),
            };
            let doc = functions::page(&name.to_string().to_lowercase());
            for (place, argument) in
                doc.arguments.iter().enumerate().filter(|(_, argument)| argument.takes == Takes::Name("model"))
            {
                let given = arguments.iter().enumerate().find_map(|(position, given)| match given {
                    FunctionArg::Unnamed(value) => (position == place).then_some(value),
                    FunctionArg::Named { name, arg, .. } => name.value.eq_ignore_ascii_case(argument.name).then_some(arg),
                    FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } => {
                        name.value.eq_ignore_ascii_case(argument.name).then_some(arg)
                    }
                    FunctionArg::ExprNamed { .. } => None,
                });
                match given {
                    Some(FunctionArgExpr::Expr(Expr::Identifier(name))) => self.0.push(normal(name)),
                    Some(FunctionArgExpr::Expr(Expr::Value(ValueWithSpan {
                        value: Value::SingleQuotedString(name), ..
                    }))) => self.0.push(name.clone()),
                    _ => {}
                }
            }
            ControlFlow::Continue(())
        }
    }
    let mut models = Models(vec![]);
    let _ = part.visit(&mut models);
    models.0
}
