//! Rules of ours over plans, logical and physical: where the engine's own would give another answer than SQL's, none, or not let go.

mod bounded;
mod same_names;
mod unnest_room;
mod wide_constants;
mod yielding;
mod zones;

use std::sync::Arc;

use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::optimizer::Analyzer;

/// Adds the rules to a session that is being built.
pub fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    // Before types are coerced, which would take the zone of the other side.
    builder.analyzer().get_or_insert_with(Analyzer::new).rules.insert(0, Arc::new(zones::CompareInUtc));
    let bounded = bounded::CallBounded::of(builder.scalar_functions().get_or_insert_default());
    builder.analyzer().get_or_insert_with(Analyzer::new).rules.push(Arc::new(bounded));
    let physical = builder.physical_optimizers().take().unwrap_or_default();
    *builder.physical_optimizers() = Some(same_names::guard(physical));
    builder
        .with_physical_optimizer_rule(Arc::new(unnest_room::TakeUnnestRoom))
        .with_physical_optimizer_rule(Arc::new(yielding::YieldAfterJoins))
        .with_physical_optimizer_rule(Arc::new(wide_constants::NarrowBatches))
}
