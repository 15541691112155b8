//! Identity resolution (身份识别): finding and linking the records of one person, with a stable id.

mod bridges;
mod connected_components;
mod edges;
mod golden_records;
mod hashed_values;
mod identity_changes;
mod identity_links;
mod matching;
mod records;
mod resolve;
mod resolve_identities;
mod resolve_touched;
mod resolving;
mod touched_records;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("identity", "Identity resolution: which records are one person")
        .relation(resolve_identities::ResolveIdentities)
        .relation(identity_links::IdentityLinks)
        .relation(connected_components::ConnectedComponents)
        .relation(bridges::Bridges)
        .table_macro(matching::MatchPairs)
        .table_macro(matching::MatchParameters)
        .table_macro(matching::ExplainMatch)
        .table_macro(identity_changes::IdentityChanges)
        .table_macro(golden_records::GoldenRecords)
        .internal_relation(matching::Pairs)
        .internal_relation(matching::Parameters)
        .internal_relation(matching::Explain)
        .internal_relation(hashed_values::IdentityValues)
        .internal_relation(touched_records::TouchedRecords)
        .internal_relation(resolve_touched::ResolveTouched)
        .internal_scalar::<hashed_values::ValueHash>()
        .step::<edges::ReadEdges>()
        .step::<resolve::Resolve>()
        .step::<touched_records::FindTouched>()
        .step::<resolve_touched::ResolveRows>()
        .step::<matching::LinkRecords>()
}
