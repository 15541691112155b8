//! Pages of the reference in the terminal: headings, paragraphs, lists, tables and code instead of Markdown.

use portraitdb::{display_width, wrapped};

use super::highlight::{BOLD, CODE, PLAIN, colored};

/// Pages are not wider than this: longer lines are hard to read.
const WIDEST: usize = 110;
/// The least width of a narrowed column in a table.
const NARROWEST: usize = 8;
/// On screens narrower than this, tables whose columns would break words are shown as lists.
const NARROW: usize = 72;
/// Zero-width characters that stand for the backticks around code until lines have been broken.
const OPENS: char = '\u{2060}';
const CLOSES: char = '\u{2062}';

/// The layout of a page.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Columns of the screen.
    pub width: usize,
    pub color: bool,
}

/// A page, ready for the screen.
pub fn rendered(markdown: &str, look: Look) -> String {
    let look = Look { width: look.width.clamp(20, WIDEST), ..look };
    let mut written: Vec<String> = vec![];
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let code: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            // Code that is too wide is broken like text, because the screen would cut it off.
            let code: Vec<String> = code.iter().flat_map(|line| wrapped(line, look.width - 4)).collect();
            let code = code.join("\n");
            let code = if look.color { colored(&code) } else { code };
            written.extend(code.lines().map(|line| format!("    {line}")));
        } else if let Some(title) = line.strip_prefix('#') {
            let title = title.trim_start_matches('#').trim();
            written.push(if look.color { format!("{BOLD}{title}{PLAIN}") } else { title.to_string() });
            if !look.color {
                written.push("-".repeat(display_width(title)));
            }
        } else if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(next) = lines.next_if(|next| next.starts_with('|')) {
                rows.push(cells(next));
            }
            written.extend(table(&rows, look));
        } else if line.trim().is_empty() {
            if written.last().is_some_and(|last| !last.is_empty()) {
                written.push(String::new());
            }
        } else {
            let mut paragraph = line.trim_end().to_string();
            let goes_on = |next: &str| {
                !next.trim().is_empty()
                    && !next.starts_with(['|', '#'])
                    && !next.starts_with("- ")
                    && !next.starts_with("```")
                    && !is_numbered(next)
            };
            while let Some(next) = lines.next_if(|next| goes_on(next)) {
                paragraph.push(' ');
                paragraph.push_str(next.trim());
            }
            written.extend(broken(&paragraph, look));
        }
    }
    while written.last().is_some_and(String::is_empty) {
        written.pop();
    }
    written.join("\n") + "\n"
}

fn is_numbered(line: &str) -> bool {
    line.split_once(". ").is_some_and(|(number, _)| !number.is_empty() && number.chars().all(|letter| letter.is_ascii_digit()))
}

/// A paragraph, or a list item whose further lines are indented.
fn broken(paragraph: &str, look: Look) -> Vec<String> {
    let (mark, text) = match paragraph.strip_prefix("- ") {
        Some(text) => ("- ", text),
        None => ("", paragraph),
    };
    let lines = wrapped(&inline(text, look), look.width - mark.len());
    let lines = styled(lines, look);
    let indent = " ".repeat(mark.len());
    lines.into_iter().enumerate().map(|(place, line)| format!("{}{line}", if place == 0 { mark } else { &indent })).collect()
}

/// Marks up code, strong words and links.
fn inline(text: &str, look: Look) -> String {
    let mut written = String::with_capacity(text.len());
    let mut is_code = false;
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if letter == '`' {
            is_code = !is_code;
            written.push(match (look.color, is_code) {
                (false, _) => '`',
                (true, true) => OPENS,
                (true, false) => CLOSES,
            });
        } else if !is_code && rest.starts_with("**") {
            rest = &rest[2..];
            continue;
        } else if !is_code
            && letter == '['
            && let Some((shown, after)) = rest[1..].split_once("](")
            && let Some((_, after)) = after.split_once(')')
            && !shown.contains(['[', ']'])
        {
            written.push_str(shown);
            rest = after;
            continue;
        } else if letter == '\\' && rest[1..].starts_with(['|', '*', '_', '`']) {
            // An escape of Markdown.
        } else {
            written.push(letter);
        }
        rest = &rest[letter.len_utf8()..];
    }
    written
}

/// Lines with their colours; code may continue on the next line.
fn styled(lines: Vec<String>, look: Look) -> Vec<String> {
    if !look.color {
        return lines;
    }
    let mut is_code = false;
    lines
        .into_iter()
        .map(|line| {
            let mut written = if is_code { CODE.to_string() } else { String::new() };
            for letter in line.chars() {
                match letter {
                    OPENS => (is_code, written) = (true, written + CODE),
                    CLOSES => (is_code, written) = (false, written + PLAIN),
                    other => written.push(other),
                }
            }
            if is_code { written + PLAIN } else { written }
        })
        .collect()
}

/// The cells of a row; a bar that belongs to a cell is escaped.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|');
    let line = line.strip_suffix('|').filter(|line| !line.ends_with('\\')).unwrap_or(line);
    let mut cells = vec![String::new()];
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.next_if_eq(&'|').is_some() => cells.iter_mut().last().into_iter().for_each(|cell| cell.push('|')),
            '|' => cells.push(String::new()),
            other => cells.iter_mut().last().into_iter().for_each(|cell| cell.push(other)),
        }
    }
    cells.iter().map(|cell| cell.trim().to_string()).collect()
}

