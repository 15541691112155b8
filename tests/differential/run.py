"""Random queries, answered by Portrait and by DuckDB.

    pip install -r tests/differential/requirements.txt
    python tests/differential/run.py --program target/release/portrait --queries 5000

Each query runs at 1, 2 or 7 partitions and batches of 3 (a window over a join: 64) or 8192 rows, every tenth at all of them. Rows are compared in their order where the query gives
them one, else as a multiset: decimals and integers exactly, floats to nine digits. A difference, or an error of one side alone, is printed with its query
and seed; `explained.py` lists those with a known reason.

`--shapes` takes the queries of `shapes.py`: shapes that chance does not come to, over a table of rare values.

`--record 60` writes the answers of DuckDB to the first 60 queries that suit it into `tests/sql/differential`, where `cargo test --test slt` asks Portrait.
"""

import argparse
import collections
import concurrent.futures
import datetime
import decimal
import math
import os
import subprocess
import sys
import tempfile
import threading

import duckdb

import queries
import record
import shapes
import tables
from explained import explained

PARTITIONS, BATCHES = (1, 2, 7), (3, 8192)


def normal(value, digits):
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return 0.0 if abs(value) < 1e-9 else float(f"{value:.{digits}g}")
    if isinstance(value, decimal.Decimal):
        return value.normalize() + 0 if value else decimal.Decimal(0)
    if isinstance(value, list):
        return tuple(normal(one, digits) for one in value)
    if isinstance(value, dict):
        return tuple((name, normal(one, digits)) for name, one in value.items())
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return decimal.Decimal(value).normalize() + 0
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return value


def rows_of(rows, ordered, digits):
    rows = [tuple(normal(value, digits) for value in row) for row in rows]
    return rows if ordered else sorted(rows, key=repr)


def same(expected, got, ordered):
    # A float may lie at the border between two roundings.
    return any(rows_of(expected, ordered, digits) == rows_of(got, ordered, digits) for digits in (9, 8))


class Both:
    def __init__(self, program, folder, query):
        self.program, self.folder, self.query, self.own = program, folder, query, threading.local()
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(tables.TABLES + shapes.TABLES)
            for table in [*tables.COLUMNS, *shapes.NAMES]:
                connection.execute(f"COPY {table} TO '{folder}/{table}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        self.views = record.views(folder) + record.external(folder, shapes.NAMES)

    def connection(self):
        if not hasattr(self.own, "connection"):
            self.own.connection = duckdb.connect()
            self.own.connection.execute("SET TimeZone = 'UTC'; SET threads = 1; SET order_by_non_integer_literal = true; " + tables.MACROS)
            for table in [*tables.COLUMNS, *shapes.NAMES]:
                self.own.connection.execute(f"CREATE VIEW {table} AS FROM '{self.folder}/{table}.parquet'")
            for view, (_, sql, columns) in tables.VIEWS.items():
                self.own.connection.execute(f"CREATE VIEW {view} AS SELECT {', '.join(columns)} FROM ({sql})")
        return self.own.connection

    def of_duckdb(self, sql):
        try:
            return self.connection().execute(sql).fetchall(), None
        except duckdb.Error as error:
            return None, str(error)

    def of_portrait(self, sql, seed, partitions, batch):
        """The rows, an error, and the types."""
        out = os.path.join(self.folder, f"{seed}.{partitions}.{batch}.parquet")
        script = f"SET datafusion.execution.batch_size = {batch}; {self.views} {sql}"
        command = [self.program, "--partitions", str(partitions), "-f", "parquet", "-o", out, "-c", script]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=600)
        except subprocess.TimeoutExpired:
            return None, "takes over ten minutes", []
        if run.returncode != 0:
            return None, run.stderr.strip(), []
        answer = self.connection().execute(f"FROM '{out}'")
        rows, types = answer.fetchall(), [str(column[1]) for column in answer.description]
        os.remove(out)
        return rows, None, types

    def compare(self, seed, everywhere):
        sql, ordered = self.query(seed)
        expected, refused = self.of_duckdb(sql)
        settings = [(partitions, batch) for partitions in PARTITIONS for batch in BATCHES]
        for partitions, batch in settings if everywhere else [settings[seed % len(settings)]]:
            if " OVER (" in sql and " JOIN " in sql:
                # A window's batches hold on to the texts of all before them: of many rows, three a batch take minutes and gigabytes.
                batch = max(batch, 64)
            got, error, _ = self.of_portrait(sql, seed, partitions, batch)
            if refused is not None and error is not None:
                return None, "refused"
            if refused is None and error is None and same(expected, got, ordered):
                continue
            where = f"{partitions} partitions, batches of {batch}{', ordered' if ordered else ''}"
            found = (sql, where, refused or rows_of(expected, ordered, 9), error or rows_of(got, ordered, 9))
            return found, explained(sql, *found[2:])
        return None, None


def shown(answer, other):
    if isinstance(answer, str):
        return f"error: {answer[:600]}"
    if isinstance(other, str):
        return f"{len(answer)} rows, {answer[:3]}"
    own = list((collections.Counter(map(repr, answer)) - collections.Counter(map(repr, other))).elements())
    return f"{len(answer)} rows, of its own {len(own)}: {own[:3]}" if own else f"{len(answer)} rows in the order {answer[:4]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/portrait")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--shapes", action="store_true", help="queries of `shapes.py`")
    parser.add_argument("--record", type=int, metavar="N", help="write answers of N queries as a test")
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + arguments.queries)
    different, reasons = 0, collections.Counter()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(arguments.workers) as pool:
        both = Both(os.path.abspath(arguments.program), folder, shapes.query if arguments.shapes else queries.query)
        if arguments.record:
            return record.write(both, seeds, arguments.record)
        for seed, (found, reason) in zip(seeds, pool.map(lambda seed: both.compare(seed, seed % 10 == 0), seeds)):
            if reason:
                reasons[reason] += 1
            elif found:
                different += 1
                sql, where, expected, got = found
                print(f"seed {seed}, {where}\n{sql}\nDuckDB:   {shown(expected, got)}\nPortrait: {shown(got, expected)}\n", flush=True)
    refused = reasons.pop("refused", 0)
    for reason, times in reasons.most_common():
        print(f"{times} × {reason}")
    print(f"{arguments.queries} queries: {arguments.queries - refused - reasons.total() - different} the same, {refused} refused by both, "
          f"{reasons.total()} explained, {different} different")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
