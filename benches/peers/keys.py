"""GROUP BY in plain SQL under several kinds of keys: portrait, the same with DataFusion's own aggregation, and DuckDB, each a whole process, in turn.

    pip install duckdb
    portrait run benches/peers/orders.sql benches/peers/keys.sql
    python benches/peers/keys.py [--runs 5] [--portrait target/release/portrait]

The work: number, sum and last time of each customer's orders, and of those the totals. All answers are compared.
"""

import argparse
import sys

from process import medians, run

FILES = ["orders", "text", "sparse", "many", "one", "zipf"]
DUCKDB = "import duckdb, sys; duckdb.sql('SET enable_progress_bar = false'); print('customers,orders,total,last'); [print(*row, sep=',') for row in duckdb.sql(sys.argv[1]).fetchall()]"


def query(file):
    return f"""SELECT count(*) AS customers, sum(n) AS orders, sum(total) AS total, max(last) AS last FROM
      (SELECT customer_id, count(*) AS n, sum(amount) AS total, max(ordered_at) AS last FROM '{file}.parquet' GROUP BY customer_id)"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    print("| keys | tool | CPU s | wall s | peak MB | CPU, duckdb = 1 |\n|---|---|---:|---:|---:|---:|")
    for file in FILES:
        portrait = [given.portrait, "-f", "csv", "-c"]
        commands = {
            "portrait": [*portrait, query(file)],
            "portrait, off": [*portrait, "SET portrait.grouped_aggregation = off; " + query(file)],
            "duckdb": [sys.executable, "-c", DUCKDB, query(file)],
        }
        answers = {name: run(command)[0] for name, command in commands.items()}  # warm-up
        for name, answer in answers.items():
            if answer.split() != answers["duckdb"].split():
                print(f"{file}, {name}: ANOTHER ANSWER:\n{answer}\n{answers['duckdb']}")
        measured = medians(commands, given.runs)
        for name, (cpu, wall, memory) in measured.items():
            print(f"| {file} | {name} | {cpu:.2f} | {wall:.2f} | {memory:.0f} | {cpu / measured['duckdb'][0]:.2f} |")


if __name__ == "__main__":
    main()
