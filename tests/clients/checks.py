"""What each client does. A check gives a value, which is compared with that on PostgreSQL."""

import datetime
import decimal
import io
import subprocess
import threading
import time

CLIENTS = []


def client(name):
    def register(function):
        CLIENTS.append((name, function))
        return function

    return register


class Checks:
    def __init__(self, server):
        self.server = server
        self.found = {}

    def __call__(self, name, function):
        try:
            self.found[name] = (True, repr(function()))
        except Exception as error:  # noqa: BLE001: whatever a driver raises is the result
            text = " ".join(str(error).split())
            self.found[name] = (False, f"{type(error).__name__}: {text[:300]}")

    @property
    def url(self):
        return f"postgresql://ada@127.0.0.1:{self.server.port}/portrait"


def run(function, server):
    check = Checks(server)
    try:
        function(check)
    except (ImportError, FileNotFoundError):
        return None
    except Exception as error:  # noqa: BLE001: it cannot even connect
        check.found["all of it"] = (False, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    return check.found


SCALARS = {
    "integers": "SELECT 1::smallint, 2::int, 3::bigint",
    "floats": "SELECT 0.1::real, 1.5::double precision, 'NaN'::double precision, '-Infinity'::double precision",
    "decimals": "SELECT 12.50::numeric(12,2), -0.001::numeric(10,3), 12345678901234567890::numeric(38,0)",
    "texts": "SELECT 'plain', '上海', '', 'a''b\"c'",
    "booleans": "SELECT true, false, NULL::boolean",
    "dates": "SELECT DATE '2024-02-29', DATE '0001-01-01', DATE '9999-12-31'",
    "times": "SELECT TIMESTAMP '2024-02-29 12:34:56.789', TIMESTAMP '1969-12-31 23:59:59.999999'",
    "instants": "SELECT TIMESTAMP WITH TIME ZONE '2024-02-29 12:00:00+08'",
    "intervals": "SELECT INTERVAL '1 day 2 hours', INTERVAL '-3 minutes'",
    "arrays": "SELECT ARRAY[1,2,NULL]::bigint[], ARRAY['a','b c']",
    "bytes": "SELECT '\\x00ff10'::bytea",
    "nothing": "SELECT NULL",
    "rows": "SELECT * FROM customers ORDER BY id",
    "aggregates": "SELECT count(*), sum(spend), max(name), avg(age) FROM customers",
    "grouped": "SELECT city, count(*) FROM customers GROUP BY city ORDER BY city NULLS FIRST",
    "view": "SELECT * FROM by_city ORDER BY city NULLS LAST",
    "no rows": "SELECT * FROM customers WHERE false",
    "window": "SELECT id, row_number() OVER (ORDER BY id DESC) FROM customers ORDER BY id",
    "truncated": "SELECT date_trunc('month', seen), count(*) FROM customers GROUP BY 1 ORDER BY 1 NULLS LAST",
    "version": "SELECT substring(version() from 1 for 10)",
    "session": "SELECT current_database(), current_schema(), current_user",
}

ERRORS = {
    "no such column": "SELECT nope FROM customers",
    "no such table": "SELECT * FROM nowhere",
    "syntax": "SELECT 1 +",
    "division": "SELECT 1 / (id - 1) FROM customers",
    "no such function": "SELECT nothing_of_that_name(1)",
    "text that is no number": "SELECT 'x'::int",
}


@client("psql")
def psql(check):
    def run(*words, text=None):
        command = ["psql", "-X", "-A", "-d", check.url, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, input=text)
        if done.returncode != 0 or done.stderr.strip():
            raise RuntimeError(done.stderr.strip().replace(str(check.server.port), "PORT"))
        return done.stdout

    run("-c", "SELECT 1")
    for name, sql in SCALARS.items():
        check(name, lambda sql=sql: run("-c", sql))
    for name in ["\\d", "\\dt", "\\dv", "\\d customers", "\\d by_city", "\\d+ customers", "\\dn", "\\l", "\\du", "\\df nothing", "\\dT", "\\dx", "\\dp customers", "\\di",
                 "\\ds", "\\dm", "\\conninfo"]:
        # What is listed differs; that it is listed counts.
        check(name, lambda name=name: run("-c", name) is not None)
    check("several statements", lambda: run("-c", "SELECT 1; SELECT 2"))
    check("copy out", lambda: run("-c", "COPY customers (id, name, city, spend, vip) TO STDOUT"))
    check("copy out as csv", lambda: run("-c", "COPY (SELECT id, name, city FROM customers ORDER BY id) TO STDOUT WITH CSV HEADER"))
    check("fetch count", lambda: run(text="\\set FETCH_COUNT 2\nSELECT id FROM customers ORDER BY id;"))
    check("transaction", lambda: run(text="BEGIN; CREATE TABLE tx (a int); INSERT INTO tx VALUES (1),(2); SELECT count(*) FROM tx; ROLLBACK;"))
    check("prepared", lambda: run(text="PREPARE p(bigint) AS SELECT name FROM customers WHERE id = $1; EXECUTE p(2); DEALLOCATE p;"))
    check("show", lambda: run("-c", "SHOW server_encoding", "-c", "SHOW standard_conforming_strings", "-c", "SHOW search_path"))
    check("set", lambda: run("-c", "SET application_name = 'me'; SHOW application_name"))


@client("psycopg2")
def psycopg2_client(check):
    import psycopg2
    import psycopg2.extras

    connection = psycopg2.connect(check.url)
    connection.autocommit = True

    def rows(sql, values=None):
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return [column.name for column in cursor.description], [column.type_code for column in cursor.description], cursor.fetchall()

    def plain(found):
        # Bytes come as a view.
        return found[0], found[1], [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in found[2]]

    for name, sql in SCALARS.items():
        check(name, lambda sql=sql: plain(rows(sql)))

    def code(sql):
        try:
            rows(sql)
        except psycopg2.Error as error:
            return error.pgcode
        return None

    for name, sql in ERRORS.items():
        check(f"code: {name}", lambda sql=sql: code(sql))
    check("parameters", lambda: rows("SELECT id FROM customers WHERE name = %s AND joined >= %s AND id = ANY(%s)", ("Ada", datetime.date(2024, 1, 1), [1, 2])))
    check("decimal parameter", lambda: rows("SELECT id FROM customers WHERE spend > %s ORDER BY id", (decimal.Decimal("50.5"),)))

    def transactions():
        other = psycopg2.connect(check.url)
        with other.cursor() as cursor:
            cursor.execute("CREATE TABLE tx2 (a int)")
            cursor.execute("INSERT INTO tx2 VALUES (1), (2)")
            count = cursor.rowcount
            cursor.execute("SAVEPOINT s")
            try:
                cursor.execute("SELECT nope")
            except psycopg2.Error:
                cursor.execute("ROLLBACK TO SAVEPOINT s")
            cursor.execute("SELECT count(*) FROM tx2")
            seen = cursor.fetchone()
        other.rollback()
        other.close()
        return count, seen, code("SELECT * FROM tx2")

    check("transactions", transactions)

    def named():
        other = psycopg2.connect(check.url)
        with other.cursor(name="many") as cursor:
            cursor.itersize = 2
            cursor.execute("SELECT id FROM customers ORDER BY id")
            found = [row[0] for row in cursor]
        other.rollback()
        other.close()
        return found

    check("named cursor", named)

    def copy():
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE copied (a int, b text)")
            cursor.copy_expert("COPY copied FROM STDIN WITH CSV", io.StringIO('1,x\n2,"y,z"\n'))
            out = io.StringIO()
            cursor.copy_expert("COPY copied TO STDOUT", out)
            cursor.execute("DROP TABLE copied")
            return out.getvalue()

    check("copy", copy)

    def many():
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE many (a int, b text)")
            psycopg2.extras.execute_values(cursor, "INSERT INTO many VALUES %s", [(number, str(number)) for number in range(500)])
            cursor.execute("SELECT count(*), sum(a) FROM many")
            found = cursor.fetchone()
            cursor.execute("DROP TABLE many")
            return found

    check("many rows", many)

    def timeout():
        with psycopg2.connect(check.url, options="-c statement_timeout=500") as other, other.cursor() as cursor:
            began = time.time()
            try:
                cursor.execute("SELECT sum(a * b % 7) FROM generate_series(1, 100000) AS x(a), generate_series(1, 100000) AS y(b)")
            except psycopg2.Error as error:
                return error.pgcode, time.time() - began < 5
            return None

    check("statement_timeout", timeout)

    def cancel():
        other = psycopg2.connect(check.url)
        threading.Timer(0.5, other.cancel).start()
        with other.cursor() as cursor:
            try:
                cursor.execute("SELECT sum(a * b % 7) FROM generate_series(1, 100000) AS x(a), generate_series(1, 100000) AS y(b)")
            except psycopg2.Error as error:
                return error.pgcode
        return None

    check("cancel", cancel)
    check("server version", lambda: connection.server_version > 100000)
    connection.close()


def psycopg3(check, binary):
    import psycopg
    from psycopg.rows import tuple_row

    connection = psycopg.connect(check.url, autocommit=True, row_factory=tuple_row)

    def rows(sql, values=None):
        cursor = connection.cursor(binary=binary)
        cursor.execute(sql, values, prepare=True)
        return [column.name for column in cursor.description], [column.type_code for column in cursor.description], cursor.fetchall()

    for name, sql in SCALARS.items():
        check(name, lambda sql=sql: rows(sql.replace("%", "%%")))
    check("precision", lambda: [(c.precision, c.scale) for c in connection.execute("SELECT spend FROM customers").description])

    def code(sql):
        try:
            rows(sql)
        except psycopg.Error as error:
            return error.sqlstate
        return None

    for name, sql in ERRORS.items():
        check(f"code: {name}", lambda sql=sql: code(sql))
    values = {
        "integer": 5, "large": 2**40, "float": 1.5, "decimal": decimal.Decimal("12.345"), "text": "上海", "boolean": True, "date": datetime.date(2024, 2, 29),
        "time": datetime.datetime(2024, 2, 29, 12, 30, 0, 250000), "instant": datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc),
        "interval": datetime.timedelta(days=1, hours=2), "list": [1, 2, 3], "bytes": b"\x00\xff", "nothing": None,
    }
    for name, value in values.items():
        check(f"parameter: {name}", lambda value=value: rows("SELECT %s", (value,))[2])
    check("parameters in a filter", lambda: rows("SELECT id FROM customers WHERE id > %s AND name <> %s ORDER BY id LIMIT %s", (1, "x", 2))[2])
    check("any", lambda: rows("SELECT id FROM customers WHERE id = ANY(%s) ORDER BY id", ([1, 3],))[2])

    def named():
        with psycopg.connect(check.url) as other, other.cursor(name="c 1", binary=binary) as cursor:
            cursor.itersize = 2
            cursor.execute("SELECT id, spend FROM customers ORDER BY id")
            return cursor.fetchmany(3), cursor.fetchall()

    check("server cursor", named)

    def pipeline():
        with connection.pipeline():
            one = connection.execute("SELECT 1")
            two = connection.execute("SELECT id FROM customers WHERE id = %s", (2,))
        return one.fetchone(), two.fetchone()

    check("pipeline", pipeline)

    def pipeline_undone():
        with psycopg.connect(check.url, autocommit=True) as other:
            try:
                with other.pipeline():
                    other.execute("CREATE TABLE piped3 (a int)")
                    other.execute("SELECT 1 / 0")
            except psycopg.Error:
                pass
        return code("SELECT a FROM piped3")

    check("pipeline that fails", pipeline_undone)

    def copy():
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE copied3 (a bigint, b text, c numeric(10, 2), d date)")
            with cursor.copy("COPY copied3 FROM STDIN" + (" (FORMAT binary)" if binary else "")) as copy:
                if binary:
                    copy.set_types(["int8", "text", "numeric", "date"])
                copy.write_row((1, "x\ty", decimal.Decimal("1.50"), datetime.date(2024, 1, 1)))
                copy.write_row((2, None, None, None))
            with cursor.copy("COPY copied3 TO STDOUT" + (" (FORMAT binary)" if binary else "")) as copy:
                copy.set_types(["int8", "text", "numeric", "date"])
                found = list(copy.rows())
            cursor.execute("DROP TABLE copied3")
            return found

    check("copy", copy)

    def transaction():
        with psycopg.connect(check.url) as other:
            other.execute("CREATE TABLE tx3 (a int)")
            try:
                with other.transaction():
                    other.execute("INSERT INTO tx3 VALUES (1)")
                    raise KeyError
            except KeyError:
                pass
            with other.transaction():
                other.execute("INSERT INTO tx3 VALUES (2)")
            found = other.execute("SELECT a FROM tx3").fetchall()
            status = other.info.transaction_status.name
            other.rollback()
            return found, status

    check("nested transactions", transaction)
    check("executemany", lambda: many_rows(connection))
    check("stream", lambda: [row for row in connection.cursor(binary=binary).stream("SELECT id FROM customers ORDER BY id")])
    connection.close()


