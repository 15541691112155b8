"""Statements, values, errors and the life of the program."""

from __future__ import annotations

import datetime
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from decimal import Decimal
from uuid import UUID

import portraitdb
import pyarrow as pa
import pytest
from portraitdb import program

SLOW = "SELECT count(*) AS n FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"


def fails(db, sql, parameters=None):
    with pytest.raises(portraitdb.Error) as found:
        db.sql(sql, parameters)
    return found.value


def is_running(pid):
    """False for a process that has ended, though nobody may have asked for its end."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


def ends(pid, within=15.0):
    until = time.monotonic() + within
    while is_running(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


# --- statements -------------------------------------------------------------------------------------------------------------------------


def test_the_last_statement_gives_the_rows(db):
    result = db.sql("CREATE TABLE t (id INT, name TEXT); INSERT INTO t VALUES (1, '上海'), (2, NULL); SELECT * FROM t ORDER BY id;")
    assert (result.columns, result.rows) == (["id", "name"], 2)
    assert result.fetchall() == [(1, "上海"), (2, None)]


def test_changes_are_counted(db):
    db.sql("CREATE TABLE t (id INT)")
    assert db.sql("INSERT INTO t VALUES (1), (2), (3)").changed == 3
    assert db.sql("UPDATE t SET id = id + 1 WHERE id > $1", [1]).changed == 2
    assert db.sql("DELETE FROM t").changed == 3
    assert db.sql("SELECT * FROM t").changed is None
    assert db.sql("INSERT INTO t VALUES (7) RETURNING id").fetchall() == [(7,)]


def test_values_come_in_and_out(db):
    values = {
        "bigint": 42,
        "numeric(38,0)": 12345678901234567890,
        "double": 2.5,
        "text": "O'Neil; DROP TABLE t; -- 客户",
        "boolean": True,
        "decimal(12,2)": Decimal("12.50"),
        "date": datetime.date(2024, 2, 29),
        "timestamp": datetime.datetime(2024, 2, 29, 1, 2, 3, 4),
        "bytea": b"\x00\xff",
        "bigint[]": [1, 2, None],
        "int": None,
    }
    columns = ", ".join(f"${number}::{name} AS c{number}" for number, name in enumerate(values, 1))
    assert db.sql(f"SELECT {columns}", list(values.values())).fetchone() == tuple(values.values())
    # Without a cast a parameter is text, as in PostgreSQL; one that is compared is what it is compared with.
    assert db.sql("SELECT $1 AS a", ["客户"]).fetchone() == ("客户",)
    assert db.sql("SELECT value FROM range(10) WHERE value = $1 OR value > $2", [3, 8]).fetchall() == [(3,), (9,)]


def test_parameters_by_place_and_name(db):
    assert db.sql("SELECT $2::int - $1::int", [1, 3]).fetchone() == (2,)
    assert db.sql("SELECT ?::int - ?::int", (3, 1)).fetchone() == (2,)
    assert db.sql("SELECT $a::int + $a::int", {"a": 2}).fetchone() == (4,)
    assert db.sql("SELECT $客户::text", {"客户": "李雷"}).fetchone() == ("李雷",)
    assert db.sql("CREATE TABLE t (a INT); INSERT INTO t VALUES ($a); SELECT a + $b::int FROM t", {"a": 1, "b": 2}).fetchone() == (3,)
    db.sql("CREATE TABLE people (id INT, name TEXT)")
    assert db.sql("INSERT INTO people VALUES ($id, $name), ($id + 1, '$name')", {"id": 1, "name": "李雷"}).changed == 2
    assert db.sql("SELECT * FROM people ORDER BY id").fetchall() == [(1, "李雷"), (2, "$name")]
    assert db.sql("SELECT $1::text", [UUID(int=1)]).fetchone() == (str(UUID(int=1)),)


def test_wrong_parameters(db):
    assert "has no value" in str(fails(db, "SELECT $a::int"))
    assert "no such parameter" in str(fails(db, "SELECT $a::int", {"a": 1, "b": 2}))
    assert fails(db, "SELECT ?::int", [1, 2]).sqlstate == "42P02"
    assert fails(db, "SELECT $1", [object()]).sqlstate == "22023"
    with pytest.raises(TypeError):
        db.sql("SELECT $1", "text")


def test_nothing_to_run(db):
    assert fails(db, " -- nothing\n;").sqlstate == "42601"


def test_settings_and_temporary_tables_are_of_the_session(db):
    db.sql("SET TIME ZONE 'Asia/Shanghai'; CREATE TEMPORARY TABLE own AS SELECT 7 AS a")
    assert db.sql("SHOW TimeZone").fetchone() == ("Asia/Shanghai",)
    assert db.sql("SELECT a FROM own").fetchone() == (7,)


def test_transactions(db):
    db.sql("CREATE TABLE t (a INT); BEGIN; INSERT INTO t VALUES (1)")
    db.sql("ROLLBACK")
    assert db.sql("SELECT count(*) FROM t").fetchone() == (0,)


def test_files_are_those_of_the_process(db, tmp_path):
    path = tmp_path / "上海 '的'.parquet"
    quoted = str(path).replace("'", "''")
    db.sql(f"COPY (SELECT 1 AS a) TO '{quoted}'")
    assert db.sql(f"SELECT * FROM '{quoted}'").fetchall() == [(1,)]
    with portraitdb.connect(files=[]) as other:
        assert fails(other, f"SELECT * FROM '{quoted}'").sqlstate == "42501"
    with portraitdb.connect(files=tmp_path) as other:
        assert other.sql(f"SELECT * FROM '{quoted}'").rows == 1


# --- errors -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "state", "at"),
    [
        ("SELECT * FROM nowhere", "42P01", "nowhere"),
        ("SELECT 1;\nSELECT '客户', nope FROM range(3)", "42703", "nope"),
        ("SELECT 1; SELECT nope FROM range(3)", "42703", "nope"),
        ("SELEKT 1", "42601", "SELEKT"),
        ("SELECT " + "1, " * 200 + "nope, " + "2, " * 200 + "3 FROM range(3)", "42703", "nope"),
    ],
)
def test_errors_say_where(db, sql, state, at):
    error = fails(db, sql)
    assert error.sqlstate == state
    assert error.position == sql.index(at) + 1
    assert at in error.message and "LINE" in str(error) and "LINE" not in error.message
    assert db.sql("SELECT 1").rows == 1


def test_errors_of_values(db):
    assert fails(db, "SELECT 1 / (value - 1) FROM range(3)").sqlstate == "22012"
    db.sql("CREATE TABLE t (a INT)")
    assert fails(db, "CREATE TABLE t (a INT)").message.startswith("t: ")
    assert "SQLSTATE" not in str(fails(db, "SELECT * FROM 客户表"))


# --- data -------------------------------------------------------------------------------------------------------------------------------


LEVELS = """SELECT customer FROM rfm((SELECT * FROM (VALUES (1, DATE '2024-01-01', 5.0), (NULL, DATE '2024-01-02', 6.0)) AS t(who, day, amount)),
  customer => who, order_time => day, amount => amount)"""
LEFT_OUT = "1 row without customer was left out"


def test_notes_are_warnings_at_the_line_of_the_caller(db):
    for _ in range(2):
        with pytest.warns(portraitdb.Note) as told:
            result = db.sql(LEVELS.replace("SELECT customer", "SELECT 1 AS a"))
        assert result.fetchall() == [(1,)] and result.notes == [LEFT_OUT]
        assert [(str(note.message), note.filename) for note in told] == [(LEFT_OUT, __file__)]
    assert db.sql("SELECT 1").notes == []
    # However a statement is sent: a change, parameters, and before one that fails.
    db.sql("CREATE TABLE levels (a BIGINT)")
    insert = "INSERT INTO levels " + LEVELS.replace("SELECT customer", "SELECT 1")
    with pytest.warns(portraitdb.Note, match=LEFT_OUT):
        assert db.sql(insert).changed == 1
    with pytest.warns(portraitdb.Note, match=LEFT_OUT):
        assert db.sql(LEVELS.replace("SELECT customer", "SELECT $a::bigint AS a"), {"a": 7}).fetchall() == [(7,)]
    with pytest.warns(portraitdb.Note, match=LEFT_OUT), pytest.raises(portraitdb.Error, match="nope"):
        db.sql(f"{insert}; SELECT nope")
    with pytest.warns(portraitdb.Note, match="there is no transaction"):
        assert db.sql(f"{insert}; COMMIT").notes[0] == LEFT_OUT
    db.sql("SET portrait.language = 'zh'")
    with pytest.warns(portraitdb.Note, match="剔除 1 个没有 customer 的行"):
        db.sql(insert)


def test_notes_can_be_silenced(db):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore", portraitdb.Note)
        assert db.sql("COMMIT").notes == ["there is no transaction to commit"]
    assert not told


def test_register(db):
    db.register("visits", {"city": ["上海", "北京", None], "n": [1, 2, 3], "none": [None, None, None]})
    assert db.sql("SELECT sum(n) AS n FROM visits WHERE city IS NOT NULL").fetchone() == (3,)
    db.register("visits", pa.table({"a": [1]}))
    assert db.sql("SELECT * FROM visits").columns == ["a"]
    db.register("again", db.sql("SELECT a + 1 AS b FROM visits"))
    db.register("rows", [{"a": 1}, {"a": 2}])
    db.register("batch", pa.RecordBatch.from_pylist([{"a": 1}]))
    db.register("名 \"字'", {"客户": ["李雷"]})
    assert db.sql("SELECT b FROM again").fetchone() == (2,)
    assert db.sql('SELECT 客户 FROM "名 ""字\'"').fetchone() == ("李雷",)
    db.unregister("visits")
    assert fails(db, "SELECT * FROM visits").sqlstate == "42P01"
    with pytest.raises(TypeError):
        db.register("number", 1)


def test_register_frames(db):
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    frame = pandas.DataFrame(
        {"city": pandas.Categorical(["上海", "北京", "上海"]), "at": pandas.to_datetime(["2024-01-01"] * 3), "n": [1.5, None, 2.0]}
    )
    db.register("of_pandas", frame)
    assert db.sql("SELECT city, count(n) AS n FROM of_pandas GROUP BY city ORDER BY n DESC").fetchall() == [("上海", 2), ("北京", 0)]
    db.register("of_polars", polars.DataFrame({"name": ["李雷", None], "words": [["a"], []], "day": [datetime.date(2024, 1, 1), None]}))
    assert db.sql("SELECT * FROM of_polars WHERE name IS NOT NULL").fetchall() == [("李雷", ["a"], datetime.date(2024, 1, 1))]


def test_many_rows_come_and_go(db):
    count = 300_000
    db.register("many", pa.table({"a": pa.array(range(count)), "b": ["客户" * 20] * count}))
    found = db.sql("SELECT a, b FROM many").to_arrow()
    assert found.num_rows == count and pa.compute.sum(found["a"]).as_py() == count * (count - 1) // 2


# --- the program ------------------------------------------------------------------------------------------------------------------------


def test_a_database_is_kept(tmp_path):
    folder = tmp_path / "客户"
    with portraitdb.connect(folder) as first, portraitdb.connect(folder) as second:
        first.sql("CREATE TABLE t AS SELECT 1 AS a")
        assert second.sql("SELECT a FROM t").fetchall() == [(1,)]
        assert str(folder) in repr(first)
    with portraitdb.connect(folder) as again:
        assert again.sql("SELECT a FROM t").fetchall() == [(1,)]


def test_a_closed_database_says_so():
    db = portraitdb.connect()
    pid, folder = db._server.process.pid, db._server.folder
    db.close()
    db.close()
    assert not is_running(pid) and not os.path.exists(folder)
    assert "closed" in repr(db) and "closed" in str(fails(db, "SELECT 1"))


def test_a_forgotten_database_ends():
    pid = portraitdb.connect()._server.process.pid
    gc.collect()
    assert ends(pid)


@pytest.mark.parametrize("way", ["killed", "ends"])
def test_the_program_ends_with_python(way):
    script = "import portraitdb, sys\ndb = portraitdb.connect()\nprint(db._server.process.pid, db._server.folder, flush=True)\nsys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid, folder = process.stdout.readline().split()
    assert is_running(int(pid))
    if way == "killed":
        process.kill()
    process.stdin.close()
    process.wait(30)
    process.stdout.close()
    assert ends(int(pid))
    if os.name != "nt" and way == "ends":
        assert not os.path.exists(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_forks_leave_the_database_alone(db):
    # In a process of its own: pytest is not to be forked.
    script = """
