//! The page: one file that loads nothing and runs nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Answered, Drawn, Language, Said, Section};
use crate::charts::{STYLE, hash_of};

/// The style of pages, in addition to that of charts.
const OWN: &str = include_str!("page.css");
/// The width at which charts are drawn: they are seen whole on a phone, where their letters are a little smaller, and larger at a desk.
const WIDTH: u32 = 420;
/// Longer tables are collapsed.
const SHORT: usize = 12;
/// The most rows of a table that are shown; the query returns the rest.
const MOST_ROWS: usize = 200;

/// A smaller change is shown as no change: it would be 0.0 %.
const LEAST: f64 = 0.0005;

/// The contents of a page.
pub struct Page {
    pub title: String,
    /// The lines below it: the subject and the time.
    pub facts: Vec<String>,
    pub language: Language,
    pub smallest: u64,
    /// One customer's card, on which nobody waits for conclusions.
    pub is_card: bool,
    pub sections: Vec<Shown>,
    pub left: Vec<Left>,
}

/// A section with its result.
pub struct Shown {
    pub section: Section,
    pub answered: Answered,
    pub said: Vec<Said>,
    /// The query as it was run.
    pub sql: String,
    /// Notes of the query, such as rows left out.
    pub notes: Vec<String>,
}

/// A section that was left out, and the reason.
pub struct Left {
    pub title: String,
    pub why: String,
}

/// Words of the page.
struct Words {
    conclusions: &'static str,
    none: &'static str,
    query: &'static str,
    because: &'static str,
    rows: &'static str,
    left: &'static str,
    suppressed: &'static str,
    contents: &'static str,
    no_rows: &'static str,
}

const EN: Words = Words {
    conclusions: "What the numbers say",
    none: "No rule finds anything beyond chance.",
    query: "The query of these numbers",
    because: "rule",
    rows: "rows",
    left: "Left out",
    suppressed: "Numbers of groups of fewer than {} customers are not shown.",
    contents: "Contents",
    no_rows: "No rows.",
};

const ZH: Words = Words {
    conclusions: "结论与建议",
    none: "没有规则发现超出随机波动的现象。",
    query: "数据来源 SQL",
    because: "规则",
    rows: "行",
    left: "未包含的部分",
    suppressed: "为保护隐私，客户数少于 {} 的分组不显示。",
    contents: "目录",
    no_rows: "暂无数据。",
};

/// The page as HTML; the same bytes for the same data.
pub fn page(page: &Page) -> String {
    let words = match page.language {
        Language::En => &EN,
        Language::Zh => &ZH,
    };
    let style = format!("{STYLE}\n{OWN}");
    let policy = format!("default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'", hash_of(&style));
    let said: Vec<(&Shown, &Said)> =
        page.sections.iter().flat_map(|shown| shown.said.iter().map(move |said| (shown, said))).collect();
    let suppresses = page.sections.iter().any(|shown| shown.answered.suppressed().rows.contains(&true));
    let tag = match page.language {
        Language::En => "en",
        Language::Zh => "zh-CN",
    };
    let written = html! {
        (DOCTYPE)
        html lang=(tag) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (page.title) }
                style { (PreEscaped(&style)) }
            }
            body class="report" {
                header {
                    h1 { (page.title) }
                    @for fact in &page.facts { p class="fact" { (fact) } }
                }
                nav aria-label=(words.contents) {
                    ul { @for shown in &page.sections { li { a href=(format!("#{}", shown.section.name)) { (shown.section.title.of(page.language)) } } } }
                }
                main {
                    @if !said.is_empty() || !page.is_card && page.sections.iter().any(|shown| !shown.section.rules.is_empty()) {
                        section id="conclusions" {
                            h2 { (words.conclusions) }
                            @if said.is_empty() { p { (words.none) } } @else {
                                ul class="said" {
                                    @for (shown, said) in &said {
                                        li { (said.text) " " a href=(format!("#{}", shown.section.name)) { (shown.section.title.of(page.language)) } }
                                    }
                                }
                            }
                        }
                    }
                    @for shown in &page.sections { (section(shown, page.language, words)) }
                    @if !page.left.is_empty() {
                        section id="left-out" {
                            h2 { (words.left) }
                            ul { @for left in &page.left { li { b { (left.title) } (page.language.colon()) (left.why) } } }
                        }
                    }
                }
                footer { @if suppresses { p { (words.suppressed.replace("{}", &page.smallest.to_string())) } } }
            }
        }
    };
    written.into_string() + "\n"
}

