//! COPY with `suppress_below`: the counts of small groups of persons are not written.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::dml::CopyTo;

use crate::error::invalid;
use crate::functions::suppress_below;

/// The options, as named in a plan.
const BELOW: &str = "format.suppress_below";
const BY: &str = "format.suppress_by";
/// The bounds of `suppress_below`.
const LEAST: u64 = 2;
const MOST: u64 = 1_000_000;

/// Removes the options from COPY and applies them.
///
/// # Errors
/// The value is not a number within the bounds; or the query has no groups, or no count of persons.
pub(super) fn take_options(copy: &mut CopyTo) -> Result<()> {
    let (below, by) = (copy.options.remove(BELOW), copy.options.remove(BY));
    let Some(below) = below else {
        return match by {
            Some(_) => {
                Err(invalid("COPY", "suppress_by says by which column to suppress; say below which number with suppress_below"))
            }
            None => Ok(()),
        };
    };
    let smallest = below.trim().parse().ok().filter(|smallest| (LEAST..=MOST).contains(smallest));
    let smallest = smallest
        .ok_or_else(|| invalid("COPY", format!("suppress_below must be a whole number from {LEAST} to {MOST}, got {below}")))?;
    let groups = suppress_below(copy.input.as_ref().clone(), smallest, by.as_deref().map(str::trim))?;
    copy.input = Arc::new(groups);
    Ok(())
}
