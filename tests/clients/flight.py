"""What clients of Arrow Flight SQL do. PostgreSQL has no such door: each check says itself what is right."""

import datetime
import decimal
import threading
import time
import urllib.request

from checks import client


def same(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"
    return found


def fails(run, *words):
    try:
        run()
    except Exception as error:  # noqa: BLE001: whatever a driver raises is the result
        text = str(error)
        for word in words:
            assert word in text, f"{word} is not in {text}"
        return error
    raise AssertionError("there is no error")


def here(check):
    """The address of the door; other servers have none."""
    if not check.server.flight:
        raise FileNotFoundError("this server does not speak Flight SQL")
    return f"grpc://127.0.0.1:{check.server.flight}"


VALUES = {
    "integers": ("SELECT 1::smallint AS a, 2::int AS b, 3::bigint AS c", [(1, 2, 3)]),
    "decimals": ("SELECT 12.50::numeric(12,2) AS a, 12345678901234567890::numeric(38,0) AS b", [(decimal.Decimal("12.50"), decimal.Decimal("12345678901234567890"))]),
    "texts": ("SELECT 'plain' AS a, '上海' AS b, '' AS c", [("plain", "上海", "")]),
    "booleans": ("SELECT true AS a, false AS b, NULL::boolean AS c", [(True, False, None)]),
    "dates": ("SELECT DATE '2024-02-29' AS a", [(datetime.date(2024, 2, 29),)]),
    "times": ("SELECT TIMESTAMP '1969-12-31 23:59:59.999999' AS a", [(datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),)]),
    "lists": ("SELECT [1, 2, NULL] AS a, ['a', '上海'] AS b", [([1, 2, None], ["a", "上海"])]),
    "bytes": ("SELECT '\\x00ff10'::bytea AS a", [(b"\x00\xff\x10",)]),
    "no rows": ("SELECT * FROM customers WHERE false", []),
    "rows": ("SELECT id, name, spend FROM customers ORDER BY id LIMIT 2", [(1, "Ada", decimal.Decimal("1234.50")), (2, "李雷", decimal.Decimal("99.99"))]),
    "a setting": ("SHOW search_path", [('"$user", public',)]),
    "a count": ("SELECT count(*) AS n FROM customers", [(4,)]),
}


