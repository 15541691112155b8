"""Makes a notebook of files of SQL, a cell for each statement, and runs it with jupyter.

    python tests/python/notebook.py sql/shop.sql sql/rfm/levels.sql [--database crm] [--output shop.ipynb]
    python tests/python/notebook.py --recipes [--database crm] [--output recipes.ipynb]

``--recipes`` takes all recipes of ``sql``, in the order of ``sql/README.md``. The comments at the beginning of a file become text. Rows become
a DataFrame of pandas and one of Polars in turn. Exit code 1 when a cell fails; the notebook is written all the same, with the error.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import nbformat
from portraitdb.statements import Statement, split

ROOT = Path(__file__).resolve().parents[2]
# Statements that give rows begin so.
_QUERIES = {"SELECT", "WITH", "FROM", "VALUES", "SHOW", "DESCRIBE", "SUMMARIZE", "EXPLAIN"}
# The values that the scripts of schedules are run with.
_PARAMETERS = """\
import datetime

import pandas
import polars

scheduled_time = datetime.datetime(2025, 7, 1, 2)
last_success = None"""


def recipes() -> list[Path]:
    """The recipes, in the order of the table in ``sql/README.md``, which is one that they run in."""
    table = [line.split("|")[1] for line in (ROOT / "sql/README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| [")]
    names = dict.fromkeys(name for cell in table for name in re.findall(r"\]\(([\w/.]+\.sql)\)", cell))
    return [ROOT / "sql" / name for name in names]


def made(files: list[Path], database: str | None = None) -> nbformat.NotebookNode:
    """A notebook of files of SQL. Their statements run in this database, or in memory.

    A file in another language (``library.zh.sql``) makes the same objects as its twin, so those come after all others, in a database of
    their own, with what the twin was run after and before.
    """
    twins = {file: file.with_suffix("").with_suffix(".sql") for file in files if file.stem.endswith(".zh")}
    first = [file for file in files if file not in twins]
    cells = [_code("%load_ext portraitdb"), _code(_PARAMETERS)]
    cells += _of_files(first, database or ":memory:")
    if twins:
        swapped = {twin: file for file, twin in twins.items()}
        near = {file.parent for file in twins} | {ROOT / "sql"}
        cells += _of_files([swapped.get(file, file) for file in first if file.parent in near], ":memory:")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _code(text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(text)


def _of_files(files: list[Path], database: str) -> list[nbformat.NotebookNode]:
    """The cells of files."""
    cells, frames = [_code(f"%portrait {database}")], 0
    for file in files:
        sql = file.read_text(encoding="utf-8").removeprefix("\ufeff")
        said = []
        for line in sql.split("\n"):
            if not line.startswith("--"):
                break
            said.append(line.removeprefix("--").strip())
        rest = "\n".join(sql.split("\n")[len(said) :])
        whole = file.resolve()
        name = whole.relative_to(ROOT / "sql") if whole.is_relative_to(ROOT / "sql") else file.name
        cells.append(nbformat.v4.new_markdown_cell("\n".join([f"## {name}", "", *said]).strip()))
        for statement in split(rest):
            if _gives_rows(statement):
                cells.append(_code(f"%%portrait rows <<\n{statement.text};"))
                cells.append(_code(f"rows.to_{('pandas', 'polars')[frames % 2]}()"))
                frames += 1
            else:
                cells.append(_code(f"%%portrait\n{statement.text};"))
    return cells


def _gives_rows(statement: Statement) -> bool:
    return statement.verb in _QUERIES


def run(notebook: nbformat.NotebookNode, folder: Path, timeout: int = 1200) -> tuple[nbformat.NotebookNode, list[str]]:
    """Runs all cells with ``jupyter nbconvert`` in a folder: the notebook with what they gave, and what those say that failed.

    ``timeout`` is for each cell, in seconds.
    """
    # From standard input, so that the kernel runs in the folder, and nothing is written there.
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--stdin", "--stdout", "--to", "notebook", "--execute", "--allow-errors"]
    command.append(f"--ExecutePreprocessor.timeout={timeout}")
    told = subprocess.run(command, cwd=folder, input=nbformat.writes(notebook), capture_output=True, text=True, encoding="utf-8")
    if told.returncode:
        return notebook, [told.stderr]
    ran = nbformat.reads(told.stdout, as_version=4)
    outputs = [(cell, output) for cell in ran.cells if cell.cell_type == "code" for output in cell.outputs]
    return ran, ["\n".join([cell.source, *output.traceback]) for cell, output in outputs if output.output_type == "error"]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--recipes", action="store_true")
    parser.add_argument("--database")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    files = recipes() if asked.recipes else asked.files
    if not files:
        parser.error("name files of SQL, or write --recipes")
    notebook, problems = run(made(files, asked.database), Path.cwd())
    if asked.output:
        nbformat.write(notebook, asked.output)
    print(*problems, sep="\n\n", file=sys.stderr)
    print(f"{sum(cell.cell_type == 'code' for cell in notebook.cells)} cells ran, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
