//! Functions and operators that SQL has without us, where the engine's would wrap, take memory without end, or say another thing than
//! SQL does: here under the same names.

pub mod bounded;

use datafusion::execution::session_state::SessionStateBuilder;

/// Puts ours in the place of the engine's in a session that is being built.
pub fn register(builder: SessionStateBuilder) -> SessionStateBuilder {
    bounded::register(builder)
}