import os, sys, portraitdb
db = portraitdb.connect()
pid = os.fork()
if not pid:
    try:
        db.sql("SELECT 1")
    except portraitdb.Error:
        db.close()
        sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
assert db.sql("SELECT 1").rows == 1
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60)


def test_what_the_program_says_when_it_cannot_start(tmp_path):
    (tmp_path / "file").write_text("no database")
    with pytest.raises(portraitdb.Error, match="memory-limit"):
        portraitdb.connect(memory_limit="much")
    with pytest.raises(portraitdb.Error):
        portraitdb.connect(tmp_path / "file")
    with pytest.raises(portraitdb.Error, match="no such program"):
        portraitdb.connect(program=tmp_path / "nothing")


def test_limits(db):
    with portraitdb.connect(memory_limit=200_000_000, partitions=2) as other:
        assert other.sql("SELECT count(*) AS n FROM range(1000)").fetchone() == (1000,)


def test_a_program_that_is_gone(db):
    db._server.process.kill()
    db._server.process.wait()
    assert fails(db, "SELECT 1").sqlstate == "57P01"


def test_where_the_program_is_looked_for(monkeypatch, tmp_path):
    fake = tmp_path / "portrait"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PORTRAIT_PROGRAM", str(fake))
    assert program.find() == str(fake)
    monkeypatch.delenv("PORTRAIT_PROGRAM")
    monkeypatch.setattr(program.sysconfig, "get_path", lambda *_: str(tmp_path))
    assert program.find() == str(fake)
    monkeypatch.setattr(program.sysconfig, "get_path", lambda *_: str(tmp_path / "none"))
    monkeypatch.setattr(program.sys, "executable", str(tmp_path / "python"))
    assert program.find() == str(fake)
    monkeypatch.setattr(program.sys, "executable", "/none/python")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program.find() == str(fake)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(portraitdb.Error, match="was not found"):
        program.find()


