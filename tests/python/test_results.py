"""Rows as every library has them, and as they are shown; charts and reports."""

from __future__ import annotations

import datetime
from decimal import Decimal

import portraitdb
import pyarrow as pa
import pytest

ROWS = """SELECT * FROM (VALUES (1, '上海', 1.50::decimal(12,2), DATE '2024-02-29', TIMESTAMP '2024-02-29 01:02:03', true),
  (2, NULL, NULL, NULL, NULL, NULL)) AS t(id, city, price, day, at, vip) ORDER BY id"""
FIRST = (1, "上海", Decimal("1.50"), datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3), True)


def test_tuples(db):
    result = db.sql(ROWS)
    assert list(result) == [FIRST, (2, None, None, None, None, None)]
    assert result.fetchone() == FIRST
    assert result.fetchall() == [(2, None, None, None, None, None)]
    assert (result.fetchone(), result.fetchall(), result.rows, len(result)) == (None, [], 2, 2)


def test_arrow(db):
    result = db.sql(ROWS)
    table = result.to_arrow()
    assert table.schema.field("price").type == pa.decimal128(12, 2) and table.schema.field("day").type == pa.date32()
    assert pa.table(result).equals(table)
    empty = db.sql("SELECT 1 AS a WHERE false")
    assert (empty.columns, empty.rows, empty.fetchall()) == (["a"], 0, [])


def test_pandas(db):
    pandas = pytest.importorskip("pandas")
    frame = db.sql(ROWS).to_pandas()
    assert str(frame.dtypes["day"]).startswith("datetime64") and frame.dtypes["price"] == "float64"
    assert frame["city"][0] == "上海" and frame["price"][0] == 1.5 and frame["day"][0] == pandas.Timestamp("2024-02-29")
    assert db.sql(ROWS).to_pandas(decimals="exact")["price"][0] == Decimal("1.50")
    with pytest.raises(ValueError, match="decimals"):
        db.sql(ROWS).to_pandas(decimals="some")


def test_polars(db):
    polars = pytest.importorskip("polars")
    frame = db.sql(ROWS).to_polars()
    assert frame.row(0) == FIRST
    assert polars.DataFrame(db.sql(ROWS)).shape == (2, 6)


def test_text(db, capsys):
    db.sql("SELECT 1 AS 编号, '上海' AS city UNION ALL SELECT 200, NULL ORDER BY 1").show()
    assert capsys.readouterr().out == " 编号 | city\n------+------\n    1 | 上海\n  200 | NULL\n(2 rows)\n"
    db.sql("SELECT value FROM range(1000)").show(3)
    assert capsys.readouterr().out.endswith("(3 of 1,000 rows)\n")
    assert repr(db.sql("CREATE TABLE t (a INT)")) == "Done."
    assert repr(db.sql("INSERT INTO t VALUES (1)")) == "1 row changed."
    assert "a␊b" in repr(db.sql("SELECT E'a\\nb' AS x"))
    assert "1 day" in repr(db.sql("SELECT INTERVAL '1 day 2 hours' AS x"))


def test_html_is_escaped(db):
    shown = db.sql("SELECT value AS \"<b>\", '<script>alert(1)</script>&客户' AS x FROM range(50)")._repr_html_()
    assert "<script>" not in shown and "<b>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;客户" in shown
    assert "20 of 50 rows" in shown and shown.count("<tr>") == 21


class Fake(portraitdb.Database):
    """A database whose program can draw and report; it writes the statement into the file."""

    def _run(self, text, parameters=None, watch=None, find=None):
        if text.startswith("COPY "):
            self.told = text
            path = text.split(" TO '")[1].split("'")[0]
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"<svg>{text.split(' TO ')[0]}</svg>")
            return portraitdb.Result(pa.table({}))
        return super()._run(text, parameters, watch, find)


def test_charts_are_drawn_by_the_program(tmp_path):
    # A fake: programs draw later than this was written.
    with Fake() as db:
        chart = db.sql("SELECT '上海' AS city, 3 AS n").chart("bar", x="city", y="n", title="客户's", legend=False, height=None)
        assert db.told.startswith("COPY (SELECT * FROM portraitdb_chart_")
        assert db.told.endswith(".svg' (CHART 'bar', x 'city', y 'n', title '客户''s', legend false)")
        assert chart._repr_svg_() == chart.svg and chart.svg.startswith("<svg>")
        chart.save(tmp_path / "a.svg")
        assert (tmp_path / "a.svg").read_text(encoding="utf-8") == chart.svg
        db.sql("SELECT 1 AS n").chart("bar", tmp_path / "b.svg")
        assert (tmp_path / "b.svg").exists() and "portraitdb_chart" not in str(db.sql("SHOW TABLES"))


def test_reports_are_written_by_the_program(tmp_path):
    with Fake() as db:
        report = db.report("customer", title="会员画像")
        assert db.told.startswith("COPY REPORT customer TO '") and db.told.endswith(".html' (title '会员画像')")
        assert "<iframe" in report._repr_html_() and "<svg>" not in report._repr_html_()
        db.report("客户", tmp_path / "a.html")
        assert 'COPY REPORT "客户" TO' in db.told and db.told.endswith("a.html'")
