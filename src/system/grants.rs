//! `system.grants`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::catalog::grants::Thing;
use crate::docs::Column;
use crate::objects::values::{given, text, yes};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Grants;

const COLUMNS: [Column; 6] = [
    Column { name: "role", data_type: "VARCHAR", text: "the role that has the right; `public` is everybody" },
    Column { name: "privilege", data_type: "VARCHAR", text: "what: `SELECT`, `USAGE` …; `MEMBER` of a role" },
    Column {
        name: "kind",
        data_type: "VARCHAR",
        text: "kind of the object: `table`, `profile`, `schema`, `database`, `files`, `role` …",
    },
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "grantor", data_type: "VARCHAR", text: "who granted it; NULL for rights that exist from the start" },
    Column { name: "is_grantable", data_type: "BOOLEAN", text: "whether the role may grant it to others" },
];

impl SystemTable for Grants {
    fn name(&self) -> &'static str {
        "grants"
    }

    fn summary(&self) -> &'static str {
        "The privileges of roles on objects that they do not own, as given by GRANT."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let (objects, rights, grants) = (context.objects()?, context.rights()?, context.view().grants()?);
            let mut rows = vec![];
            for grant in grants.iter() {
                let (kind, name, owns) = match &grant.on {
                    Thing::Object(id) => match objects.iter().find(|object| object.id == *id) {
                        Some(object) => (object.kind.clone(), Some(object.name.clone()), rights.owns(object)),
                        // Skip grants on objects that the role does not see.
                        None => continue,
                    },
                    Thing::Database => ("database".into(), Some("portrait".into()), rights.is_superuser()),
                    Thing::Schema(name) => ("schema".into(), Some(name.clone()), rights.is_superuser()),
                    Thing::Files => ("files".into(), None, rights.is_superuser()),
                    Thing::Role(name) => ("role".into(), Some(name.clone()), rights.is_superuser()),
                };
                if owns || rights.is_member(&grant.role) {
                    rows.push((grant, kind, name));
                }
            }
            Ok(vec![
                text(rows.iter().map(|(grant, ..)| Some(grant.role.clone()))),
                text(rows.iter().map(|(grant, ..)| Some(grant.privilege.to_string()))),
                text(rows.iter().map(|(_, kind, _)| Some(kind.clone()))),
                text(rows.iter().map(|(.., name)| name.clone())),
                text(rows.iter().map(|(grant, ..)| given(&grant.grantor))),
                yes(rows.iter().map(|(grant, ..)| grant.is_grantable)),
            ])
        })
    }
}
