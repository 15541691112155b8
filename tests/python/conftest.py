"""What the tests share: a database in memory, and the program, without which they do not run."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "python"
# The package as it stands here; the program is that of PORTRAIT_PROGRAM, or the one that was built last.
sys.path.insert(0, str(SOURCE))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
# The texts that the tests expect are English.
os.environ["LC_ALL"] = "C.UTF-8"
if "PORTRAIT_PROGRAM" not in os.environ:
    built = [SOURCE.parents[1] / "target" / kind / "portrait" for kind in ("release", "debug")]
    built = sorted((path for path in built if path.exists()), key=lambda path: path.stat().st_mtime)
    if built:
        os.environ["PORTRAIT_PROGRAM"] = str(built[-1])

import portraitdb  # noqa: E402
from portraitdb import program  # noqa: E402


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the program nothing of it is tested, and that is said aloud. Long tests run when they are asked for."""
    if "long" not in config.option.markexpr:
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="long: pytest -m long"))
    try:
        program.find()
    except portraitdb.Error as error:
        warnings.warn(f"NOT TESTED: {error}", stacklevel=1)
        skipped = pytest.mark.skip(reason=f"NOT TESTED: {error}; set PORTRAIT_PROGRAM to the program that was built")
        for item in items:
            if "needs_no_program" not in item.keywords:
                item.add_marker(skipped)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs_no_program: runs without the program")
    config.addinivalue_line("markers", "long: takes minutes; it runs when -m long asks for it")
    # Programs before the private socket.
    config.addinivalue_line("filterwarnings", "ignore:this program listens on a port:RuntimeWarning")


@pytest.fixture
def db():
    with portraitdb.connect() as opened:
        yield opened
