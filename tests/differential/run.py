"""Random queries, answered by Portrait and by DuckDB.

    pip install -r tests/differential/requirements.txt
    python tests/differential/run.py --program target/release/portrait --queries 5000

Each query runs at 1, 2 or 7 partitions and batches of 3 or 8192 rows. Rows are compared as a multiset: decimals and integers exactly, floats to
nine digits. A difference, or an error of one side alone, is printed with its query and seed; `explained.py` lists those with a known reason.
"""

import argparse
import concurrent.futures
import datetime
import decimal
import math
import os
import subprocess
import sys
import tempfile

import duckdb

import queries
from explained import explained

PARTITIONS, BATCHES = (1, 2, 7), (3, 8192)


def normal(value):
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return 0.0 if value == 0 else float(f"{value:.9g}")
    if isinstance(value, decimal.Decimal):
        return value.normalize() + 0 if value else decimal.Decimal(0)
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return decimal.Decimal(value).normalize() + 0
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return value


def multiset(rows):
    return sorted((tuple(normal(value) for value in row) for row in rows), key=repr)


class Both:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        with duckdb.connect() as own:
            own.execute(queries.TABLES)
            for table in queries.COLUMNS:
                own.execute(f"COPY {table} TO '{folder}/{table}.parquet' (FORMAT parquet)")
        self.views = "".join(f"CREATE EXTERNAL TABLE {table} STORED AS PARQUET LOCATION '{folder}/{table}.parquet'; " for table in queries.COLUMNS)

    def of_duckdb(self, sql):
        connection = duckdb.connect()
        try:
            for table in queries.COLUMNS:
                connection.execute(f"CREATE VIEW {table} AS FROM '{self.folder}/{table}.parquet'")
            return multiset(connection.execute(sql).fetchall()), None
        except duckdb.Error as error:
            return None, str(error)
        finally:
            connection.close()

    def of_portrait(self, sql, seed, partitions, batch):
        out = os.path.join(self.folder, f"{seed}.{partitions}.{batch}.parquet")
        script = f"SET datafusion.execution.batch_size = {batch}; {self.views} {sql}"
        command = [self.program, "--partitions", str(partitions), "-f", "parquet", "-o", out, "-c", script]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            return None, "takes over two minutes"
        if run.returncode != 0:
            return None, run.stderr.strip()
        with duckdb.connect() as reader:
            rows = reader.execute(f"FROM '{out}'").fetchall()
        os.remove(out)
        return multiset(rows), None

    def compare(self, seed, everywhere):
        sql = queries.query(seed)
        expected, refused = self.of_duckdb(sql)
        settings = [(partitions, batch) for partitions in PARTITIONS for batch in BATCHES]
        for partitions, batch in settings if everywhere else [settings[seed % len(settings)]]:
            got, error = self.of_portrait(sql, seed, partitions, batch)
            if got == expected and (error is None) == (refused is None):
                continue
            where = f"{partitions} partitions, batches of {batch}"
            return seed, sql, where, expected if refused is None else f"error: {refused}", got if error is None else f"error: {error}"
        return None


def shown(answer):
    if isinstance(answer, str):
        return answer[:400]
    return f"{len(answer)} rows, {answer[:6]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/portrait")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + arguments.queries)
    different, reasons = 0, {}
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(arguments.workers) as pool:
        both = Both(os.path.abspath(arguments.program), folder)
        for found in pool.map(lambda seed: both.compare(seed, seed % 10 == 0), seeds):
            if found is None:
                continue
            seed, sql, where, expected, got = found
            reason = explained(sql, expected, got)
            if reason:
                reasons[reason] = reasons.get(reason, 0) + 1
                continue
            different += 1
            print(f"seed {seed}, {where}\n{sql}\nDuckDB:   {shown(expected)}\nPortrait: {shown(got)}\n", flush=True)
    for reason, times in sorted(reasons.items()):
        print(f"{times} × {reason}")
    print(f"{arguments.queries} queries, {sum(reasons.values())} explained, {different} different")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