def many_rows(connection):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE many3 (a int, b text)")
        cursor.executemany("INSERT INTO many3 VALUES (%s, %s)", [(number, f"n{number}") for number in range(20)])
        count = cursor.rowcount
        found = cursor.execute("SELECT count(*), sum(a) FROM many3").fetchone()
        cursor.execute("DROP TABLE many3")
        return count, found


@client("psycopg text")
def psycopg_text(check):
    psycopg3(check, False)


@client("psycopg binary")
def psycopg_binary(check):
    psycopg3(check, True)


@client("asyncpg")
def asyncpg_client(check):
    import asyncio

    import asyncpg

    loop = asyncio.new_event_loop()
    wait = loop.run_until_complete
    connection = wait(asyncpg.connect(check.url))

    def rows(sql, *values):
        return [tuple(row) for row in wait(connection.fetch(sql, *values))]

    for name, sql in SCALARS.items():
        check(name, lambda sql=sql: rows(sql))
    for name, sql in ERRORS.items():
        def code(sql=sql):
            try:
                rows(sql)
            except asyncpg.PostgresError as error:
                return error.sqlstate
            return None

        check(f"code: {name}", code)
    check("parameters", lambda: rows("SELECT id FROM customers WHERE id > $1 AND joined >= $2 ORDER BY id LIMIT $3", 1, datetime.date(2024, 1, 1), 1))
    check("list", lambda: rows("SELECT id FROM customers WHERE id = ANY($1::bigint[]) ORDER BY id", [1, 4]))
    check("list of the column's type", lambda: rows("SELECT id FROM customers WHERE id = ANY($1) ORDER BY id", [1, 4]))
    check("executemany", lambda: wait(async_many(connection)))
    check("executemany is all or nothing", lambda: wait(async_many_failing(connection)))
    check("several statements are all or nothing", lambda: wait(async_several_failing(connection)))
    check("transaction", lambda: wait(async_transaction(connection)))
    check("cursor", lambda: wait(async_cursor(connection)))
    check("copy", lambda: wait(async_copy(connection)))

    async def pool():
        async with asyncpg.create_pool(check.url, min_size=1, max_size=2) as pool:
            async with pool.acquire() as first:
                await first.execute("CREATE TEMPORARY TABLE mine (a int)")
            async with pool.acquire() as again:
                return await again.fetchval("SELECT 1")

    check("pool", lambda: wait(pool()))

    async def timeout():
        try:
            await connection.fetch("SELECT sum(a * b % 7) FROM generate_series(1, 100000) AS x(a), generate_series(1, 100000) AS y(b)", timeout=0.5)
        except asyncio.TimeoutError:
            return await connection.fetchval("SELECT 'still here'")
        return None

    check("timeout", lambda: wait(timeout()))
    wait(connection.close())
    loop.close()


