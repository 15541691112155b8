//! The shell in a terminal, which the program `script` provides: prompts, folding, pager, Ctrl-C, completion, paste.
#![cfg(unix)]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{portrait, run, skipped};

/// The program that provides terminals; `None` with a visible message.
fn script() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join("script")).find(|path| path.is_file());
    if found.is_none() {
        skipped("the program `script`, which makes a terminal, is not installed");
    }
    found
}

/// A shell in its own terminal and its own folder.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How much of the output was examined.
    seen: usize,
    folder: tempfile::TempDir,
}

const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const PROMPT: &str = "portrait> ";

impl Terminal {
    /// Starts a shell with this many columns; `settings` are environment variables.
    fn open(columns: usize, arguments: &str, settings: &[(&str, &str)]) -> Option<Self> {
        let script = script()?;
        let folder = tempfile::tempdir().unwrap();
        let program = format!("stty cols {columns} rows 24; exec {} {arguments}", env!("CARGO_BIN_EXE_portrait"));
        let mut child = Command::new(script)
            .args(["-qec", &program, "/dev/null"])
            .current_dir(folder.path())
            .env("XDG_STATE_HOME", folder.path().join("state"))
            .env("TERM", "xterm-256color")
            .env("PORTRAIT_PAGER", "")
            .env_remove("NO_COLOR")
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let writing = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut some) {
                writing.lock().unwrap().extend_from_slice(&some[..length]);
            }
        });
        let mut terminal = Self { child, keys, shown, seen: 0, folder };
        terminal.until(PROMPT);
        Some(terminal)
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// The output up to a text, without colours and cursor movements.
    fn until(&mut self, wanted: &str) -> String {
        let began = Instant::now();
        loop {
            let bytes = self.shown.lock().unwrap().clone();
            let text = plain(&String::from_utf8_lossy(&bytes[self.seen..]));
            if text.contains(wanted) {
                // Whatever comes right after the text belongs to it.
                std::thread::sleep(Duration::from_millis(150));
                let bytes = self.shown.lock().unwrap();
                let text = plain(&String::from_utf8_lossy(&bytes[self.seen..]));
                self.seen = bytes.len();
                return text;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "no {wanted:?} in {text:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types a line, and returns the output up to `wanted`.
    fn line(&mut self, line: &str, wanted: &str) -> String {
        self.press(&format!("{line}\r"));
        self.until(wanted)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Leaves the shell; returns its exit code.
    fn leave(self) -> Option<i32> {
        self.leave_with(CTRL_D)
    }

    fn leave_with(mut self, keys: &str) -> Option<i32> {
        self.press(keys);
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < Duration::from_secs(30), "the shell does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Removes terminal escapes.
fn plain(text: &str) -> String {
    let mut letters = text.chars().peekable();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' if letters.next_if_eq(&'[').is_some() => {
                while letters.next().is_some_and(|letter| !letter.is_ascii_alphabetic()) {}
            }
            '\u{1b}' if letters.next_if_eq(&']').is_some() => {
                let order: String = letters.by_ref().take_while(|letter| *letter != '\u{7}').collect();
                plain.push_str(&format!("<{order}>"));
            }
            '\r' => {}
            letter => plain.push(letter),
        }
    }
    plain
}

#[test]
fn commands_and_words_need_no_semicolon() {
    let Some(mut shell) = Terminal::open(100, "", &[]) else { return };
    assert!(shell.line("help", "leaves the shell; so does Ctrl-D").contains("\\watch [SECONDS [TIMES]]"));
    assert!(shell.line("?", "Variables").contains("Queries"));
    shell.line("CREATE TABLE 订单 AS SELECT 1 AS 金额;", PROMPT);
    assert!(shell.line("\\d", "table").contains("订单"));
    assert!(shell.line("\\d 订单", "(1 row)").contains("BIGINT"));
    assert!(shell.line(".tables", "(1 row)").contains("订单"));
    assert!(shell.line("\\df regexp_m*", "(2 rows)").contains("scalar"));
    let page = shell.line("\\h rfm_segment", PROMPT);
    assert!(page.contains("rfm_segment") && !page.contains("```") && !page.contains("|---"), "{page}");
    shell.line("SELECT nothing;", "nothing: no such column");
    shell.line("\\timing", "timing is on");
    let timed = shell.line("SELECT value FROM generate_series(1,200);", "rows/s");
    assert!(timed.contains("(200 rows, the first 100 shown") && timed.contains(" s, 200 rows"), "{timed}");
    shell.line("\\tming", "did you mean \\timing?");
    // An abandoned statement can be recalled from the history.
    shell.line("SELECT 6 *", "portrait-> ");
    shell.press(CTRL_C);
    shell.until(PROMPT);
    shell.press("\u{1b}[A");
    assert!(shell.line(" 7;", "(1 row)").contains(" 42"));
    let history = std::fs::read_to_string(shell.at("state/portrait/history")).unwrap();
    assert!(history.contains("SELECT nothing;"), "{history}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn the_prompt_shows_what_is_open() {
    let Some(mut shell) = Terminal::open(100, "", &[]) else { return };
    for (line, prompt) in [
        ("SELECT", "portrait-> "),
        ("'a", "portrait'> "),
        ("b' AS x, (", "portrait(> "),
        ("1 /* why", "portrait*> "),
        ("*/) AS \"y", "portrait\"> "),
        ("z\",", "portrait-> "),
    ] {
        shell.line(line, prompt);
    }
    let answer = shell.line("6 * 7 AS answer;", "(1 row)");
    assert!(answer.contains("42") && answer.contains("answer"), "{answer}");
    // The Chinese semicolon ends a statement too, and the error says what to type.
    let told = shell.line("SELECT 1；", "error:");
    assert!(told.contains('；'), "{told}");
    // A command in the middle leaves the statement unchanged.
    shell.line("SELECT 40 +", "portrait-> ");
    shell.line("\\x on", "a block for each row is on");
    let answer = shell.line("2 AS answer;", "answer | 42");
    assert!(answer.contains("-[ row 1 ]"), "{answer}");
    assert_eq!(shell.leave_with("exit\r"), Some(0));
}

#[test]
fn wide_rows_are_folded_to_the_terminal() {
    let columns: Vec<String> = (1..=20).map(|number| format!("{number} AS column_number_{number}")).collect();
    let many = format!("SELECT {} FROM generate_series(1, 2);", columns.join(", "));
    let long = "SELECT value AS id, '一位常来的客户, who has bought every month for many years and lives in the middle of the city' AS remark FROM generate_series(1, 2);";
    for (width, is_block) in [(40, [true, false]), (80, [true, false]), (200, [true, false])] {
        let Some(mut shell) = Terminal::open(width, "", &[]) else { return };
        for (sql, is_block) in [(many.as_str(), is_block[0]), (long, is_block[1])] {
            std::fs::write(shell.at("q.sql"), sql).unwrap();
            let shown = shell.line("\\i q.sql", "(2 rows)");
            assert_eq!(shown.contains("-[ row 2 ]"), is_block, "{width}: {shown}");
            let rows = shown.lines().skip(1).filter(|line| !line.contains("portrait"));
            for line in rows {
                assert!(portraitdb::display_width(line) <= width, "{width}: {line}");
            }
        }
        shell.line("\\x off", "is off");
        assert!(!shell.line("\\i q.sql", "(2 rows)").contains("row 1 ]"));
        // Without an argument it goes back to what was before.
        shell.line("\\x", "is on");
        shell.line("\\x", "is off");
        shell.line("\\x auto", "is auto");
    }
}

#[test]
fn results_go_to_files_by_their_names() {
    let Some(mut shell) = Terminal::open(100, "", &[]) else { return };
    shell.line("\\o a.csv", PROMPT);
    shell.line("SELECT 1 AS a, '客' AS b;", PROMPT);
    assert!(!shell.at("a.csv").exists(), "it appears when it is finished");
    shell.line("\\o b.json", PROMPT);
    assert_eq!(std::fs::read_to_string(shell.at("a.csv")).unwrap(), "a,b\n1,客\n");
    shell.line("SELECT 1 AS a;", PROMPT);
    shell.line("\\o", PROMPT);
    assert_eq!(std::fs::read_to_string(shell.at("b.json")).unwrap(), "[{\"a\":1}]\n");
    assert!(shell.line("SELECT 6 * 7 AS answer;", "(1 row)").contains("42"));
    shell.line("\\o c.csv.gz", "not compressed");
    // The output of an interrupted query is not a result.
    shell.line("\\o d.csv", PROMPT);
    shell.press("SELECT * FROM sample_orders(rows => 300000000);\r");
    std::thread::sleep(Duration::from_secs(2));
    shell.press(CTRL_C);
    shell.until("interrupted");
    shell.line("SELECT 6 * 7 AS answer;", "(1 row)");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn ctrl_c_ends_a_query_and_not_the_shell() {
    let Some(mut shell) = Terminal::open(100, "", &[]) else { return };
    for _ in 0..2 {
        shell.press("SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE (a.value * b.value) % 7 = 3;\r");
        std::thread::sleep(Duration::from_millis(1_500));
        shell.press(CTRL_C);
        shell.until("interrupted");
    }
    // The typed text is dropped, and pressing Ctrl-C twice does not end the shell.
    shell.press("SELECT 'half");
    shell.press(CTRL_C);
    shell.until(PROMPT);
    shell.press(CTRL_C);
    shell.until(PROMPT);
    shell.line("SELECT 6 * 7 \\watch 0.2", "42");
    shell.until("42");
    shell.press(CTRL_C);
    assert!(shell.line("SELECT 7 * 7;", "49").contains("49"));
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn a_paste_runs_when_it_is_whole() {
    let Some(mut shell) = Terminal::open(100, "", &[]) else { return };
    let paste = |text: &str| format!("\u{1b}[200~{text}\u{1b}[201~");
    shell.press(&paste("CREATE TABLE t AS SELECT 6 * 7 AS a;\n\\timing on\nSELECT a + 1 AS b\nFROM"));
    shell.line("", "portrait-> ");
    let shown = shell.line("t;", "rows/s");
    assert!(shown.contains("timing is on") && shown.contains("43"), "{shown}");
    // A syntax error anywhere in it: none of the statements run.
    shell.press(&paste("CREATE TABLE new_table AS SELECT 1 AS a;\nSELEC 2;\nSELECT 3;"));
    shell.line("", "error:");
    assert!(shell.line("\\dt new_table", "row").contains("(0 rows)"));
    // A failing statement ends the paste.
    shell.press(&paste("SELECT nothing;\n\\echo ne'ver'\nSELECT 2;"));
    let shown = shell.line("", "was not run");
    assert!(!plain(&shown).contains("\nnever"), "{shown}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn variables_are_values_and_texts() {
    let Some(mut shell) = Terminal::open(100, "--set n=41", &[]) else { return };
    shell.line("\\set city 'it''s 上海'", PROMPT);
    shell.line("\\set code '007'", PROMPT);
    let shown = shell.line("SELECT :n + 1 AS answer, $n + 2 AS more, :'city' AS city, $code || '!' AS code;", "(1 row)");
    assert!(shown.contains("42") && shown.contains("43") && shown.contains("it's 上海") && shown.contains("007!"), "{shown}");
    assert!(shell.line("\\set", "n = ").contains("city = 'it''s 上海'"));
    shell.line("\\unset n", PROMPT);
    shell.line("SELECT $n + 1;", "has no value");
    shell.line("\\unset n", "no such variable");
    shell.line("\\set n=5", "write \\set n 5");
    shell.line("\\echo code :code  here", "code 007 here");
    shell.line("\\set paid:BOOLEAN true", PROMPT);
    shell.line("\\du", "valid_until");
    shell.line("\\dp", "privilege");
    shell.line("\\conninfo", "Portrait");
    shell.line("\\! echo 4$((1))", "41");
    shell.line("\\c other", "portrait -d DIR opens another");
    shell.line(".mode duckbox", "format is table");
    shell.line(".once a.csv", "\\o FILE sends results to a file");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn results_are_shown_again_copied_and_edited() {
    let folder = tempfile::tempdir().unwrap();
    let editor = folder.path().join("editor");
    std::fs::write(&editor, "#!/bin/sh\nsed -i s/6/8/ \"$1\"\n").unwrap();
    std::fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let editor = editor.display().to_string();
    let settings =
        [("EDITOR", editor.as_str()), ("VISUAL", ""), ("PATH", "/usr/bin:/bin"), ("DISPLAY", ""), ("WAYLAND_DISPLAY", "")];
    let Some(mut shell) = Terminal::open(100, "", &settings) else { return };
    shell.line("SELECT 6 * 7 AS a, '客' AS b;", "(1 row)");
    shell.line("SELECT 5 AS other;", "(1 row)");
    assert!(shell.line("\\r", "other").contains("SELECT 6 * 7"));
    assert!(shell.line("\\r 1", "(1 row)").contains("42"));
    shell.line("\\r 9", "no such result is kept");
    // `a⇥b`, `42⇥客`, in base64.
    assert!(shell.line("\\copy 1", "copied").contains("<52;c;YQliCjQyCeWuogo=>"));
    shell.line("\\copy (SELECT 1 AS a) to x.csv", PROMPT);
    assert_eq!(std::fs::read_to_string(shell.at("x.csv")).unwrap(), "a\n1\n");
    shell.line("\\copy (SELECT 1 AS a) to 'z.csv' csv header", PROMPT);
    shell.line("\\copy t from 'y.csv' csv header", "INSERT INTO t SELECT * FROM 'y.csv'");
    shell.line("\\copy t from 'y.csv'", "INSERT INTO t SELECT * FROM 'y.csv'");
    shell.line("SELECT 6 * 7 AS a;", "(1 row)");
    assert!(shell.line("\\e", "(1 row)").contains("56"));
    assert!(shell.line("\\gx", "a | 56").contains("row 1 ]"));
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn a_query_outlives_an_editor_that_fails() {
    let settings = [("EDITOR", "false"), ("VISUAL", ""), ("PORTRAIT_EDITOR", "")];
    let Some(mut shell) = Terminal::open(100, "", &settings) else { return };
    shell.line("SELECT 6 * 7 AS a", "portrait-> ");
    shell.line("\\e", "nothing was run");
    assert!(shell.line("\\g", "(1 row)").contains("42"));
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn what_is_longer_than_the_screen_goes_through_the_pager() {
    let Some(mut shell) = Terminal::open(100, "", &[("PORTRAIT_PAGER", "sed s/^/paged:/")]) else { return };
    assert!(shell.line("SELECT value FROM generate_series(1, 60);", "paged:(60 rows)").contains("paged:    59"));
    assert!(!shell.line("SELECT value FROM generate_series(1, 3);", "(3 rows)").contains("paged:"));
    shell.line("\\h frequent_itemsets", "paged:");
    shell.line("\\pset pager off", "pager is off");
    assert!(!shell.line("SELECT value FROM generate_series(1, 60);", "(60 rows)").contains("paged:"));
    assert_eq!(shell.leave(), Some(0));
    // After leaving it early, the next statement still runs.
    let Some(mut shell) = Terminal::open(100, "", &[("PORTRAIT_PAGER", "head -n 3")]) else { return };
    shell.line("SET portrait.max_rows_shown = 0;", PROMPT);
    let shown = shell.line("SELECT value FROM generate_series(1, 50000000); SELECT 6 * 7;", "42");
    assert!(!shown.contains("error"), "{shown}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn tab_completes() {
    let Some(mut shell) = Terminal::open(100, "", &[]) else { return };
    shell.line("CREATE TABLE cu AS SELECT 1 AS k, 42 AS 客户数;", PROMPT);
    shell.line("CREATE PROFILE customer WITH (key = 'k') AS SELECT k, 客户数 FROM cu; REFRESH PROFILE customer;", PROMPT);
    std::fs::write(shell.at("数据.csv"), "a\n17\n").unwrap();
    assert!(shell.line("SELECT 客户数 FROM profile.cu\t;", "(1 row)").contains("42"));
    assert!(shell.line("SELECT * FROM '数\t;", "(1 row)").contains("17"));
    assert!(shell.line("\\tim\t", "timing is").contains("on"));
    // Colours while typing are on, and do not change what is run.
    let bytes = shell.shown.lock().unwrap().clone();
    assert!(String::from_utf8_lossy(&bytes).contains("\u{1b}[35mSELECT\u{1b}[0m"));
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn lists_of_functions_are_in_the_language_of_the_session() {
    let Some(mut shell) = Terminal::open(100, "", &[("LC_ALL", "zh_CN.UTF-8")]) else { return };
    shell.line("\\df rfm_segment", "三个分数");
    shell.line("\\unset nothing", "没有这个变量");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn colours_are_a_choice() {
    for (arguments, settings, has_colors) in
        [("--color never", &[][..], false), ("", &[("NO_COLOR", "1")][..], false), ("", &[][..], true)]
    {
        let Some(mut shell) = Terminal::open(100, arguments, settings) else { return };
        shell.line("SELECT 6 * 7;", "42");
        let bytes = shell.shown.lock().unwrap().clone();
        assert_eq!(String::from_utf8_lossy(&bytes).contains("\u{1b}[35m"), has_colors, "{arguments} {settings:?}");
    }
}

#[test]
fn the_page_of_the_shell_is_up_to_date() {
    let (code, _, errors) = run(portrait().current_dir(env!("CARGO_MANIFEST_DIR")).args(["docs", "--check"]));
    assert_eq!((code, errors.as_str()), (0, ""));
}

/// Without a terminal: commands in `-c`, in pipes and in scripts.
#[test]
fn commands_work_without_a_terminal() {
    let (code, out, errors) = run(portrait().args(["-c", "CREATE TABLE t AS SELECT 1 AS a", "-c", "\\d t", "-c", "\\nope"]));
    assert!(code == 1 && out.contains("BIGINT") && errors.contains("\\nope: no such command"), "{out}{errors}");
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("s.sql");
    std::fs::write(&script, "\\set n 41\nSELECT :n + 1 AS a;\n\\format csv\nSELECT 2 AS b;\n\nSELECT nothing").unwrap();
    let (code, out, errors) = run(portrait().current_dir(folder.path()).args(["-c", "\\i s.sql"]));
    assert!(code == 1 && out.contains("42") && out.ends_with("b\n2\n"), "{out}");
    assert!(errors.contains("s.sql:6: nothing: no such column"), "{errors}");
    let (_, out, errors) = run(portrait().args(["-o", "/dev/stdout", "-c", "\\h rfm_segment"]));
    assert!(out.contains("rfm_segment") && !out.contains('\u{1b}'), "{out}{errors}");
}

#[test]
fn the_name_of_the_output_says_its_format() {
    let folder = tempfile::tempdir().unwrap();
    let here = |arguments: &[&str]| run(portrait().current_dir(folder.path()).args(arguments));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for (name, written) in [
        ("a.csv", "a,b\n1,客\n"),
        ("a.tsv", "a\tb\n1\t客\n"),
        ("a.json", "[{\"a\":1,\"b\":\"客\"}]\n"),
        ("a.ndjson", "{\"a\":1,\"b\":\"客\"}\n"),
        ("a.md", "| a | b |\n|---:|---|\n| 1 | 客 |\n"),
        ("a.txt", " a | b\n---+----\n 1 | 客\n(1 row)\n"),
    ] {
        let (code, _, errors) = here(&["-o", name, "-c", "SELECT 1 AS a, '客' AS b"]);
        assert_eq!((code, read(name).as_str()), (0, written), "{errors}");
    }
    for name in ["a.parquet", "a.xlsx"] {
        assert_eq!(here(&["-o", name, "-c", "SELECT 1 AS a"]).0, 0);
        assert_eq!(here(&["-f", "csv", "-c", &format!("SELECT a + 1 AS b FROM '{name}'")]).1, "b\n2\n");
    }
    assert_eq!(here(&["-f", "json", "-o", "b.csv", "-c", "SELECT 1 AS a"]).0, 0);
    assert_eq!(read("b.csv"), "[{\"a\":1}]\n", "what is said outright goes before the name");
    let (code, _, errors) = here(&["-o", "c.csv.gz", "-c", "SELECT 1 AS a"]);
    assert!(code == 1 && errors.contains("COPY (query) TO 'c.csv.gz'"), "{errors}");
}

#[test]
fn scripts_and_pages_are_made_from_the_arguments() {
    for (shell, part) in [("bash", "complete -F _portrait"), ("zsh", "#compdef portrait"), ("fish", "complete -c portrait")] {
        let (code, out, errors) = run(portrait().args(["completions", shell]));
        assert!(code == 0 && out.contains(part) && out.contains("restore"), "{errors}");
    }
    let (code, out, _) = run(portrait().arg("man"));
    assert!(code == 0 && out.contains(".TH portrait") && out.contains("Exit codes"), "{out}");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(portrait().arg("man").arg(folder.path())).0, 0);
    assert!(Path::new(&folder.path().join("portrait-restore.1")).exists());
    // Every command shows its usage.
    let (_, help, _) = run(portrait().arg("--help"));
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = commands
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let (code, out, _) = run(portrait().args([name, "--help"]));
        assert!(
            code == 0
                && out.contains("Example")
                && out.contains(&format!("portrait {}", if out.contains("-d crm") { "-d crm" } else { name })),
            "{out}"
        );
    }
}
