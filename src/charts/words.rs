//! The few words a chart adds of its own, in the reader's language.

use super::Kind;
use crate::language::Language;

impl Language {
    /// The tag for `lang` attributes.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// What an empty chart says.
    pub(super) const fn no_data(self) -> &'static str {
        match self {
            Self::En => "no data",
            Self::Zh => "暂无数据",
        }
    }

    /// What a chart of shares says when there is nothing to share.
    pub(super) const fn nothing(self) -> &'static str {
        match self {
            Self::En => "all values are 0",
            Self::Zh => "所有数值均为 0",
        }
    }

    /// The heading of the table under a chart.
    pub(super) const fn data(self) -> &'static str {
        match self {
            Self::En => "Data",
            Self::Zh => "数据",
        }
    }

    /// The headings of a table of flows: from, to and how much.
    pub(super) const fn flow(self) -> [&'static str; 3] {
        match self {
            Self::En => ["from", "to", "value"],
            Self::Zh => ["来源", "去向", "数值"],
        }
    }

    /// A kind of chart in words.
    pub(super) const fn kind(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::En, Kind::Bar) => "Bar chart",
            (Self::En, Kind::Line) => "Line chart",
            (Self::En, Kind::Area) => "Area chart",
            (Self::En, Kind::Pie) => "Pie chart",
            (Self::En, Kind::Radar) => "Radar chart",
            (Self::En, Kind::Heatmap) => "Heat map",
            (Self::En, Kind::Funnel) => "Funnel",
            (Self::En, Kind::Sankey) => "Sankey diagram",
            (Self::En, Kind::Scatter) => "Scatter chart",
            (Self::En, Kind::Histogram) => "Histogram",
            (Self::En, Kind::Treemap) => "Treemap",
            (Self::Zh, Kind::Bar) => "柱状图",
            (Self::Zh, Kind::Line) => "折线图",
            (Self::Zh, Kind::Area) => "面积图",
            (Self::Zh, Kind::Pie) => "饼图",
            (Self::Zh, Kind::Radar) => "雷达图",
            (Self::Zh, Kind::Heatmap) => "热力图",
            (Self::Zh, Kind::Funnel) => "漏斗图",
            (Self::Zh, Kind::Sankey) => "桑基图",
            (Self::Zh, Kind::Scatter) => "散点图",
            (Self::Zh, Kind::Histogram) => "直方图",
            (Self::Zh, Kind::Treemap) => "矩形树图",
        }
    }
}
