"""Makes a notebook of files of SQL, a cell for each statement, and runs it.

    python tests/python/notebook.py sql/shop.sql sql/rfm/levels.sql [--database crm] [--output shop.ipynb]

The comments at the beginning of a file become text. Exit code 1 when a cell fails; the notebook is written all the same, with the error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import nbformat
from nbconvert.preprocessors import CellExecutionError, ExecutePreprocessor
from portraitdb.statements import split


def made(files: list[Path], database: str | None = None) -> nbformat.NotebookNode:
    """A notebook of files of SQL."""
    new = nbformat.v4
    cells = [new.new_code_cell("%load_ext portraitdb"), new.new_code_cell(f"%portrait {database or ':memory:'}")]
    for file in files:
        sql = file.read_text(encoding="utf-8").removeprefix("\ufeff")
        said = []
        for line in sql.split("\n"):
            if not line.startswith("--"):
                break
            said.append(line.removeprefix("--").strip())
        rest = "\n".join(sql.split("\n")[len(said) :])
        cells.append(new.new_markdown_cell("\n".join([f"## {file.name}", "", *said]).strip()))
        cells += [new.new_code_cell(f"%%portrait\n{statement.text};") for statement in split(rest)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def run(notebook: nbformat.NotebookNode, folder: Path, timeout: int = 600) -> str | None:
    """Runs all cells in a folder, until one fails; what it says then."""
    runner = ExecutePreprocessor(timeout=timeout, kernel_name="python3")
    try:
        runner.preprocess(notebook, {"metadata": {"path": str(folder)}})
    except CellExecutionError as error:
        return str(error)
    return None


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--database")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    notebook = made(asked.files, asked.database)
    problem = run(notebook, Path.cwd())
    if asked.output:
        nbformat.write(notebook, asked.output)
    if problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{sum(cell.cell_type == 'code' for cell in notebook.cells)} cells ran")
    return 0


if __name__ == "__main__":
    sys.exit(main())
