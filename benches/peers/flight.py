"""A million rows over Arrow Flight SQL, and over libpq from PostgreSQL, in turn and in one run.

    pip install adbc_driver_flightsql pyarrow psycopg[binary]
    python benches/peers/flight.py [--rows 1000000] [--runs 5] [--portrait target/release/portrait]

Eight columns: integers, text, a decimal, floats, booleans, dates, times, NULLs. PostgreSQL's time is that of libpq alone: the rows as they come, in text (its default, which
psql and most drivers ask for) and in binary, not as values of Python. Likewise the rows of Flight are Arrow, as its clients use them: Arrow's own client in C++, and the ADBC
driver in Go, which takes twice the CPU time for the same messages. Counts and sums are compared. Printed are the medians of wall seconds, and of CPU seconds of server and
client together, which other work on the machine does not change much; and the ratios to libpq in text.
"""

import argparse
import contextlib
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
from wire import cpu  # noqa: E402

QUERY = "SELECT * FROM million"
# The process of the server of Flight.
SERVER = [0]


def over_adbc(port):
    import adbc_driver_flightsql.dbapi as flight

    with flight.connect(f"grpc://127.0.0.1:{port}", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchall()
        with measured() as took:
            cursor.execute(QUERY)
            table = cursor.fetch_arrow_table()
        return took, table.num_rows, sum_of(table["id"])


def over_arrow(port):
    import pyarrow.flight as flight

    command = any_of("arrow.flight.protocol.sql.CommandStatementQuery", field(1, QUERY.encode()))
    with flight.connect(f"grpc://127.0.0.1:{port}") as client, measured() as took:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(command))
        table = client.do_get(info.endpoints[0].ticket).read_all()
    return took, table.num_rows, sum_of(table["id"])


def sum_of(column):
    import pyarrow.compute

    return pyarrow.compute.sum(column).as_py()


def field(number, value):
    """A field of a message in protobuf: pyarrow knows Flight, but not the commands of Flight SQL."""
    length, size = b"", len(value)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + value


def any_of(name, message):
    return field(1, f"type.googleapis.com/{name}".encode()) + field(2, message)


def over_libpq(url, binary):
    import psycopg
    from psycopg import pq

    connection = pq.PGconn.connect(url.encode())
    assert connection.status == pq.ConnStatus.OK, psycopg.pq.error_message(connection)
    with measured(connection.backend_pid) as took:
        # All at once: what libpq itself takes.
        result = connection.exec_params(QUERY.encode(), None, result_format=int(binary))
    rows = result.ntuples
    number = (lambda value: int.from_bytes(value, "big")) if binary else int
    total = sum(number(result.get_value(row, 0)) for row in range(rows))
    connection.finish()
    return took, rows, total


@contextlib.contextmanager
def measured(server=None):
    """Wall seconds, and CPU seconds of this process and of the server."""
    took = {}
    server = server or SERVER[0]
    began, own, other = time.perf_counter(), time.process_time(), cpu(server)
    yield took
    took["wall"] = time.perf_counter() - began
    took["cpu"] = time.process_time() - own + cpu(server) - other


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
        SERVER[0] = server.pid
        ways = {
            "pyarrow.flight": lambda: over_arrow(port),
            "ADBC": lambda: over_adbc(port),
            "libpq in text": lambda: over_libpq(url, False),
            "libpq in binary": lambda: over_libpq(url, True),
        }
        times = {name: [] for name in ways}
        for _ in range(asked.runs):
            answers = {name: way() for name, way in ways.items()}
            assert len({answer[1:] for answer in answers.values()}) == 1, answers
            for name, (took, *_) in answers.items():
                times[name].append(took)
        median = lambda name, what: statistics.median(took[what] for took in times[name])  # noqa: E731
        print("| client | wall s | of libpq in text | CPU s of server and client | of libpq in text |\n|---|---:|---:|---:|---:|")
        for name in ways:
            cells = [f"{median(name, what):.2f} | {median(name, what) / median('libpq in text', what):.2f}" for what in ("wall", "cpu")]
            print(f"| {name} | {' | '.join(cells)} |")
    finally:
        server.terminate()
        server.wait()
        other.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
