//! Statements with random mistakes: each gets an answer, none ends the program, none causes an internal error.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use portraitdb::{EngineOptions, message};

use crate::support::{About, Dice, cases, session_with};

/// Statements in a session.
const STATEMENTS: u64 = 50;
/// How long a statement may take, and after how long it is abandoned.
const LONGEST: Duration = Duration::from_secs(10);
const GIVEN_UP: &str = "SET portrait.statement_timeout = 2";

/// A unit for mutation: the statements of a file, and those that create its tables.
pub struct Scene {
    in_a_database: bool,
    pub setup: Vec<String>,
    pub seeds: Vec<Vec<String>>,
    /// The statements that run without mistakes.
    sound: Vec<Vec<String>>,
}

/// The statements of the tests and the shipped scripts, except those that write files.
pub fn scenes() -> Vec<Scene> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut scenes = vec![];
    let mut folders = vec![root.join("tests/sql"), root.join("sql")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_string();
            match extension.as_str() {
                // The files read there are created by system commands.
                _ if path.ends_with("sql/files") => {}
                _ if path.is_dir() => folders.push(path),
                "slt" => scenes.push(of_test(&fs::read_to_string(path).unwrap())),
                "sql" => scenes.push(of_script(&fs::read_to_string(path).unwrap())),
                _ => {}
            }
        }
    }
    scenes.retain(|scene| !scene.sound.is_empty());
    scenes.sort_by(|left, right| left.seeds.cmp(&right.seeds));
    scenes
}

/// True for a statement that neither writes files nor reads anything that a mistake could write.
fn is_seed(sql: &str) -> bool {
    let writes = ["COPY", "EXTERNAL", "LOCATION", "$", ".csv", ".parquet", ".json"];
    sql.len() < 2_000 && !writes.iter().any(|word| sql.contains(word))
}

/// The statements of a test: the lines below `statement` or `query`, up to `----` or an empty line. The `statement ok` records create its
/// tables.
fn of_test(text: &str) -> Scene {
    let mut scene =
        Scene { in_a_database: text.starts_with("# In a database directory."), setup: vec![], seeds: vec![], sound: vec![] };
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("statement") || line.starts_with("query") {
            let sql: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty() && *line != "----").collect();
            let sql = sql.join("\n");
            if !is_seed(&sql) {
                continue;
            }
            if !line.starts_with("statement error") && !line.starts_with("query error") {
                scene.sound.push(tokens(&sql));
            }
            scene.seeds.push(tokens(&sql));
            if line == "statement ok" && !sql.starts_with("DROP") {
                scene.setup.push(sql);
            }
        }
    }
    scene
}

/// The statements of a script over the sample.
fn of_script(text: &str) -> Scene {
    let statements = text.split(";\n").map(String::from).filter(|sql| is_seed(sql));
    let made = |sql: &String| sql.lines().any(|line| line.starts_with("CREATE") || line.starts_with("REFRESH"));
    let statements: Vec<String> = statements.collect();
    let shop = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/shop.sql")).unwrap();
    let tables = shop.split(";\n").filter(|sql| !sql.trim().is_empty()).map(String::from);
    let seeds: Vec<_> = statements.iter().map(|sql| tokens(sql)).filter(|seed| !seed.is_empty()).collect();
    let setup = tables.chain(statements.iter().filter(|sql| made(sql)).cloned()).collect();
    Scene { in_a_database: false, setup, sound: seeds.clone(), seeds }
}

/// Words, numbers, strings and symbols, each with the space after it.
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

/// Pieces to insert.
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

/// Pieces to wrap around a word, a number or a string.
const ABOUT: [(&str, &str); 16] = [
    ("abs(", ")"),
    ("(", ")"),
    ("- ", ""),
    ("CAST(", " AS TEXT)"),
    ("CAST(", " AS BIGINT)"),
    ("TRY_CAST(", " AS DECIMAL(38, 10))"),
    ("TRY_CAST(", " AS TIMESTAMP)"),
    ("coalesce(", ", NULL)"),
    ("nullif(", ", 1)"),
    ("repeat(", ", 1000000)"),
    ("sum(", ")"),
    ("array_agg(", ")"),
    ("count(DISTINCT ", ")"),
    ("(SELECT ", ")"),
    ("max(", ") OVER ()"),
    ("[", "]"),
];

/// Pieces to wrap around a statement.
const OUTSIDE: [(&str, &str); 14] = [
    ("EXPLAIN ", ""),
    ("EXPLAIN ANALYZE ", ""),
    ("CREATE OR REPLACE VIEW of_a_mistake AS ", ""),
    ("CREATE OR REPLACE TABLE of_a_mistake AS ", ""),
    ("SELECT count(*) FROM (", ") AS q"),
    ("SELECT * FROM (", ") AS q ORDER BY 1 DESC LIMIT 3"),
    ("SELECT DISTINCT q.* FROM (", ") AS q, range(0, 1000) AS r"),
    ("SELECT EXISTS (", ")"),
    ("SELECT (", ")"),
    ("SELECT 1 WHERE 1 IN (", ")"),
    ("WITH q AS (", ") SELECT * FROM q AS a, q AS b, q AS c, q AS d"),
    ("WITH q AS (", ") SELECT * FROM q AS a NATURAL FULL JOIN q AS b"),
    ("SELECT * FROM (VALUES (1), (2)) AS v(x) LEFT JOIN LATERAL (", ") AS q ON TRUE"),
    ("", " UNION ALL SELECT NULL"),
];

