"""Reading text files: rows counted, and a sum by two columns, by portrait, DuckDB and Polars, each a whole process, in turn.

    pip install duckdb polars
    portrait run benches/peers/files.sql
    python benches/peers/files.py orders.csv orders.ndjson [--runs 5] [--portrait target/release/portrait]

The answers are compared. What a process of Python takes to import the tool and do nothing is shown beside it, and taken off.
"""

import argparse
import csv
import json
import sys

from process import medians, run

GROUPED = "SELECT channel, status, count(*), sum(amount) FROM '{file}' GROUP BY channel, status"
COUNTED = "SELECT count(*) FROM '{file}'"
DUCKDB = "import duckdb, json, sys; duckdb.sql('SET threads = 2; SET enable_progress_bar = false'); print(json.dumps(duckdb.sql(sys.argv[1]).fetchall(), default=float))"
POLARS = """
import json, os, sys
os.environ["POLARS_MAX_THREADS"] = "2"
import polars as pl
file, work = sys.argv[1:]
frame = pl.scan_csv(file) if file.endswith("csv") else pl.scan_ndjson(file)
frame = frame.select(pl.len()) if work == "counted" else frame.group_by("channel", "status").agg(pl.len(), pl.col("amount").sum())
print(json.dumps(frame.collect(engine="streaming").rows()))
"""
NOTHING = {"duckdb": "import duckdb; duckdb.sql('SELECT 1').fetchall()", "polars": "import polars"}


def answer(output):
    """The rows in one order, with sums to the cent."""
    rows = json.loads(output) if output.startswith("[") else list(csv.reader(output.splitlines()))[1:]
    plain = [[None if value in ("", None) else str(value) for value in row] for row in rows]
    for row in plain:
        if len(row) == 4:
            row[3] = f"{float(row[3]):.2f}"
    return sorted(plain, key=str)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("files", nargs="+")
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    nothing = medians({tool: [sys.executable, "-c", code] for tool, code in NOTHING.items()}, given.runs)
    print("| file | work | tool | CPU s | wall s | peak MB | CPU without the start, portrait = 1 |\n|---|---|---|---:|---:|---:|---:|")
    for file in given.files:
        for work, sql in (("counted", COUNTED), ("grouped", GROUPED)):
            sql = sql.format(file=file)
            commands = {
                "portrait": [given.portrait, "--partitions", "2", "-f", "csv", "-c", sql],
                "duckdb": [sys.executable, "-c", DUCKDB, sql],
                "polars": [sys.executable, "-c", POLARS, file, work],
            }
            answers = {tool: answer(run(command)[0]) for tool, command in commands.items()}
            if any(rows != answers["portrait"] for rows in answers.values()):
                sys.exit(f"{file}, {work}: the answers differ: {answers}")
            took = medians(commands, given.runs)
            own = took["portrait"][0]
            for tool, (cpu, wall, peak) in took.items():
                rest = cpu - (nothing[tool][0] if tool in nothing else 0)
                print(f"| {file} | {work} | {tool} | {cpu:.2f} | {wall:.2f} | {peak:.0f} | {rest / own:.2f} |", flush=True)


main()
