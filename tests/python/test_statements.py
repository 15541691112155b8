"""Where statements end, which parameters they have, and where errors stand. The program is not needed."""

from __future__ import annotations

import pytest
from portraitdb.errors import Error, of_text, place_in
from portraitdb.statements import identifier, literal, split

pytestmark = pytest.mark.needs_no_program


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;", ["SELECT 1"]),
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        (";;\n -- nothing\n; /* nor ; here */", []),
        ("SELECT ';', '''; '; SELECT 2", ["SELECT ';', '''; '", "SELECT 2"]),
        ("SELECT '\\'; SELECT 2", ["SELECT '\\'", "SELECT 2"]),
        (r"SELECT E'\';'; SELECT 2", [r"SELECT E'\';'", "SELECT 2"]),
        ('SELECT 1 AS "a;""b"; SELECT 2', ['SELECT 1 AS "a;""b"', "SELECT 2"]),
        ("SELECT $$a;b$$; SELECT $x$;$$;$x$", ["SELECT $$a;b$$", "SELECT $x$;$$;$x$"]),
        ("SELECT 1 -- a;b\n; SELECT /* a;/* b;*/ c; */ 2", ["SELECT 1 -- a;b", "SELECT /* a;/* b;*/ c; */ 2"]),
        ("-- first\nSELECT '上海；';SELECT 客户", ["-- first\nSELECT '上海；'", "SELECT 客户"]),
        ("SELECT 'open; SELECT 2", ["SELECT 'open; SELECT 2"]),
        (
            "CREATE SCHEDULE n WITH (every = INTERVAL '1 day') AS BEGIN DELETE FROM a; SELECT CASE WHEN b THEN 1 END; END; SELECT 2",
            ["CREATE SCHEDULE n WITH (every = INTERVAL '1 day') AS BEGIN DELETE FROM a; SELECT CASE WHEN b THEN 1 END; END", "SELECT 2"],
        ),
        ("BEGIN; DELETE FROM a; END; SELECT 2", ["BEGIN", "DELETE FROM a", "END", "SELECT 2"]),
    ],
)
def test_statements_end_where_they_end(text, expected):
    statements = split(text)
    assert [statement.text for statement in statements] == expected
    for statement in statements:
        assert text[statement.start :].startswith(statement.text)
        assert statement.sent.count("\n") == text[: statement.start + len(statement.text)].count("\n")


def test_parameters_are_those_outside_of_texts():
    (statement,) = split("SELECT $a, '$b', $1, \"$c\" -- $d\n, $客户, x$y, $$ $e $$, ?")
    assert statement.parameters == {"a", "1", "客户", "?"}
    assert statement.verb == "SELECT"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TAG t ON p WITH (high = 3) AS SELECT id, n >= $high FROM o WHERE at <= $as_of", set()),
        ("CREATE OR REPLACE SEGMENT s ON p AS city = $city", set()),
        ("CREATE FUNCTION f(a BIGINT) AS SELECT $a + 1", set()),
        ("CREATE SCHEDULE n AS BEGIN DELETE FROM t WHERE at = $scheduled_time; END", set()),
        ("PREPARE p AS SELECT $1", set()),
        ("CREATE OR REPLACE TEMPORARY TABLE t AS SELECT $a", {"a"}),
        ("CREATE VIEW v AS SELECT $a", {"a"}),
        ("REFRESH PROFILE p WITH (as_of = $as_of)", {"as_of"}),
    ],
)
def test_definitions_keep_their_parameters(text, expected):
    (statement,) = split(text)
    assert statement.parameters == expected
    assert not statement.own & statement.parameters


def test_parameters_of_definitions_are_known():
    (segment, prepare) = split("CREATE SEGMENT s ON p AS city = $city; PREPARE p AS SELECT $1")
    assert (segment.own, prepare.own) == ({"city"}, set())


def test_places_of_errors():
    sql = "SELECT 1,\n  '客户', nope FROM t"
    assert place_in("nope: no such column\nLINE 2:   '客户', nope FROM t\n                  ^", sql) == sql.index("nope")
    assert place_in("nope: no such column\nLINE 2: …, nope FR…\n           ^", sql) == sql.index("nope")
    assert place_in("nope: no such column", sql) is None
    assert place_in("a\nLINE 9: b\n        ^", sql) is None


def test_texts_of_the_driver():
    text = "Flight returned not found error, with message: a: no such table (SQLSTATE 42P01). gRPC client debug context: a"
    assert of_text(text) == ("a: no such table", "42P01")
    error = Error("a: no such table\nLINE 1: a\n        ^", "42P01", 3)
    assert (error.message, error.sqlstate, error.position) == ("a: no such table", "42P01", 3)
    assert str(error).endswith("^")


def test_values_and_names_are_quoted():
    assert [literal(value) for value in (None, True, 1, 2.5, "O'Neil")] == ["NULL", "true", "1", "2.5", "'O''Neil'"]
    assert identifier('a"b') == '"a""b"'
