"""Cells in SQL, in the shell of IPython and in a notebook that runs."""

from __future__ import annotations

import pytest

pytest.importorskip("IPython")

import portraitdb
from IPython.testing.globalipapp import start_ipython


@pytest.fixture(scope="module")
def shell():
    opened = start_ipython()
    opened.run_line_magic("load_ext", "portraitdb")
    yield opened
    opened.run_line_magic("unload_ext", "portraitdb")


def cell(shell, line, text):
    return shell.run_cell_magic("portrait", line, text)


def test_cells(shell, tmp_path):
    assert "in memory" in repr(shell.run_line_magic("portrait", ":memory:"))
    assert cell(shell, "", "SELECT 1 AS a; SELECT '上海' AS b").fetchall() == [("上海",)]
    assert cell(shell, "kept <<", "SELECT 2 AS a") is None
    assert shell.user_ns["kept"].fetchall() == [(2,)]
    assert cell(shell, "again<<", "SELECT 3 AS a") is None
    assert shell.user_ns["again"].rows == 1
    cell(shell, f"--database {tmp_path}/other", "CREATE TABLE t AS SELECT 5 AS a")
    assert cell(shell, f"--database={tmp_path}/other", "SELECT * FROM t").fetchall() == [(5,)]
    with pytest.raises(portraitdb.Error):
        cell(shell, "", "SELECT * FROM t")
    assert "other" in repr(shell.run_line_magic("portrait", f"{tmp_path}/other"))
    assert cell(shell, "", "SELECT * FROM t").fetchall() == [(5,)]
    shell.run_line_magic("portrait", ":memory:")


def test_variables_are_parameters(shell):
    shell.user_ns["city"], shell.user_ns["least"] = "上海'", 3
    assert cell(shell, "", "SELECT $city::text AS c, value FROM range(6) WHERE value > $least").fetchall() == [("上海'", 4), ("上海'", 5)]
    with pytest.raises(portraitdb.Error, match="no variable"):
        cell(shell, "", "SELECT $nobody::text")
    with pytest.raises(portraitdb.Error, match="what does"):
        cell(shell, "--what", "SELECT 1")


def test_errors_are_those_of_the_program(shell, capsys):
    ran = shell.run_cell("%%portrait\nSELECT '客户',\n nope FROM range(3)")
    assert not ran.success
    told = capsys.readouterr()
    told = told.out + told.err
    assert "error: nope: no such column" in told and "LINE 2:  nope" in told
    assert "Traceback" not in told and ".py" not in told


def test_notes_are_shown_as_in_the_shell(shell, capsys):
    assert cell(shell, "", "SELECT 1 AS a; COMMIT").notes == ["there is no transaction to commit"]
    assert capsys.readouterr().err == "note: there is no transaction to commit\n"
    cell(shell, "kept <<", "SET portrait.language = 'zh'; COMMIT")
    assert capsys.readouterr().err == "提示：没有可提交的事务\n"
    ran = shell.run_cell("%%portrait\nCOMMIT; SELECT nope")
    told = capsys.readouterr()
    assert not ran.success and "提示：" in told.err and "错误：nope" in told.out + told.err
    cell(shell, "", "RESET portrait.language")


def test_a_notebook_of_files(tmp_path):
    pytest.importorskip("nbconvert")
    import notebook

    file = tmp_path / "客户.sql"
    file.write_text(
        "-- Customers of 上海.\nCREATE TABLE t AS SELECT 1 AS id, '上海 <b>' AS city;\nSELECT * FROM t; -- all of them\nSELECT ';' AS x;\n",
        encoding="utf-8",
    )
    made = notebook.made([file], str(tmp_path / "crm"))
    assert [cell.cell_type for cell in made.cells] == ["code", "code", "code", "markdown", *["code"] * 5]
    assert [cell.source for cell in made.cells[-4:]] == [
        "%%portrait rows <<\nSELECT * FROM t;",
        "rows.to_pandas()",
        "%%portrait rows <<\n-- all of them\nSELECT ';' AS x;",
        "rows.to_polars()",
    ]
    ran, problems = notebook.run(made, tmp_path)
    assert not problems and not made.cells[-1].outputs
    assert "上海 &lt;b&gt;" in ran.cells[-3].outputs[0].data["text/html"]
    file.write_text("SELECT nope;\nSELECT 1;\n", encoding="utf-8")
    ran, problems = notebook.run(notebook.made([file]), tmp_path)
    # The first cell makes the second one fail; the others run.
    assert len(problems) == 2 and "error: nope" in problems[0] and ran.cells[-1].outputs
