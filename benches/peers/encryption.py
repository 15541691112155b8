"""What encryption at rest costs: the same work on an encrypted database and on one that is not, answers compared.

    python benches/peers/encryption.py --program target/release/portrait --rows 20000000 --runs 5
"""

import argparse
import os
import subprocess
import sys
import tempfile

from process import medians, run

MADE = [
    "CREATE TABLE orders AS SELECT * FROM sample_orders(rows => {rows})",
    "CREATE TABLE customers AS SELECT * FROM sample_customers(rows => {customers})",
]
QUERIES = {
    "count": "SELECT count(*), sum(amount) FROM orders",
    "filter": "SELECT count(*), max(amount) FROM orders WHERE status = 'paid' AND amount > 100",
    "rfm": "SELECT segment, count(*), sum(monetary) FROM rfm((SELECT * FROM orders WHERE status = 'paid'), customer => customer_id, "
    "order_time => ordered_at, amount => amount, as_of => DATE '2026-01-01') GROUP BY segment ORDER BY segment",
    "point": "SELECT * FROM orders WHERE order_id = 4711",
    "write": "CREATE OR REPLACE TABLE copied AS SELECT * FROM orders",
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--program", default="target/release/portrait")
    arguments.add_argument("--rows", type=int, default=20_000_000)
    arguments.add_argument("--runs", type=int, default=5)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keys = os.path.join(folder, "keys")
        subprocess.run([given.program, "generate-key", "--key-file", keys], check=True, stdout=subprocess.DEVNULL)
        databases = {}
        for name, extra in [("plain", []), ("encrypted", ["--encrypt", "--key-file", keys])]:
            place = os.path.join(folder, name)
            subprocess.run([given.program, "init", place, *extra], check=True, stdout=subprocess.DEVNULL)
            databases[name] = [given.program, "-d", place, "-f", "csv", *extra[1:]]
        script = ";".join(MADE).format(rows=given.rows, customers=max(given.rows // 20, 1))
        for command in databases.values():
            subprocess.run([*command, "-c", script], check=True, stdout=subprocess.DEVNULL)
        print("| work | plain CPU s | encrypted CPU s | encrypted, plain = 1 |\n|---|---:|---:|---:|")
        for work, sql in QUERIES.items():
            commands = {name: [*command, "-c", sql] for name, command in databases.items()}
            answers = {run(command)[0] for command in commands.values()}
            if len(answers) != 1:
                sys.exit(f"{work}: the answers differ")
            measured = medians(commands, given.runs)
            plain, encrypted = measured["plain"][0], measured["encrypted"][0]
            print(f"| {work} | {plain:.3f} | {encrypted:.3f} | {encrypted / plain:.2f} |")


main()
