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


def test_numbers_and_times_are_shown_as_in_the_shell(db):
    text = repr(db.sql("SELECT CAST('NaN' AS DOUBLE) AS a, 1e20 AS b, 1e-7 AS c, 0.5::double AS d, TIMESTAMP '2025-01-01 10:00:00.5' AS e"))
    assert [cell.strip() for cell in text.splitlines()[2].split("|")] == ["NaN", "1e20", "1e-7", "0.5", "2025-01-01 10:00:00.500"]


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
    waited = db.sql("SELECT * FROM (VALUES (INTERVAL '1 day 2 hours'), (NULL)) AS t(waited)").to_polars()
    assert waited.rows() == [(datetime.timedelta(hours=26),), (None,)]
    with pytest.raises(portraitdb.Error, match="waited: an interval with months"):
        db.sql("SELECT INTERVAL '1 month' AS waited").to_polars()


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


SHOP = """
CREATE PROFILE 客户 WITH (key = 'customer_id', time_columns = 'orders.ordered_at') AS SELECT customer_id, city AS region, gender FROM sample_customers(rows => 300);
CREATE TAG spent ON 客户 AS SELECT customer_id, sum(amount) FROM orders GROUP BY customer_id;
CREATE SEGMENT 大客户 ON 客户 AS spent > 5000;
REFRESH PROFILE 客户 WITH (as_of = DATE '2025-03-31');
REFRESH PROFILE 客户 WITH (as_of = DATE '2025-06-30')
"""


def test_charts_are_drawn_by_the_program(tmp_path, db):
    rows = db.sql("SELECT city, count(*) AS n FROM sample_customers(rows => 100) GROUP BY city ORDER BY n DESC, city LIMIT 5")
    chart = rows.chart("bar", x="city", y="n", title="客户's", series=None)
    assert chart._repr_svg_() == chart.svg and "<svg" in chart.svg and "客户&apos;s" in chart.svg.replace("'", "&apos;")
    assert chart.svg.count('class="mark"') == 5
    chart.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == chart.svg
    rows.chart("pie", tmp_path / "b.svg")
    assert rows.chart().svg == rows.chart("bar").svg
    assert (tmp_path / "b.svg").exists() and "portraitdb_chart" not in str(db.sql("SHOW TABLES"))
    with pytest.raises(portraitdb.Error, match="'cake'"):
        rows.chart("cake")
    with pytest.raises(portraitdb.Error, match="legend"):
        rows.chart("bar", legend=False)


def test_reports_are_written_by_the_program(tmp_path, db):
    db.sql("CREATE VIEW orders AS SELECT * FROM sample_orders(rows => 3000)")
    db.sql(SHOP)
    report = db.report("客户", title="会员画像", compare_with=datetime.date(2025, 3, 31))
    assert "<iframe" in report._repr_html_() and "会员画像" in report.html and "大客户" in report.html and "▲" in report.html
    assert "http://www.w3.org/2000/svg" in report.html and "https://" not in report.html and "<script" not in report.html
    assert db.report("客户", tmp_path / "a.html", title="会员画像", compare_with=datetime.date(2025, 3, 31)).html == report.html
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == report.html
    assert "大客户" in db.report("客户", language="zh").html
    member = db.sql("SELECT customer_id FROM segment.大客户 ORDER BY 1").fetchone()[0]
    assert "大客户" in db.card("客户", member).html
