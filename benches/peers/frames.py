"""A million rows as a DataFrame of pandas, of Portrait's Python package and of DuckDB, in turn.

    pip install . duckdb pandas pyarrow
    python benches/peers/frames.py [--rows 1000000] [--runs 7]

Each tool has the rows in a table of its own, and one query gives all of them. The CPU time is that of Python and, for Portrait, of the program
that it has started; the wall time is that of the caller. The frames are compared.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

import duckdb
import portraitdb

QUERY = "SELECT * FROM orders"
# Keys, a number, a decimal, a time, and texts with few and with many values.
MAKE = """CREATE TABLE orders AS SELECT order_id, customer_id, ordered_at, status, channel, discount, amount, 'order ' || order_id AS note
  FROM sample_orders(rows => {rows})"""


def ticks(pid: int) -> float:
    """The CPU seconds of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    asked = parser.parse_args()
    with portraitdb.connect() as ours:
        ours.sql(MAKE.format(rows=asked.rows))
        orders = ours.sql(QUERY).to_arrow()
        theirs = duckdb.connect()
        theirs.execute("CREATE TABLE orders AS SELECT * FROM orders")
        own, server = os.getpid(), ours._server.process.pid
        tools = {
            "portrait": (lambda: ours.sql(QUERY).to_pandas(), (own, server)),
            "DuckDB": (lambda: theirs.execute(QUERY).df(), (own,)),
        }
        found: dict[str, list[tuple[float, float]]] = {tool: [] for tool in tools}
        frames = {}
        for _ in range(asked.runs + 1):
            for tool, (work, processes) in tools.items():
                frames.pop(tool, None)
                cpu, wall = sum(map(ticks, processes)), time.perf_counter()
                frames[tool] = work()
                found[tool].append((time.perf_counter() - wall, sum(map(ticks, processes)) - cpu))
        keys = [frame.sort_values("order_id").reset_index(drop=True) for frame in frames.values()]
        assert len(keys[0]) == asked.rows and list(keys[0].columns) == list(keys[1].columns)
        for column in keys[0].columns:
            one, other = (frame[column] for frame in keys)
            if column in ("customer_id", "discount", "amount"):
                # Decimals become floats on different ways, which the last digit may show.
                one, other = one.astype(float).round(6), other.astype(float).round(6)
            same = one.eq(other) | (one.isna() & other.isna())
            assert same.all(), column
    medians = {}
    for tool, runs in found.items():
        # The first one warms up.
        medians[tool] = [statistics.median(run[place] for run in runs[1:]) for place in (0, 1)]
        print(f"{tool}: {medians[tool][0]:.3f} s wall, {medians[tool][1]:.3f} s CPU")
    ratios = [medians["portrait"][place] / medians["DuckDB"][place] for place in (0, 1)]
    print(f"portrait : DuckDB: {ratios[0]:.2f} wall, {ratios[1]:.2f} CPU")


if __name__ == "__main__":
    main()
