"""All recipes of ``sql`` as one notebook, which is made of them and run. It takes minutes: ``pytest -m long tests/python``."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("nbformat")

import notebook


@pytest.mark.needs_no_program
def test_every_recipe_is_in_the_notebook():
    # What is left out: parts of reports and cards, and the generated reference and guides.
    found = {file for file in (notebook.ROOT / "sql").rglob("*.sql") if file.parent.name not in ("report", "card", "reference", "guides")}
    assert len(found) > 45 and set(notebook.recipes()) == found
    made = notebook.made(notebook.recipes())
    titles = [cell.source.split("\n")[0] for cell in made.cells if cell.cell_type == "markdown"]
    assert {f"## {file.relative_to(notebook.ROOT / 'sql').as_posix()}" for file in found} == set(titles)


@pytest.mark.long
def test_the_notebook_of_recipes_runs(tmp_path: Path):
    for needed in ("nbconvert", "ipykernel", "pandas", "polars"):
        pytest.importorskip(needed)
    made = notebook.made(notebook.recipes(), str(tmp_path / "crm"))
    # The folder that the recipes of schedules name their scripts in.
    ran, problems = notebook.run(made, notebook.ROOT)
    assert not problems, "\n\n".join(problems)
    for library, shown in (("pandas", 'class="dataframe"'), ("polars", "shape: (")):
        frames = [cell for cell in ran.cells if cell.source == f"rows.to_{library}()"]
        assert len(frames) > 50
        for cell in frames:
            (output,) = (output for output in cell.outputs if output.output_type == "execute_result")
            assert shown in output.data["text/html"]
