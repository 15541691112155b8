"""Every column of one Parquet file at a glance: portrait's data_profile and DuckDB's SUMMARIZE, each a whole process, in turn.

    pip install duckdb
    portrait run benches/peers/wide.sql
    python benches/peers/quality.py wide.parquet [--runs 5] [--portrait target/release/portrait]

data_profile says more: forms, looks, frequent values, correlations, alerts. Compared are the rows with NULL, which must be equal, the least and greatest numbers, the means, and how far
the different values and the medians are from those of DuckDB, both estimates. Printed are the medians of CPU seconds, wall seconds and peak memory, and
the ratio of CPU to portrait's.
"""

import argparse
import csv
import io
import sys

from process import medians, run

DUCKDB = """import duckdb, sys, csv
duckdb.sql('SET enable_progress_bar = false')
found = duckdb.sql("SELECT column_name, count - CAST(round(null_percentage * count / 100) AS BIGINT) AS filled, approx_unique, avg, q50 FROM (SUMMARIZE FROM '%s')" % sys.argv[1])
out = csv.writer(sys.stdout)
out.writerow(found.columns)
out.writerows(found.fetchall())"""


def rows(answer):
    return {row["column_name"]: row for row in csv.DictReader(io.StringIO(answer))}


def number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def off(one, other):
    one, other = number(one), number(other)
    return None if one is None or other is None else abs(one - other) / max(abs(other), 1e-9)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("file")
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    profile = f"SELECT column_name, rows - missing AS filled, distinct_values, mean, median, alerts FROM data_profile('{given.file}')"
    commands = {
        "portrait": [given.portrait, "-f", "csv", "-c", profile],
        "duckdb": [sys.executable, "-c", DUCKDB, given.file],
    }
    answers = {name: rows(run(command)[0]) for name, command in commands.items()}  # warm-up
    print("| column | different values off | mean off | median off | alerts |\n|---|---:|---:|---:|---|")
    for name, own in answers["portrait"].items():
        other = answers["duckdb"][name]
        share = [off(own[one], other[two]) for one, two in [("distinct_values", "approx_unique"), ("mean", "avg"), ("median", "q50")]]
        shown = ["" if value is None else f"{100 * value:.2f} %" for value in share]
        print(f"| {name} | {' | '.join(shown)} | {own['alerts']} |")
        # DuckDB gives the share of NULLs in hundredths of a percent.
        if off(own["filled"], other["filled"]) > 1e-4:
            print(f"ANOTHER NUMBER OF VALUES: {own['filled']} and {other['filled']}")
    measured = medians(commands, given.runs)
    print("\n| tool | CPU s | wall s | peak MB | CPU, portrait = 1 |\n|---|---:|---:|---:|---:|")
    base = measured["portrait"][0]
    for name, (cpu, wall, memory) in measured.items():
        print(f"| {name} | {cpu:.2f} | {wall:.2f} | {memory:.0f} | {cpu / base:.2f} |")


if __name__ == "__main__":
    main()