async def async_many(connection):
    await connection.execute("CREATE TABLE many_a (a int, b text)")
    await connection.executemany("INSERT INTO many_a VALUES ($1, $2)", [(number, str(number)) for number in range(20)])
    found = tuple(await connection.fetchrow("SELECT count(*), sum(a) FROM many_a"))
    await connection.execute("DROP TABLE many_a")
    return found


async def async_many_failing(connection):
    import asyncpg

    await connection.execute("CREATE TABLE many_f (a int)")
    try:
        await connection.executemany("INSERT INTO many_f SELECT 10 / $1::int", [(1,), (2,), (0,), (5,)])
    except asyncpg.PostgresError as error:
        code = error.sqlstate
    found = await connection.fetchval("SELECT count(*) FROM many_f")
    await connection.execute("DROP TABLE many_f")
    return code, found


async def async_several_failing(connection):
    import asyncpg

    await connection.execute("CREATE TABLE several_f (a int)")
    try:
        await connection.execute("INSERT INTO several_f VALUES (1); SELECT 1 / (a - 1) FROM several_f; INSERT INTO several_f VALUES (2)")
    except asyncpg.PostgresError as error:
        code = error.sqlstate
    found = await connection.fetchval("SELECT count(*) FROM several_f")
    await connection.execute("INSERT INTO several_f VALUES (1); INSERT INTO several_f VALUES (2)")
    found = found, await connection.fetchval("SELECT count(*) FROM several_f")
    await connection.execute("DROP TABLE several_f")
    return code, found