/// A statement of the unit with one change after which it is usually still valid.
pub fn changed(dice: &mut Dice, scene: &Scene) -> String {
    let mut tokens = dice.pick(&scene.sound);
    let of_kind = |tokens: &[String], is: fn(char) -> bool| -> Vec<usize> {
        (0..tokens.len()).filter(|place| tokens[*place].starts_with(is)).collect()
    };
    let is_sign = |letter: char| "+-*/%=<>|".contains(letter);
    let is_word = |letter: char| letter.is_alphabetic();
    let is_number = |letter: char| letter.is_ascii_digit();
    let is_atom = |letter: char| letter.is_alphanumeric() || letter == '\'';
    match dice.below(6) {
        0 => {
            if let Some(place) = dice.of(&of_kind(&tokens, is_number)) {
                tokens[*place] = format!("{} ", dice.pick(&NUMBERS));
            }
        }
        1 => {
            let other = dice.pick(&scene.sound);
            let words = of_kind(&other, is_word);
            if let (Some(place), Some(from)) = (dice.of(&of_kind(&tokens, is_word)), dice.of(&words)) {
                tokens[*place].clone_from(&other[*from]);
            }
        }
        2 => {
            if let Some(place) = dice.of(&of_kind(&tokens, is_sign)) {
                tokens[*place] =
                    dice.pick(&["+ ", "- ", "* ", "/ ", "% ", "= ", "<> ", "< ", "|| ", "AND ", "OR ", "LIKE ", "IN "]).into();
            }
        }
        3 => {
            if let Some(place) = dice.of(&of_kind(&tokens, is_atom)) {
                let (open, close) = dice.pick(&ABOUT);
                tokens[*place] = format!("{open}{}{close} ", tokens[*place].trim_end());
            }
        }
        4 => {
            let of_atoms = of_kind(&tokens, is_atom);
            let other = dice.pick(&scene.sound);
            let others = of_kind(&other, is_atom);
            if let (Some(place), Some(from)) = (dice.of(&of_atoms), dice.of(&others)) {
                tokens[*place] = format!("{} ", other[*from].trim_end());
            }
        }
        _ => {
            let (open, close) = dice.pick(&OUTSIDE);
            return format!("{open}{}{close}", tokens.concat());
        }
    }
    tokens.concat()
}

/// A statement of the unit with a few mistakes, some of them pieces of other statements.
pub fn mutated(dice: &mut Dice, scene: &Scene, seeds: &[&Vec<String>]) -> String {
    let mut tokens = dice.pick(&scene.seeds);
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
                let other: &Vec<String> = seeds[dice.below(seeds.len())];
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
    let scenes = scenes();
    let seeds: Vec<&Vec<String>> = scenes.iter().flat_map(|scene| &scene.seeds).collect();
    assert!(seeds.len() > 1_000, "{}", seeds.len());
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(crate::support::from_environment("PORTRAIT_TEST_SEED", 13));
    let (mut answered, mut wrong) = (0, vec![]);
    let (mut set_up, mut of_setup, mut refused) = (0, 0, vec![]);
    let number = cases(300, 1_200);
    for batch in 0..number.div_ceil(STATEMENTS) {
        let scene = &scenes[dice.below(scenes.len())];
        let database = tempfile::tempdir().unwrap();
        let options = EngineOptions {
            memory_limit: Some(256 << 20),
            base: Some(folder.path().to_path_buf()),
            database: scene.in_a_database.then(|| database.path().to_path_buf()),
            ..EngineOptions::default()
        };
        let (engine, session) = session_with(options);
        for sql in &scene.setup {
            match engine.block_on(session.sql(sql)) {
                Ok(_) => set_up += 1,
                Err(error) => refused.push(format!("{sql}: {}", message(&error))),
            }
            of_setup += 1;
        }
        let mut given_up = String::new();
        for _ in 0..STATEMENTS {
            let sql = if dice.chance(60) { changed(&mut dice, scene) } else { mutated(&mut dice, scene, &seeds) };
            // This shows the statement if the process dies.
            let _about = About(format!("batch {batch}: {sql}"));
            fs::write(folder.path().join("last.sql"), &sql).unwrap();
            let began = Instant::now();
            let answer = engine.block_on(async {
                // A mistake may have changed its running time.
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
                let told = format!("{:.1} s: {told}\n{sql}\nafter {given_up}\n", took.as_secs_f64());
                eprintln!("{told}");
                wrong.push(told);
            }
            // An abandoned statement may still occupy the threads.
            if took >= Duration::from_secs(2) {
                given_up.clone_from(&sql);
            }
        }
    }
    eprintln!("{number} statements, {answered} of them ran; {set_up} of {of_setup} that make tables");
    // A few scenes may all be of scripts that need what another script makes; of many, most stand by themselves.
    assert!(
        of_setup < 100 || set_up * 10 >= of_setup * 9,
        "only {set_up} of {of_setup} statements that make tables ran; not these:\n{}",
        refused.join("\n")
    );
    assert!(answered * 10 >= usize::try_from(number).unwrap(), "only {answered} of {number} ran");
    assert!(wrong.is_empty(), "{} of {number}:\n{}", wrong.len(), wrong.join("\n"));
}