@client("adbc flight sql")
def adbc(check):
    import adbc_driver_flightsql.dbapi as flight
    import pyarrow

    url = here(check)
    connection = flight.connect(url, autocommit=True)
    cursor = connection.cursor()

    def rows(sql, *parameters):
        cursor.execute(sql, *parameters)
        return cursor.fetchall()

    for name, (sql, expected) in VALUES.items():
        check(name, lambda sql=sql, expected=expected: same(rows(sql), expected))
    check("a number", lambda: same(rows("SELECT $1::bigint + 1 AS a", (41,)), [(42,)]))
    check("question marks", lambda: same(rows("SELECT name FROM customers WHERE id = ? AND age > ?", (2, 1)), [("李雷",)]))
    check("no value", lambda: same(rows("SELECT ?::text AS a", (None,)), [(None,)]))
    check("a limit", lambda: same(len(rows("SELECT * FROM customers LIMIT ?", (3,))), 3))
    check("too many values", lambda: fails(lambda: rows("SELECT ?", (1, 2)), "takes 1 parameters, got 2") and None)

    def errors():
        for sql, state, kind in [
            ("SELECT * FROM nowhere", "42P01", "ProgrammingError"),
            ("SELECT nope FROM customers", "42703", "ProgrammingError"),
            ("SELECT 1 +", "42601", "ProgrammingError"),
            ("SELECT 1 / (id - 1) FROM customers", "22012", None),
            ("CREATE TABLE customers AS SELECT 1 AS a", "42P07", None),
        ]:
            error = fails(lambda sql=sql: rows(sql), f"SQLSTATE {state}")
            assert kind is None or type(error).__name__ == kind, f"{sql}: {type(error).__name__}"
            details = b"".join(value if isinstance(value, bytes) else str(value).encode() for _, value in error.details)
            assert state.encode() in details, f"{sql}: {error.details}"
        return rows("SELECT 1 AS a")

    check("errors", errors)

    def statements():
        cursor.execute("CREATE TABLE made (a BIGINT, b TEXT)")
        cursor.execute("INSERT INTO made VALUES (1, 'x'), (2, 'y')")
        assert cursor.rowcount == 2, cursor.rowcount
        cursor.executemany("INSERT INTO made VALUES (?, ?)", [(3, "z"), (4, None)])
        assert cursor.rowcount == 2, cursor.rowcount
        found = rows("SELECT a, b FROM made ORDER BY a")
        cursor.execute("DROP TABLE made")
        return same(found, [(1, "x"), (2, "y"), (3, "z"), (4, None)])

    check("statements", statements)

    def session():
        cursor.execute("SET TIME ZONE 'Asia/Shanghai'")
        cursor.execute("CREATE TEMPORARY TABLE own AS SELECT 7 AS a")
        found = rows("SELECT a FROM own") + rows("SHOW TimeZone")
        other = flight.connect(url, autocommit=True)
        fails(lambda: other.cursor().execute("SELECT * FROM own"), "42P01")
        other.close()
        cursor.execute("RESET ALL")
        cursor.execute("DROP TABLE own")
        return same(found, [(7,), ("Asia/Shanghai",)])

    check("session", session)

    def ingest():
        table = pyarrow.table({"id": pyarrow.array([1, 2, 3], pyarrow.int64()), "name": ["a", "上海", None], "price": pyarrow.array([decimal.Decimal("1.10"), None, decimal.Decimal("3.30")], pyarrow.decimal128(12, 2)),
                               "word": pyarrow.array(["x", "y", "x"]).dictionary_encode(), "at": pyarrow.array([datetime.datetime(2024, 1, 1)] * 3, pyarrow.timestamp("us", "UTC"))})
        cursor.execute("DROP TABLE IF EXISTS loaded")
        with flight.connect(url) as in_transaction, in_transaction.cursor() as own:
            own.execute("SELECT 1")
            own.fetchall()
            assert own.adbc_ingest("loaded", table, mode="create") == 3
            in_transaction.rollback()
        assert cursor.adbc_ingest("loaded", table, mode="create") == 3
        fails(lambda: cursor.adbc_ingest("loaded", table, mode="create"), "42P07")
        assert cursor.adbc_ingest("loaded", table, mode="append") == 3
        assert rows("SELECT count(*) AS n, sum(price) AS p, count(DISTINCT word) AS w FROM loaded") == [(6, decimal.Decimal("8.80"), 2)]
        assert cursor.adbc_ingest("loaded", table.slice(0, 1), mode="replace") == 1
        assert cursor.adbc_ingest("loaded", table.slice(1), mode="create_append") == 2
        found = rows("SELECT id, name FROM loaded ORDER BY id")
        fails(lambda: cursor.adbc_ingest("nowhere", table, mode="append"), "42P01")
        fails(lambda: cursor.adbc_ingest("loaded", pyarrow.table({"other": [1]}), mode="append"), "SQLSTATE")
        assert cursor.adbc_ingest("of_session", table, mode="create", temporary=True) == 3
        assert rows("SELECT count(*) AS n FROM of_session") == [(3,)]
        cursor.execute("DROP TABLE loaded")
        return same(found, [(1, "a"), (2, "上海"), (3, None)])

    check("ingest", ingest)

    def half():
        def batches():
            yield pyarrow.record_batch({"a": [1, 2]})
            raise RuntimeError("the client has no more")

        fails(lambda: cursor.adbc_ingest("half", pyarrow.RecordBatchReader.from_batches(pyarrow.schema([("a", pyarrow.int64())]), batches()), mode="create"))
        time.sleep(0.5)
        return type(fails(lambda: rows("SELECT * FROM half"), "42P01")).__name__

    check("half of the rows", half)

    def transactions():
        own = flight.connect(url)
        write = own.cursor()
        write.execute("CREATE TABLE IF NOT EXISTS counted (a BIGINT)")
        own.commit()
        write.execute("INSERT INTO counted VALUES (1)")
        assert rows("SELECT count(*) AS n FROM counted") == [(0,)]
        own.commit()
        assert rows("SELECT count(*) AS n FROM counted") == [(1,)]
        write.execute("INSERT INTO counted VALUES (?)", (2,))
        write.execute("SELECT count(*) AS n FROM counted")
        assert write.fetchall() == [(2,)]
        own.rollback()
        assert rows("SELECT count(*) AS n FROM counted") == [(1,)]
        # The same prepared statement in the next transaction.
        write.execute("INSERT INTO counted VALUES (?)", (3,))
        own.rollback()
        assert rows("SELECT count(*) AS n FROM counted") == [(1,)]
        fails(lambda: write.execute("SELECT * FROM nowhere"), "42P01")
        fails(lambda: write.execute("SELECT 1"), "25P02")
        fails(own.commit, "25P02")
        # The driver has no transaction after that, and its connection is of no use.
        write.close()
        own.close()
        found = rows("SELECT count(*) AS n FROM counted")
        cursor.execute("DROP TABLE counted")
        return same(found, [(1,)])

    check("transactions", transactions)

    def objects():
        found = connection.adbc_get_objects(depth="columns", db_schema_filter="public").read_all().to_pylist()
        schemas = found[0]["catalog_db_schemas"]
        tables = {table["table_name"]: table for schema in schemas for table in schema["db_schema_tables"]}
        assert tables["customers"]["table_type"] == "TABLE" and tables["by_city"]["table_type"] == "VIEW", tables.keys()
        columns = [column["column_name"] for column in tables["customers"]["table_columns"]]
        names = connection.adbc_get_objects(depth="tables", table_name_filter="cust%").read_all().to_pylist()
        assert any(schema["db_schema_tables"] for schema in names[0]["catalog_db_schemas"])
        return same(columns[:5], ["id", "name", "city", "joined", "spend"])

    check("objects", objects)
    check("a table's columns", lambda: same(connection.adbc_get_table_schema("customers").names[:2], ["id", "name"]))
    check("types of tables", lambda: same(connection.adbc_get_table_types(), ["TABLE", "VIEW"]))
    check("info", lambda: same(connection.adbc_get_info()["vendor_name"], "Portrait"))
    check("catalog and schema", lambda: same((connection.adbc_current_catalog, connection.adbc_current_db_schema), ("portrait", "public")))

    def where():
        connection.adbc_current_db_schema = "system"
        assert len(rows("SELECT name FROM roles")) == 0
        connection.adbc_current_db_schema = "public"
        fails(lambda: setattr(connection, "adbc_current_catalog", "other"))
        return rows("SELECT current_schema() AS s")

    check("another schema", where)

    def cancelled():
        slow = connection.cursor()
        slow.execute("SELECT count(*) AS n FROM generate_series(1, 100000) a, generate_series(1, 100000) b")
        threading.Timer(0.5, slow.adbc_cancel).start()
        began = time.time()
        fails(slow.fetchall)
        assert time.time() - began < 20
        return same(rows("SELECT 1 AS a"), [(1,)])

    check("cancelled", cancelled)

    def first():
        began = time.time()
        slow = connection.cursor()
        slow.execute("SELECT value AS a, repeat('x', 500) AS b FROM generate_series(1, 20000000)")
        reader = slow.fetch_record_batch()
        reader.read_next_batch()
        slow.close()
        assert time.time() - began < 20
        return same(rows("SELECT 2 AS a"), [(2,)])

    check("the first rows before the last", first)

    def planned():
        names = cursor.adbc_execute_schema("SELECT id, spend FROM customers").names
        prepared = cursor.adbc_prepare("SELECT * FROM customers WHERE id = ? AND spend > ?")
        return same((names, len(prepared)), (["id", "spend"], 2))

    check("columns and parameters", planned)