async def async_transaction(connection):
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("CREATE TABLE tx_a (a int)")
    status = await connection.execute("INSERT INTO tx_a VALUES (1), (2)")
    async with connection.transaction():
        await connection.execute("INSERT INTO tx_a VALUES (3)")
    found = await connection.fetchval("SELECT count(*) FROM tx_a")
    await transaction.rollback()
    return status, found


async def async_cursor(connection):
    async with connection.transaction():
        return [row["id"] async for row in connection.cursor("SELECT id FROM customers ORDER BY id", prefetch=2)]


async def async_copy(connection):
    await connection.execute("CREATE TABLE copied_a (a bigint, b text)")
    await connection.copy_records_to_table("copied_a", records=[(1, "x"), (2, None)])
    out = io.BytesIO()
    await connection.copy_from_query("SELECT * FROM copied_a ORDER BY a", output=out, format="csv")
    await connection.execute("DROP TABLE copied_a")
    return out.getvalue()


@client("sqlalchemy and pandas")
def sqlalchemy_client(check):
    import pandas
    import sqlalchemy

    engine = sqlalchemy.create_engine(check.url.replace("postgresql://", "postgresql+psycopg://"))
    check("connect", lambda: engine.connect().execute(sqlalchemy.text("SELECT 1")).scalar())
    inspector = sqlalchemy.inspect(engine)
    check("tables", lambda: sorted(inspector.get_table_names()))
    check("views", lambda: sorted(inspector.get_view_names()))
    check("schemas", lambda: "public" in inspector.get_schema_names())
    check("columns", lambda: [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns("customers")])
    check("primary key", lambda: inspector.get_pk_constraint("customers")["constrained_columns"])
    check("foreign keys", lambda: inspector.get_foreign_keys("customers"))
    check("indexes", lambda: inspector.get_indexes("customers"))
    check("unique", lambda: inspector.get_unique_constraints("customers"))
    check("checks", lambda: inspector.get_check_constraints("customers"))
    check("comment", lambda: inspector.get_table_comment("customers"))
    check("has table", lambda: (inspector.has_table("customers"), inspector.has_table("nothing")))
    check("view definition", lambda: "customers" in inspector.get_view_definition("by_city"))

    def reflected():
        table = sqlalchemy.Table("customers", sqlalchemy.MetaData(), autoload_with=engine)
        with engine.connect() as connection:
            query = sqlalchemy.select(table.c.city, sqlalchemy.func.count()).group_by(table.c.city).order_by(sqlalchemy.func.count().desc(), table.c.city)
            return connection.execute(query).all()

    check("reflected query", reflected)
    check("read_sql", lambda: pandas.read_sql("SELECT * FROM customers ORDER BY id", engine).to_dict("list"))
    check("read_sql in parts", lambda: [len(part) for part in pandas.read_sql("SELECT * FROM customers", engine, chunksize=3)])

    def to_sql():
        frame = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", None, "上海"], "c": [1.5, None, 2.5], "d": pandas.to_datetime(["2024-01-01", "2024-02-29", None])})
        frame.to_sql("frames", engine, index=False, if_exists="replace")
        frame.to_sql("frames", engine, index=False, if_exists="append")
        with engine.begin() as connection:
            found = connection.execute(sqlalchemy.text("SELECT count(*), sum(a), count(b), max(d) FROM frames")).all()
            connection.execute(sqlalchemy.text("DROP TABLE frames"))
        return found

    check("to_sql", to_sql)

    def related():
        tables = sqlalchemy.MetaData()
        sqlalchemy.Table("related_town", tables, sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True))
        key = sqlalchemy.ForeignKey("related_town.id", ondelete="CASCADE")
        shop = sqlalchemy.Table("related_shop", tables, sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True), sqlalchemy.Column("town", sqlalchemy.Integer, key))
        tables.create_all(engine)
        found = [sqlalchemy.inspect(engine).get_foreign_keys("related_shop")]
        with engine.begin() as connection:
            connection.execute(tables.tables["related_town"].insert(), [{"id": 1}, {"id": 2}])
            connection.execute(shop.insert(), [{"id": 1, "town": 1}, {"id": 2, "town": 2}])
        try:
            with engine.begin() as connection:
                connection.execute(shop.insert(), [{"id": 3, "town": 3}])
        except sqlalchemy.exc.IntegrityError as error:
            found.append((error.orig.sqlstate, error.orig.diag.table_name, error.orig.diag.constraint_name))
        with engine.begin() as connection:
            connection.execute(tables.tables["related_town"].delete().where(tables.tables["related_town"].c.id == 1))
        with engine.begin() as connection:
            found.append([tuple(row) for row in connection.execute(sqlalchemy.select(shop))])
        tables.drop_all(engine)
        return found

    check("tables with foreign keys", related)
    engine.dispose()


