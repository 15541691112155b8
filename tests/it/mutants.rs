//! Statements with mistakes: every one is answered, none ends the program, none says that the program is at fault.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use portraitdb::{EngineOptions, message};

use crate::support::{About, Dice, cases, session_with};

/// How long a statement may take, and how long until it is given up.
const LONGEST: Duration = Duration::from_secs(10);
const GIVEN_UP: &str = "SET portrait.statement_timeout = 2";

/// Statements of the tests and of the scripts that are shipped, but for those that write files.
fn seeds() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = vec![];
    let mut folders = vec![root.join("tests/sql"), root.join("sql")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_string();
            match extension.as_str() {
                _ if path.is_dir() => folders.push(path),
                "slt" => seeds.extend(of_test(&fs::read_to_string(path).unwrap())),
                "sql" => seeds.extend(fs::read_to_string(path).unwrap().split(";\n").map(String::from)),
                _ => {}
            }
        }
    }
    let writes = ["COPY", "EXTERNAL", "LOCATION", "$", ".csv", ".parquet", ".json"];
    seeds.retain(|seed| seed.len() < 2_000 && !writes.iter().any(|word| seed.contains(word)));
    seeds.sort();
    seeds
}

/// The statements of a test: what stands below `statement` or `query`, up to `----` or an empty line.
fn of_test(text: &str) -> Vec<String> {
    let mut statements = vec![];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("statement") || line.starts_with("query") {
            let sql: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty() && *line != "----").collect();
            statements.push(sql.join("\n"));
        }
    }
    statements
}

/// Words, numbers, texts and signs, each with the space behind it.
fn tokens(sql: &str) -> Vec<String> {
    let letters: Vec<char> = sql.chars().collect();
    let mut tokens = vec![];
    let mut place = 0;
    while place < letters.len() {
        let start = place;
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        match letters[place] {
            quote @ ('\'' | '"') => {
                place += 1;
                while place < letters.len() && letters[place] != quote {
                    place += 1;
                }
                place = (place + 1).min(letters.len());
            }
            letter if is_word(letter) => {
                while place < letters.len() && is_word(letters[place]) {
                    place += 1;
                }
            }
            _ => place += 1,
        }
        while place < letters.len() && letters[place].is_whitespace() {
            place += 1;
        }
        tokens.push(letters[start..place].iter().collect());
    }
    tokens
}

/// What is put in.
const WORDS: [&str; 100] = [
    "SELECT ",
    "FROM ",
    "WHERE ",
    "GROUP BY ",
    "ORDER BY ",
    "HAVING ",
    "LIMIT ",
    "OFFSET ",
    "DISTINCT ",
    "ALL ",
    "AS ",
    "ON ",
    "USING ",
    "JOIN ",
    "LEFT JOIN ",
    "FULL JOIN ",
    "CROSS JOIN ",
    "UNION ",
    "UNION ALL ",
    "EXCEPT ",
    "INTERSECT ",
    "NOT ",
    "NULL ",
    "TRUE ",
    "IS ",
    "IN ",
    "BETWEEN ",
    "LIKE ",
    "EXISTS ",
    "CASE ",
    "WHEN ",
    "THEN ",
    "ELSE ",
    "END ",
    "CAST(",
    "TRY_CAST(",
    "POSITION(",
    "EXTRACT(",
    "ARRAY[",
    "INTERVAL ",
    "DATE ",
    "TIMESTAMP ",
    "OVER ",
    "OVER (",
    "PARTITION BY ",
    "ROWS ",
    "RANGE ",
    "UNBOUNDED PRECEDING ",
    "FILTER (WHERE ",
    "WITHIN GROUP (ORDER BY ",
    "WITH ",
    "RECURSIVE ",
    "VALUES ",
    "LATERAL ",
    "UNNEST(",
    "unnest(",
    "range(",
    "repeat(",
    "array_agg(",
    "count(",
    "sum(",
    "min(",
    "avg(",
    "concat(",
    "generate_series(",
    "EXPLAIN ",
    "EXPLAIN ANALYZE ",
    "CREATE ",
    "VIEW ",
    "TABLE ",
    "DROP ",
    "SHOW ",
    "GROUPING SETS ",
    "CUBE ",
    "ROLLUP ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "*",
    "+",
    "-",
    "/",
    "%",
    "||",
    "::",
    "=>",
    "=",
    "<>",
    "<",
    "'",
    "\"",
    ";",
    "--",
    "/*",
    "$1 ",
];