@client("adbc flight sql with passwords")
def passwords(check):
    import adbc_driver_flightsql.dbapi as flight

    here(check)
    server = check.server.with_passwords()
    try:
        url = f"grpc://127.0.0.1:{server.flight}"
        login = lambda user, password: flight.connect(url, db_kwargs={"username": user, "password": password}, autocommit=True)  # noqa: E731

        def who():
            with login("ada", "pencil") as connection, connection.cursor() as cursor:
                cursor.execute("SELECT current_user AS a")
                return same(cursor.fetchall(), [("ada",)])

        check("who", who)

        def use(connection):
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1")

        check("a wrong password", lambda: type(fails(lambda: use(login("ada", "pen")), "SQLSTATE 28P01")).__name__)
        check("nobody", lambda: type(fails(lambda: use(login("eve", "pencil")), "SQLSTATE 28P01")).__name__)
        check("no name", lambda: type(fails(lambda: use(flight.connect(url, autocommit=True)), "SQLSTATE 28000")).__name__)
        token = lambda given: flight.connect(url, db_kwargs={"adbc.flight.sql.authorization_header": given}, autocommit=True)  # noqa: E731
        check("a wrong token", lambda: type(fails(lambda: use(token("Bearer nothing")), "SQLSTATE 28000")).__name__)
        check("name and password with each call", lambda: use(token("Basic YWRhOnBlbmNpbA==")))

        def reads():
            with login("bob", "rubber") as connection, connection.cursor() as cursor:
                fails(lambda: cursor.execute("DROP TABLE customers"), "SQLSTATE 42501")
                cursor.execute("CREATE TEMPORARY TABLE own AS SELECT 1 AS a")
                cursor.execute("SELECT count(*) AS n FROM customers")
                return same(cursor.fetchall(), [(4,)])

        check("a role that may read", reads)
    finally:
        server.stop()