@client("queries of tools")
def tools_client(check):
    import os

    import psycopg

    connection = psycopg.connect(check.url, autocommit=True)
    made = [
        "CREATE SCHEMA sales",
        "CREATE TABLE orders (order_id SERIAL, customer_id BIGINT NOT NULL, line INT NOT NULL, amount NUMERIC(10, 2), PRIMARY KEY (order_id, line))",
        "CREATE TABLE ident (id INT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, note TEXT)",
        "CREATE TABLE sales.items (sku TEXT PRIMARY KEY, qty INT DEFAULT 1)",
    ]
    for statement in made:
        connection.execute(statement)

    def shape(query):
        cursor = connection.execute(query)
        return [column.name for column in cursor.description], bool(cursor.fetchall())

    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools.sql")) as file:
        queries = [line.strip() for line in file if line.strip() and not line.startswith("--")]
    for number, query in enumerate(queries, 1):
        check(f"{number}: {query[:60]}", lambda query=query: shape(query))
    for table in ["orders", "ident", "sales.items"]:
        connection.execute(f"DROP TABLE {table}")
    connection.execute("DROP SCHEMA sales")
    connection.close()


@client("pg8000")
def pg8000_client(check):
    import pg8000.native

    connection = pg8000.native.Connection("ada", host="127.0.0.1", port=check.server.port, database="portrait")
    for name, sql in SCALARS.items():
        check(name, lambda sql=sql: connection.run(sql))
    check("parameters", lambda: connection.run("SELECT id FROM customers WHERE id > :low ORDER BY id", low=2))
    connection.close()


@client("adbc postgresql")
def adbc_client(check):
    import adbc_driver_postgresql.dbapi

    with adbc_driver_postgresql.dbapi.connect(check.url) as connection:
        def table(sql):
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetch_arrow_table().to_pydict()

        for name in ["integers", "floats", "texts", "booleans", "dates", "times", "rows", "grouped", "no rows"]:
            check(name, lambda name=name: table(SCALARS[name]))
        check("tables", lambda: sorted(connection.adbc_get_table_schema("customers").names))

        def ingest():
            import pyarrow

            with connection.cursor() as cursor:
                cursor.adbc_ingest("ingested", pyarrow.table({"a": [1, 2], "b": ["x", None]}), mode="create")
            connection.commit()
            found = table("SELECT * FROM ingested ORDER BY a")
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE ingested")
            connection.commit()
            return found

        check("ingest", ingest)