const NUMBERS: [&str; 22] = [
    "0",
    "1",
    "-1",
    "2",
    "127",
    "128",
    "32768",
    "65536",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
    "0.5",
    "1e308",
    "-1e-308",
    "1e999",
    "'NaN'",
];

fn mutated(dice: &mut Dice, seeds: &[Vec<String>]) -> String {
    let mut tokens = dice.pick(seeds);
    for _ in 0..dice.between(1, 4) {
        if tokens.is_empty() {
            break;
        }
        let place = dice.below(tokens.len());
        let is_number = |token: &String| token.starts_with(|letter: char| letter.is_ascii_digit());
        match dice.below(9) {
            0 => drop(tokens.remove(place)),
            1 => tokens.insert(place, tokens[place].clone()),
            2 => {
                let other = dice.below(tokens.len());
                tokens.swap(place, other);
            }
            3 => tokens.insert(place, dice.pick(&WORDS).into()),
            4 => tokens[place] = dice.pick(&WORDS).into(),
            5 => {
                let numbers: Vec<usize> = (0..tokens.len()).filter(|place| is_number(&tokens[*place])).collect();
                if let Some(place) = dice.of(&numbers) {
                    tokens[*place] = format!("{} ", dice.pick(&NUMBERS));
                }
            }
            6 => {
                let other = dice.pick(seeds);
                let from = dice.below(other.len());
                let to = dice.between(from, other.len() - 1).min(from + 12);
                tokens.splice(place..place, other[from..=to].iter().cloned());
            }
            7 => {
                let to = dice.between(place, tokens.len() - 1).min(place + 20);
                let nested =
                    [("(", ")"), ("(SELECT ", ")"), ("CAST(", " AS TEXT)"), ("abs(", ")"), ("NOT ", ""), ("- ", ""), ("[", "]")];
                let (open, close) = dice.pick(&nested);
                for _ in 0..dice.between(1, 40) {
                    tokens.insert(to + 1, close.into());
                    tokens.insert(place, open.into());
                    if close.is_empty() {
                        tokens.remove(to + 2);
                    }
                }
            }
            _ => {
                let to = dice.between(place, tokens.len() - 1).min(place + 8);
                let part: Vec<String> = tokens[place..=to].to_vec();
                let times = dice.pick(&[2, 5, 50]);
                tokens.splice(place..place, (0..times).flat_map(|_| part.clone()));
            }
        }
    }
    tokens.concat()
}

#[test]
fn mistakes_are_answered() {
    let seeds: Vec<Vec<String>> = seeds().iter().map(|seed| tokens(seed)).filter(|tokens| !tokens.is_empty()).collect();
    assert!(seeds.len() > 1_000, "{}", seeds.len());
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(crate::support::from_environment("PORTRAIT_TEST_SEED", 12));
    let (mut answered, mut wrong) = (0, vec![]);
    let number = cases(1_200);
    for batch in 0..number.div_ceil(50) {
        let options =
            EngineOptions { memory_limit: Some(256 << 20), base: Some(folder.path().to_path_buf()), ..EngineOptions::default() };
        let (engine, session) = session_with(options);
        for _ in 0..50 {
            let sql = mutated(&mut dice, &seeds);
            // It stands here when the process dies.
            let _about = About(format!("batch {batch}: {sql}"));
            fs::write(folder.path().join("last.sql"), &sql).unwrap();
            let began = Instant::now();
            let answer = engine.block_on(async {
                // A mistake may have changed how long it takes.
                session.sql(GIVEN_UP).await?;
                tokio::time::timeout(LONGEST, session.sql(&sql)).await.unwrap_or_else(|_| Ok(vec![]))
            });
            let took = began.elapsed();
            let told = match answer {
                Ok(_) => String::new(),
                Err(error) => message(&error),
            };
            answered += usize::from(told.is_empty());
            let at_fault = ["panicked", "internal error", "Internal error", "bug in DataFusion"];
            if took >= LONGEST || at_fault.iter().any(|text| told.contains(text)) {
                wrong.push(format!("{:.1} s: {told}\n{sql}\n", took.as_secs_f64()));
            }
        }
    }
    eprintln!("{number} statements, {answered} of them ran");
    assert!(wrong.is_empty(), "{} of {number}:\n{}", wrong.len(), wrong.join("\n"));
}