@client("pyarrow.flight")
def arrow(check):
    import pyarrow.flight as flight

    address = here(check)
    connection = flight.FlightClient(address)
    login = connection.authenticate_basic_token("ada", "anything")
    options = flight.FlightCallOptions(headers=[login])
    check("a token", lambda: same(login[0], b"authorization"))
    check("actions", lambda: same(len(list(connection.list_actions(options))) > 8, True))
    check("no command", lambda: type(fails(lambda: connection.get_flight_info(flight.FlightDescriptor.for_path("a"), options), "SQLSTATE 08P01")).__name__)
    check("garbage", lambda: type(fails(lambda: connection.get_flight_info(flight.FlightDescriptor.for_command(b"\xff\xfe\xfd"), options), "SQLSTATE 08P01")).__name__)
    check("a false ticket", lambda: type(fails(lambda: connection.do_get(flight.Ticket(b"nothing"), options).read_all(), "SQLSTATE 08P01")).__name__)
    check("an unknown action", lambda: type(fails(lambda: list(connection.do_action(flight.Action("Nothing", b""), options)), "SQLSTATE 0A000")).__name__)
    closed = list(connection.do_action(flight.Action("CloseSession", b""), options))
    check("closed", lambda: same(closed[0].body.to_pybytes(), b"\x08\x01"))
    time.sleep(0.2)
    check("after it", lambda: type(fails(lambda: list(connection.list_actions(options)), "SQLSTATE 28000")).__name__)


@client("flightsql-dbapi")
def dbapi(check):
    from flightsql import FlightSQLClient, connect

    here(check)
    opened = FlightSQLClient(host="127.0.0.1", port=check.server.flight, insecure=True, user="ada", password="anything", disable_server_verification=True)
    connection = connect(opened)
    cursor = connection.cursor()

    def rows(sql):
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]

    check("rows", lambda: same(rows("SELECT id, name FROM customers ORDER BY id LIMIT 2"), [(1, "Ada"), (2, "李雷")]))
    check("tables", lambda: same({"customers", "by_city"} <= set(opened.do_get(opened.get_tables().endpoints[0].ticket).read_all()["table_name"].to_pylist()), True))
    check("catalogs", lambda: same(opened.do_get(opened.get_catalogs().endpoints[0].ticket).read_all().to_pylist(), [{"catalog_name": "portrait"}]))
    check("made", lambda: same(opened.execute_update("CREATE TABLE of_dbapi (a BIGINT)"), 0))
    check("update", lambda: same(opened.execute_update("INSERT INTO of_dbapi VALUES (1), (2)"), 2))
    check("dropped", lambda: same(opened.execute_update("DROP TABLE of_dbapi"), 0))


@client("polars through adbc")
def polars(check):
    import adbc_driver_flightsql.dbapi as flight
    import polars

    with flight.connect(here(check), autocommit=True) as connection:
        frame = polars.read_database("SELECT id, name, spend, joined FROM customers ORDER BY id", connection)
        check("read", lambda: same(frame["name"].to_list(), ["Ada", "李雷", "O'Neil", 'Eva "E"']))
        check("decimals", lambda: same(frame["spend"].to_list()[0], decimal.Decimal("1234.50")))

        def write():
            count = frame.write_database("of_polars", connection, if_table_exists="replace", engine="adbc")
            found = polars.read_database("SELECT count(*) AS n FROM of_polars", connection)["n"].to_list()
            # Its lists are large lists.
            polars.DataFrame({"l": [[1], [2, 3]]}).write_database("of_polars", connection, if_table_exists="replace", engine="adbc")
            lists = polars.read_database("SELECT l FROM of_polars", connection)["l"].to_list()
            assert lists == [[1], [2, 3]], lists
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE of_polars")
            return same((count, found), (4, [4]))

        check("write", write)


