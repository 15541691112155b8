"""A million rows over Arrow Flight SQL, and over libpq from PostgreSQL, in turn and in one run.

    pip install adbc_driver_flightsql pyarrow psycopg[binary]
    python benches/peers/flight.py [--rows 1000000] [--runs 5] [--portrait target/release/portrait]

Eight columns: integers, text, a decimal, floats, booleans, dates, times, NULLs. PostgreSQL's time is that of libpq alone: the rows as they come in binary, not as values
of Python; likewise the rows of Flight are Arrow, as its clients use them. Counts and sums are compared. Printed are the medians of wall seconds and their ratio.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "clients"))

import run as clients  # noqa: E402
from million import made  # noqa: E402

QUERY = "SELECT * FROM million"


def over_flight(port):
    import adbc_driver_flightsql.dbapi as flight
    import pyarrow.compute

    with flight.connect(f"grpc://127.0.0.1:{port}", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchall()
        began = time.perf_counter()
        cursor.execute(QUERY)
        table = cursor.fetch_arrow_table()
        took = time.perf_counter() - began
        return took, table.num_rows, pyarrow.compute.sum(table["id"]).as_py()


def over_libpq(url):
    import psycopg
    from psycopg import pq

    connection = pq.PGconn.connect(url.encode())
    assert connection.status == pq.ConnStatus.OK, psycopg.pq.error_message(connection)
    began = time.perf_counter()
    # All at once, in binary: what libpq itself takes.
    result = connection.exec_params(QUERY.encode(), None, result_format=1)
    took = time.perf_counter() - began
    rows = result.ntuples
    total = sum(int.from_bytes(result.get_value(row, 0), "big") for row in range(rows))
    connection.finish()
    return took, rows, total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portrait", default="target/release/portrait")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()

    clients.TABLES[:] = []
    folder = tempfile.mkdtemp(prefix="flight-")
    table = made(asked.rows)
    subprocess.run([asked.portrait, "-d", folder, "-c", table], check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen([asked.portrait, "-d", folder, "serve", "--flight", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    port = int(server.stdout.readline().strip().rsplit(":", 1)[1])
    other = clients.PostgreSQL()
    url = f"postgresql://ada@127.0.0.1:{other.port}/portrait"
    try:
        subprocess.run(["psql", "-q", "-X", url, "-c", table, "-c", "VACUUM ANALYZE million"], check=True)
        times = {"flight": [], "libpq": []}
        for _ in range(asked.runs):
            answers = {"flight": over_flight(port), "libpq": over_libpq(url)}
            assert answers["flight"][1:] == answers["libpq"][1:], answers
            for name, (took, *_) in answers.items():
                times[name].append(took)
        medians = {name: statistics.median(found) for name, found in times.items()}
        for name, median in medians.items():
            print(f"{name:8} {median:8.3f} s   {asked.rows / median:12,.0f} rows a second")
        print(f"flight / libpq {medians['flight'] / medians['libpq']:.2f}")
    finally:
        server.terminate()
        server.wait()
        other.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