def test_no_row_changed_is_told_too(db):
    db.sql("CREATE TABLE t (a INT)")
    for statement in ("DELETE FROM t", "INSERT INTO t SELECT 1 WHERE false", "UPDATE t SET a = 1"):
        assert db.sql(statement).changed == 0
    assert db.sql("DELETE FROM t WHERE a = $1", [1]).changed == 0
    assert repr(db.sql("DELETE FROM t")) == "0 rows changed."
    assert db.sql("CREATE TABLE u (a INT)").changed is None


def test_definitions_keep_their_parameters(db):
    db.sql("CREATE PROFILE p WITH (key = 'id') AS SELECT value AS id FROM range(10)")
    db.sql("CREATE TAG large ON p WITH (high = 7) AS SELECT id, true FROM profile.p WHERE id >= $high AND $as_of > TIMESTAMP '2020-01-01'")
    db.sql("REFRESH PROFILE p WITH (as_of = $as_of)", {"as_of": datetime.date(2025, 6, 30)})
    assert db.sql("SELECT count(*) AS n FROM profile.p WHERE large").fetchall() == [(3,)]
    with pytest.raises(portraitdb.Error, match="before the last refresh"):
        db.sql("REFRESH PROFILE p WITH (as_of = $1)", [datetime.datetime(2025, 6, 29, 1, 2)])
    with pytest.raises(portraitdb.Error, match="as_of"):
        db.sql("REFRESH PROFILE p WITH (as_of = $as_of)", {"as_of": [1]})
    db.sql("PREPARE added AS SELECT $1 + 1 AS n")
    assert db.sql("EXECUTE added(2)").fetchall() == [(3,)]
    with pytest.raises(portraitdb.Error, match=r"give it in WITH \(least"):
        db.sql("CREATE SEGMENT s ON p AS id > $least")
    # A value that is given becomes part of the definition.
    db.sql("CREATE SEGMENT s ON p AS id > $least AND id <> $2", {"least": 6, "2": 9})
    assert db.sql("REFRESH PROFILE p; SELECT count(*) FROM segment.s").fetchall() == [(2,)]
    with pytest.raises(portraitdb.Error, match=r"\$most: the parameter has no value"):
        db.sql("CREATE SEGMENT other ON p AS id > $least AND id < $most", {"least": 6})
    with pytest.raises(portraitdb.Error, match=r"\$high: the statements have no such parameter; there is none"):
        db.sql("CREATE TAG other ON p WITH (high = 7) AS SELECT id, true FROM profile.p WHERE id >= $high", {"high": 3})
    with pytest.raises(portraitdb.Error, match=r"\$1: the statements have no such parameter"):
        db.sql("PREPARE other AS SELECT $1", [1])


