//! The Python package: runs its own tests if there is a Python that can.

use std::path::Path;
use std::process::Command;

use crate::support::{run, skipped};

#[test]
fn the_package_passes_its_tests() {
    let python = std::env::var("PORTRAIT_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let can = Command::new(&python).args(["-c", "import pyarrow, pytest"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        skipped(&format!(
            "{python} has no pyarrow and pytest; the package for Python is not tested (PORTRAIT_TEST_PYTHON names another)"
        ));
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(&python);
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/python"]).current_dir(folder);
    let (code, out, err) =
        run(command.env("PORTRAIT_PROGRAM", env!("CARGO_BIN_EXE_portrait")).env("PYTHONDONTWRITEBYTECODE", "1"));
    assert_eq!(code, 0, "{out}{err}");
}