fn section(shown: &Shown, language: Language, words: &Words) -> Markup {
    let Shown { section, answered, said, sql, notes } = shown;
    let text = section.text.of(language);
    let is_long = answered.len() > SHORT;
    html! {
        section id=(section.name) {
            h2 { (section.title.of(language)) }
            @if !text.is_empty() { p class="text" { (text) } }
            @if answered.len() == 0 { p class="text" { (words.no_rows) } }
            @match section.drawn {
                Drawn::Numbers => (figures(shown, language)),
                _ => {
                    @match answered.picture(section, language, WIDTH) {
                        Some(Ok((kind, picture))) => figure class=[kind.is_round().then_some("round")] { (PreEscaped(picture)) },
                        Some(Err(error)) => p class="text" { (error) },
                        None => {}
                    }
                }
            }
            @if !said.is_empty() {
                ul class="said" { @for said in said { li { (said.text) " " details class="because" { summary { (words.because) } code { (said.because) } } } } }
            }
            // Large figures are those of the first row.
            @if answered.len() > usize::from(section.drawn == Drawn::Numbers) {
                @if is_long {
                    details { summary { (answered.len()) " " (words.rows) } (table(shown, language, words)) }
                } @else { (table(shown, language, words)) }
            }
            @for note in notes { p class="note" { (note) } }
            details class="query" { summary { (words.query) } pre { code { (sql) } } }
        }
    }
}

/// A row as large figures.
fn figures(shown: &Shown, language: Language) -> Markup {
    let Shown { section, answered, .. } = shown;
    html! {
        @for row in 0..answered.len().min(1) {
            dl class="figures" {
                @for (column, name) in answered.columns().iter().enumerate() {
                    div {
                        dt { (name_of(section, name, language)) }
                        dd class="mark" { (answered.cell(section, row, column, language)) (change(shown, row, column, language)) }
                    }
                }
            }
        }
    }
}

fn name_of(section: &Section, name: &str, language: Language) -> String {
    let word = section.word(name, language);
    if word == name { name.replace('_', " ") } else { word.to_string() }
}

/// An arrow, and by how much a number has changed.
fn change(shown: &Shown, row: usize, column: usize, language: Language) -> Markup {
    let unit = match (shown.section.is_percent(&shown.answered.columns()[column]), language) {
        (false, _) => "%",
        (true, Language::En) => " pp",
        (true, Language::Zh) => " 个百分点",
    };
    let percent = |change: f64| format!("{:.1}{unit}", 100.0 * change.abs());
    html! {
        @match shown.answered.change(&shown.section, row, column) {
            Some(change) if change.abs() < LEAST => { " " span class="same" { "=" } },
            Some(change) if change > 0.0 => { " " span class="up" { "▲ " (percent(change)) } },
            Some(change) => { " " span class="down" { "▼ " (percent(change)) } },
            None => {}
        }
    }
}

fn table(shown: &Shown, language: Language, words: &Words) -> Markup {
    let Shown { section, answered, .. } = shown;
    let columns = answered.columns();
    let class = |column: usize| answered.is_number(column).then_some("number");
    html! {
        div class="table" tabindex="0" {
            table {
                thead { tr { @for (column, name) in columns.iter().enumerate() { th scope="col" class=[class(column)] { (name_of(section, name, language)) } } } }
                tbody {
                    @for row in 0..answered.len().min(MOST_ROWS) {
                        tr {
                            @for column in 0..columns.len() {
                                td class=[class(column)] { (answered.cell(section, row, column, language)) (change(shown, row, column, language)) }
                            }
                        }
                    }
                }
            }
            @if answered.len() > MOST_ROWS { p class="note" { "… " (answered.len()) " " (words.rows) } }
        }
    }
}