# --- cancelling and threads -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise there")
@pytest.mark.parametrize(
    "sql", [SLOW, f"CREATE TABLE big AS {SLOW}", "SELECT a.value AS a FROM generate_series(1, 100000) a, generate_series(1, 1000000) b"]
)
def test_ctrl_c_cancels_and_the_session_goes_on(db, sql):
    db.sql("CREATE TEMPORARY TABLE own AS SELECT 7 AS a")
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        db.sql(sql)
    assert time.monotonic() - began < 20
    assert db.sql("SELECT a FROM own").fetchall() == [(7,)]


def test_ctrl_c_may_come_while_a_statement_begins(db, monkeypatch):
    start = threading.Thread.start

    def interrupted(thread):
        start(thread)
        if thread.name == "portrait statement":
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        db.sql(SLOW)
    monkeypatch.undo()
    # Nothing runs on for nobody.
    assert db._beside(f"SELECT text FROM system.queries WHERE pid = {db._pid}") == []
    assert db.sql("SELECT 7 AS a").fetchall() == [(7,)]


def test_threads_wait_for_one_another(db):
    found = []
    threads = [threading.Thread(target=lambda number=number: found.append(db.sql(f"SELECT {number}").fetchone()[0])) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(8))


def test_progress_is_told(db):
    told, has_ended = [], threading.Event()

    def cancel():
        # As often as it takes: on a busy machine the statement may not have begun, and would never end.
        while not has_ended.wait(1.0):
            db._beside(f"SELECT pg_cancel_backend({db._pid}) AS a")

    threading.Timer(3.0, cancel).start()
    try:
        with pytest.raises(portraitdb.Error) as found:
            db._run(SLOW, watch=told.append)
    finally:
        has_ended.set()
    assert found.value.sqlstate == "57014"
    assert told and told[-1].seconds >= 1.0 and "rows read" in str(told[-1])