fn table(rows: &[Vec<String>], look: Look) -> Vec<String> {
    let is_line = |row: &Vec<String>| row.iter().all(|cell| !cell.is_empty() && cell.chars().all(|letter| "-:".contains(letter)));
    let rows: Vec<Vec<String>> =
        rows.iter().filter(|row| !is_line(row)).map(|row| row.iter().map(|cell| inline(cell, look)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
    let natural: Vec<usize> =
        (0..columns).map(|column| rows.iter().map(|row| display_width(&cell(row, column))).max().unwrap_or(0)).collect();
    let space = look.width.saturating_sub(2 * columns.saturating_sub(1));
    let narrow = |most: usize| natural.iter().map(|width| (*width).min(most)).collect::<Vec<usize>>();
    let fits = (NARROWEST..=look.width).rev().find(|most| narrow(*most).iter().sum::<usize>() <= space);
    let widths = narrow(fits.unwrap_or(NARROWEST));
    let is_broken = |text: &str, width: usize| text.split_whitespace().any(|word| display_width(word) > width);
    let breaks_words = |row: &Vec<String>| (0..columns).any(|column| is_broken(&cell(row, column), widths[column]));
    if look.width < NARROW && columns > 2 && rows.iter().any(breaks_words) {
        return one_below_the_other(&rows, look);
    }
    let mut written = vec![];
    for (place, row) in rows.iter().enumerate() {
        let parts: Vec<Vec<String>> = (0..columns).map(|column| wrapped(&cell(row, column), widths[column])).collect();
        let plain: Vec<Vec<usize>> = parts.iter().map(|lines| lines.iter().map(|line| display_width(line)).collect()).collect();
        let parts: Vec<Vec<String>> = parts.into_iter().map(|lines| styled(lines, look)).collect();
        for line in 0..parts.iter().map(Vec::len).max().unwrap_or(0) {
            let mut text = String::new();
            for column in 0..columns {
                let shown = parts[column].get(line).map(String::as_str).unwrap_or_default();
                let taken = plain[column].get(line).copied().unwrap_or(0);
                text.push_str(shown);
                text.push_str(&" ".repeat(widths[column].saturating_sub(taken) + 2));
            }
            let text = text.trim_end();
            written.push(if place == 0 && look.color { format!("{BOLD}{text}{PLAIN}") } else { text.to_string() });
        }
        if place == 0 {
            written.push(widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("  "));
        }
    }
    written
}

/// A table whose columns would break words: the first cell of each row, and the others below it with their headings.
fn one_below_the_other(rows: &[Vec<String>], look: Look) -> Vec<String> {
    let Some(([first, headings @ ..], rows)) = rows.split_first().map(|(head, rows)| (head.as_slice(), rows)) else {
        return vec![];
    };
    let mut written = vec![];
    for row in rows {
        let named = row.first().map_or_else(String::new, |name| format!("{first} {name}"));
        written.extend(styled(wrapped(&named, look.width), look));
        for (heading, cell) in headings.iter().zip(row.iter().skip(1)).filter(|(_, cell)| !cell.is_empty()) {
            let lines = styled(wrapped(&format!("{heading}: {cell}"), look.width - 2), look);
            written.extend(lines.into_iter().map(|line| format!("  {line}")));
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use portraitdb::{Language, pages};

    use super::super::super::screen::without_colors;
    use super::*;

    #[test]
    fn markdown_is_rendered() {
        let page = "## rfm 客户\n\nOne *row* per `customer_id`, see [the paper](http://x).\n\n- a point that is too long for one line\n\n\
                    | argument | meaning |\n|---|---|\n| `客户` | who `bought` it, a \\| b |\n\n```sql\nSELECT 1;\n```\n";
        let plain = rendered(page, Look { width: 24, color: false });
        assert_eq!(
            plain,
            "rfm 客户\n--------\n\nOne *row* per\n`customer_id`, see the\npaper.\n\n- a point that is too\n  long for one line\n\n\
             argument  meaning\n--------  --------------\n`客户`    who `bought`\n          it, a | b\n\n    SELECT 1;\n"
        );
        let colored = rendered(page, Look { width: 24, color: true });
        assert!(colored.contains(&format!("{CODE}customer_id{PLAIN}")) && colored.contains(&format!("{BOLD}rfm 客户{PLAIN}")));
        assert!(!without_colors(&colored).contains('\u{1b}'));
    }

    #[test]
    fn narrow_tables_do_not_break_words() {
        let page = "| argument | takes | default | meaning |\n|---|---|---|---|\n| `recency_score` | integer | required | of recency |\n";
        let plain = rendered(page, Look { width: 40, color: false });
        assert_eq!(plain, "argument `recency_score`\n  takes: integer\n  default: required\n  meaning: of recency\n");
    }

    /// Checks every page at several widths.
    #[test]
    fn pages_fit_the_screen() {
        for doc in pages() {
            for width in [40, 80, 200] {
                let look = Look { width, color: true };
                let text = rendered(&doc.markdown(Language::Zh), look);
                let is_code = |line: &str| line.starts_with("    ");
                let wide =
                    text.lines().map(without_colors).find(|line| !is_code(line) && display_width(line) > width.min(WIDEST));
                // Four columns of a table and their spaces sometimes need more than the narrowest screen.
                assert!(width == 40 || wide.is_none(), "{} at {width}: {wide:?}", doc.name);
                assert!(!text.contains("```") && !text.contains("|---"), "{}", doc.name);
                assert!(!text.contains([OPENS, CLOSES]), "{}", doc.name);
            }
        }
    }
}
