"""The PostgreSQL wire: portrait and PostgreSQL as servers of the same rows on one machine.

    pip install psycopg[binary] asyncpg
    python benches/peers/wire.py [--rows 1000000] [--runs 3] [--clients 64] [--lookups 100] [--idle 1000] [--portrait target/release/portrait]

Printed are: the server's own CPU seconds for all rows of eight columns (integers, text, a decimal, floats, booleans, dates, times, NULLs), in text and in binary, as libpq
receives them; how long customers that are looked up by key take when all clients ask at once without pause (prepared statements; portrait answers from `profile.customer`,
PostgreSQL from a table with a primary key); and the memory of an idle connection. The clients run on the same cores, so that their time is in the latencies.
"""

import argparse
import asyncio
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "clients"))

import run as clients  # noqa: E402
from million import made  # noqa: E402

PROFILE = [
    "CREATE PROFILE customer WITH (key = 'id') AS SELECT id FROM million",
    "CREATE TAG named ON customer AS SELECT id, name FROM million",
    "CREATE TAG price_band ON customer AS SELECT id, CASE WHEN price > 20000 THEN 'high' WHEN price > 10000 THEN 'middle' ELSE 'low' END FROM million",
    "CREATE TAG vip ON customer AS SELECT id, vip FROM million",
    "REFRESH PROFILE customer",
]
TABLE = [
    "CREATE TABLE customer AS SELECT id, name AS named, CASE WHEN price > 20000 THEN 'high' WHEN price > 10000 THEN 'middle' ELSE 'low' END AS price_band, vip FROM million",
    "ALTER TABLE customer ADD PRIMARY KEY (id)",
    "VACUUM ANALYZE",
]


def cpu(process):
    """The CPU seconds that a process has taken so far."""
    with open(f"/proc/{process}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(process):
    """The private memory of a process, in KB: what another process does not share."""
    with open(f"/proc/{process}/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))


def children(process):
    with open(f"/proc/{process}/task/{process}/children") as found:
        return [int(child) for child in found.read().split()]


def all_rows(url, binary, server):
    """CPU seconds of the server, and what came."""
    from psycopg import pq

    connection = pq.PGconn.connect(url.encode())
    assert connection.status == pq.ConnStatus.OK, connection.error_message
    process = server or connection.backend_pid
    before = cpu(process)
    result = connection.exec_params(b"SELECT * FROM million", None, result_format=int(binary))
    took = cpu(process) - before
    rows = result.ntuples, result.nfields
    connection.finish()
    return took, rows


async def ask(url, table, rows, lookups, seed, times):
    import asyncpg

    draw = random.Random(seed)
    connection = await asyncpg.connect(url)
    statement = await connection.prepare(f"SELECT id, named, price_band, vip FROM {table} WHERE id = $1")
    for _ in range(lookups):
        key = draw.randint(1, rows)
        began = time.perf_counter()
        row = await statement.fetchrow(key)
        times.append(time.perf_counter() - began)
        assert row["id"] == key and row["named"] == f"customer {key}", row
    await connection.close()


async def ask_all(url, table, asked):
    times = []
    await asyncio.gather(*(ask(url, table, asked.rows, asked.lookups, seed, times) for seed in range(asked.clients)))
    return sorted(times)


async def idle(url, count, measure):
    import asyncpg

    first = await asyncpg.connect(url)
    before = measure()
    connections = [first] + [await asyncpg.connect(url) for _ in range(count)]
    await asyncio.sleep(1)
    each = (measure() - before) / count
    for connection in connections:
        await connection.close()
    return each


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portrait", default="target/release/portrait")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--lookups", type=int, default=100)
    parser.add_argument("--idle", type=int, default=1000)
    asked = parser.parse_args()

    clients.TABLES[:] = []
    table = made(asked.rows)
    folder = tempfile.mkdtemp(prefix="wire-")
    subprocess.run([asked.portrait, "-d", folder, "-c", "; ".join([table, *PROFILE])], check=True, stdout=subprocess.DEVNULL)
    doors = ["--listen", "127.0.0.1:0", "--max-connections", str(asked.idle + 100)]
    server = subprocess.Popen([asked.portrait, "-d", folder, "serve", *doors], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    port = int(server.stdout.readline().split("127.0.0.1:")[1].split("/")[0])
    other = clients.PostgreSQL()
    try:
        urls = {"portrait": f"postgresql://ada@127.0.0.1:{port}/portrait", "postgresql": f"postgresql://ada@127.0.0.1:{other.port}/portrait"}
        for statement in [table, *TABLE]:
            subprocess.run(["psql", "-q", "-X", urls["postgresql"], "-c", statement], check=True)
        with open(f"{other.folder}/data/postmaster.pid") as file:
            postmaster = int(file.readline())

        print("| work | portrait | PostgreSQL | portrait : PostgreSQL |\n|---|---:|---:|---:|")
        for form in ("text", "binary"):
            times = {name: [] for name in urls}
            for _ in range(asked.runs):
                found = {name: all_rows(url, form == "binary", server.pid if name == "portrait" else None) for name, url in urls.items()}
                assert found["portrait"][1] == found["postgresql"][1], found
                for name, (took, _) in found.items():
                    times[name].append(took)
            ours, theirs = (statistics.median(times[name]) for name in urls)
            print(f"| {asked.rows:,} rows × 8 columns in {form}, CPU s of the server | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} |")

        asyncio.run(ask_all(urls["portrait"], "profile.customer", argparse.Namespace(**{**vars(asked), "lookups": 5})))
        found = {name: asyncio.run(ask_all(url, "profile.customer" if name == "portrait" else "customer", asked)) for name, url in urls.items()}
        for name, share in (("median", 0.5), ("99th percentile", 0.99)):
            ours, theirs = (1000 * times[int(share * len(times))] for times in found.values())
            print(f"| {asked.clients} clients that look customers up by key, {name}, ms | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |")

        ours = asyncio.run(idle(urls["portrait"], asked.idle, lambda: memory(server.pid)))
        theirs = asyncio.run(idle(urls["postgresql"], min(asked.idle, 50), lambda: sum(map(memory, children(postmaster)))))
        print(f"| memory of an idle connection, KB | {ours:.0f} | {theirs:.0f} | {ours / theirs:.2f} |")
    finally:
        server.terminate()
        server.wait()
        other.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
