//! The kinds of chart and their names, listed in one place so that the error that shows them is always right.

use std::fmt;
use std::str::FromStr;

use super::ChartError;

/// What is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bars from zero, side by side for several series; lying when labels are long or many.
    #[default]
    Bar,
    /// Lines through points, broken at gaps.
    Line,
    /// Lines with the area down to zero filled.
    Area,
    /// Shares of a whole, at most twelve.
    Pie,
    /// Values on spokes around a centre.
    Radar,
    /// A grid of cells: categories across, series down.
    Heatmap,
    /// Stages that narrow, each with its share of the first.
    Funnel,
    /// Flows between nodes.
    Sankey,
    /// Points in the plane.
    Scatter,
    /// Counts between edges.
    Histogram,
    /// Shares of a whole as nested rectangles, for more than a pie can hold.
    Treemap,
}

impl Kind {
    /// Every kind, in the order errors list them.
    pub const ALL: [Self; 11] = [
        Self::Bar,
        Self::Line,
        Self::Area,
        Self::Pie,
        Self::Radar,
        Self::Heatmap,
        Self::Funnel,
        Self::Sankey,
        Self::Scatter,
        Self::Histogram,
        Self::Treemap,
    ];

    /// The name as it is written in a statement.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bar => "bar",
            Self::Line => "line",
            Self::Area => "area",
            Self::Pie => "pie",
            Self::Radar => "radar",
            Self::Heatmap => "heatmap",
            Self::Funnel => "funnel",
            Self::Sankey => "sankey",
            Self::Scatter => "scatter",
            Self::Histogram => "histogram",
            Self::Treemap => "treemap",
        }
    }

    /// Whether it shows the parts of one whole, or the stages of one run.
    #[must_use]
    pub const fn is_of_shares(self) -> bool {
        matches!(self, Self::Pie | Self::Funnel | Self::Treemap)
    }

    /// Whether it is as wide as it is high, whatever the room.
    #[must_use]
    pub const fn is_round(self) -> bool {
        matches!(self, Self::Pie | Self::Radar)
    }

    /// Whether only one series can be drawn.
    pub(super) const fn one_series(self) -> bool {
        matches!(self, Self::Pie | Self::Funnel | Self::Treemap | Self::Histogram)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = ChartError;

    fn from_str(text: &str) -> Result<Self, ChartError> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(text.trim())).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            ChartError::new(format!("chart: kind must be one of {names}, got '{}'", super::text::clean(text)))
        })
    }
}