@client("pandas through adbc")
def pandas(check):
    import adbc_driver_flightsql.dbapi as flight
    import pandas

    with flight.connect(here(check), autocommit=True) as connection:
        frame = pandas.read_sql("SELECT id, name, score FROM customers ORDER BY id", connection)
        check("read", lambda: same(frame["name"].tolist(), ["Ada", "李雷", "O'Neil", 'Eva "E"']))

        def write():
            pandas.DataFrame({"a": [1, 2], "b": ["x", "上海"]}).to_sql("of_pandas", connection, index=False, if_exists="replace")
            found = pandas.read_sql("SELECT a, b FROM of_pandas ORDER BY a", connection)["b"].tolist()
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE of_pandas")
            return same(found, ["x", "上海"])

        check("write", write)


SCRIPT = [
    "CREATE TEMPORARY TABLE doors (a BIGINT, b TEXT, c DECIMAL(12, 2), d DATE)",
    "INSERT INTO doors VALUES (1, 'x', 1.50, DATE '2024-02-29'), (2, '上海', NULL, NULL), (3, NULL, -0.01, DATE '1999-12-31')",
    "UPDATE doors SET c = 2.25 WHERE a = 2",
    "DELETE FROM doors WHERE a = 3",
]
QUESTION = "SELECT a, b, c, d FROM doors ORDER BY a"


@client("four doors")
def doors(check):
    import subprocess

    import adbc_driver_flightsql.dbapi as flight
    import psycopg

    url = here(check)
    words = lambda rows: [tuple("" if value is None else str(value) for value in row) for row in rows]  # noqa: E731
    found = {}
    with flight.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in SCRIPT:
            cursor.execute(statement)
        cursor.execute(QUESTION)
        found["flight"] = words(cursor.fetchall())
    for name, is_binary in [("text", False), ("binary", True)]:
        with psycopg.connect(check.url, autocommit=True) as connection, connection.cursor(binary=is_binary) as cursor:
            for statement in SCRIPT:
                cursor.execute(statement)
            cursor.execute(QUESTION)
            found[name] = words(cursor.fetchall())
    shell = [check.server.program, "-d", check.server.folder, "--format", "csv"]
    script = ";\n".join([*SCRIPT, QUESTION]) + ";\n"
    cells = lambda text: [tuple(line.split(",")) for line in text.strip().splitlines()[-2:]]  # noqa: E731
    found["-c"] = cells(subprocess.run([*shell, "-c", script], check=True, capture_output=True, text=True).stdout)
    found["shell"] = cells(subprocess.run(shell, check=True, capture_output=True, text=True, input=script).stdout)
    for name, rows in found.items():
        check(name, lambda rows=rows: same(rows, found["flight"]))


@client("prometheus")
def prometheus(check):
    from prometheus_client import parser
    from prometheus_client.openmetrics import parser as openmetrics

    import adbc_driver_flightsql.dbapi as flight

    with flight.connect(here(check), autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) AS n FROM customers")
        cursor.fetchall()
    at = lambda path: urllib.request.urlopen(f"http://127.0.0.1:{check.server.http}{path}")  # noqa: E731
    check("health", lambda: same(at("/health").read(), b"ok\n"))
    check("ready", lambda: same(at("/ready").read(), b"ready\n"))
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    asked = urllib.request.Request(f"http://127.0.0.1:{check.server.http}/metrics", headers=accept)

    def parsed(families):
        found = {family.name: family for family in families}
        selects = [sample for sample in found["portrait_statements"].samples if sample.labels["kind"] == "select" and sample.labels["outcome"] == "succeeded"]
        assert selects and selects[0].value > 0
        buckets = [sample for sample in found["portrait_statement_duration_seconds"].samples if sample.name.endswith("_bucket") and sample.labels["kind"] == "select"]
        assert any(sample.labels["le"] == "+Inf" for sample in buckets)
        assert found["portrait_memory_limit_bytes"].samples[0].value > 0
        return sorted(found)

    check("openmetrics", lambda: len(parsed(openmetrics.text_string_to_metric_families(urllib.request.urlopen(asked).read().decode()))))
    check("text", lambda: len(parsed(parser.text_string_to_metric_families(at("/metrics").read().decode()))))
