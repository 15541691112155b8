//! The Python package: runs its own tests if there is a Python that can. What is handed out: what its script asks for.

use std::path::Path;
use std::process::Command;

use crate::support::{run, skipped};

/// Runs tests of the package; says so if the Python that is there has not what they import.
fn tested(modules: &str, arguments: &[&str]) {
    let python = std::env::var("PORTRAIT_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let can = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        skipped(&format!(
            "{python} has not all of {modules}; the package for Python is not tested (PORTRAIT_TEST_PYTHON names another)"
        ));
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(&python);
    // Where a test stands that does not end.
    command
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=600"])
        .args(arguments)
        .arg("tests/python")
        .current_dir(folder);
    let (code, out, err) =
        run(command.env("PORTRAIT_PROGRAM", env!("CARGO_BIN_EXE_portrait")).env("PYTHONDONTWRITEBYTECODE", "1"));
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn the_package_passes_its_tests() {
    tested("pyarrow, pytest", &[]);
}

/// With jupyter, and results to pandas and Polars in turn.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn the_notebook_of_recipes_runs() {
    tested("pyarrow, pytest, IPython, ipykernel, nbconvert, nbformat, pandas, polars", &["-m", "long"]);
}

/// `.ci/package` takes long, and says before it begins what it has not got. Nothing is built or removed then.
#[test]
fn the_package_asks_for_maturin_before_it_builds() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join(".ci")).unwrap();
    std::fs::create_dir_all(folder.path().join("dist")).unwrap();
    let script = folder.path().join(".ci/package");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/package"), &script).unwrap();
    // The commands that the script uses before it builds, and no others.
    let tools = folder.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for tool in ["bash", "dirname"] {
        let found = Command::new("sh").args(["-c", "command -v \"$0\"", tool]).output().unwrap();
        std::os::unix::fs::symlink(String::from_utf8_lossy(&found.stdout).trim(), tools.join(tool)).unwrap();
    }
    let package = |arguments: &[&str]| run(Command::new(tools.join("bash")).arg(&script).args(arguments).env("PATH", &tools));
    for (arguments, code, told) in [
        (
            &[][..],
            1,
            "error: maturin: not installed, and the wheel needs it; run pip install maturin, or leave the wheel out with --no-wheel",
        ),
        (&["--no-wheel"], 1, "error: cargo: not installed, and the package needs it; install it, or add its folder to PATH"),
        (&["--wheel"], 2, "error: package: takes --no-wheel or nothing, got --wheel"),
    ] {
        let (ended, _, errors) = package(arguments);
        assert_eq!((ended, errors.trim()), (code, told));
    }
    assert!(folder.path().join("dist").exists());
}
