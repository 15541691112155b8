"""Twenty tags with aggregates over one source, in one refresh of 1,000,000 customers: portrait, and DuckDB with one query of 20 aggregates and CASE.

    pip install duckdb
    portrait run benches/peers/orders.sql benches/peers/customers.sql
    python benches/peers/twenty.py --runs 3 [--folder folder of the two files] [--portrait target/release/portrait]

DuckDB joins the aggregates of the orders to the customers and writes the values to a Parquet file. Portrait defines the profile and its tags in a new database and
refreshes it, with history, checksums, fsync and commit. Then the values are compared: the number of customers of each value of each tag.
"""

import argparse
import os
import shutil
import sys
import tempfile

from process import medians, run


def bands(measure, cuts):
    return "CASE " + " ".join(f"WHEN {measure} >= {cut} THEN 'from {cut}'" for cut in reversed(cuts)) + " ELSE 'less' END"


TAGS = {
    "spending": bands("sum(amount)", [1000, 5000, 20000]),
    "order_value": bands("avg(amount)", [100, 200, 500]),
    "largest": bands("max(amount)", [500, 1000, 5000]),
    "smallest": bands("min(amount)", [10, 50, 100]),
    "frequency": bands("count(*)", [5, 15, 25]),
    "paid": bands("count(*) FILTER (WHERE status = 'paid')", [5, 15, 25]),
    "refunds": bands("count(*) FILTER (WHERE status = 'refunded')", [1, 2, 4]),
    "paid_value": bands("sum(amount) FILTER (WHERE status = 'paid')", [1000, 5000, 20000]),
    "refunded_value": bands("sum(amount) FILTER (WHERE status = 'refunded')", [100, 500, 2000]),
    "in_app": bands("count(*) FILTER (WHERE channel = 'app')", [2, 5, 10]),
    "on_web": bands("count(*) FILTER (WHERE channel = 'web')", [2, 5, 10]),
    "in_store": bands("count(*) FILTER (WHERE channel = 'store')", [1, 2, 5]),
    "app_value": bands("sum(amount) FILTER (WHERE channel = 'app')", [500, 2000, 5000]),
    "dear_orders": bands("count(*) FILTER (WHERE amount >= 500)", [1, 3, 5]),
    "cheap_orders": bands("count(*) FILTER (WHERE amount < 50)", [1, 3, 5]),
    "app_order": bands("avg(amount) FILTER (WHERE channel = 'app')", [100, 200, 500]),
    "recent": "CASE WHEN max(ordered_at) >= TIMESTAMP '2025-11-01 00:00:00' THEN 'active' WHEN max(ordered_at) >= TIMESTAMP '2025-07-01 00:00:00' THEN 'cooling' ELSE 'lost' END",
    "first_year": "CASE WHEN min(ordered_at) >= TIMESTAMP '2025-01-01 00:00:00' THEN 'new' WHEN min(ordered_at) >= TIMESTAMP '2024-01-01 00:00:00' THEN 'second' ELSE 'old' END",
    "last_paid": "CASE WHEN max(ordered_at) FILTER (WHERE status = 'paid') >= TIMESTAMP '2025-10-01 00:00:00' THEN 'yes' ELSE 'no' END",
    "first_in_app": "CASE WHEN min(ordered_at) FILTER (WHERE channel = 'app') < TIMESTAMP '2024-06-01 00:00:00' THEN 'early' ELSE 'late' END",
}
assert len(TAGS) == 20


def definitions(folder):
    tags = "".join(f"CREATE TAG {tag} ON customer AS SELECT customer_id, {case} FROM orders GROUP BY customer_id;\n" for tag, case in TAGS.items())
    return f"""CREATE VIEW orders AS SELECT * FROM '{folder}/orders.parquet';
CREATE PROFILE customer WITH (key = 'customer_id') AS SELECT customer_id FROM '{folder}/customers.parquet';
{tags}REFRESH PROFILE customer WITH (as_of = DATE '2026-01-01');
"""


def query(folder, output):
    tags = ", ".join(f"{case} AS {tag}" for tag, case in TAGS.items())
    return f"""COPY (SELECT * FROM (SELECT customer_id FROM '{folder}/customers.parquet') AS c LEFT JOIN
      (SELECT customer_id, {tags} FROM '{folder}/orders.parquet' GROUP BY customer_id) AS o USING (customer_id)) TO '{output}'"""


def counts(source):
    """One row for each value of each tag."""
    each = " UNION ALL ".join(f"SELECT '{tag}' AS tag, coalesce({tag}, '') AS value, count(*) AS customers FROM {source} GROUP BY 2" for tag in TAGS)
    return f"SELECT * FROM ({each}) AS counted ORDER BY tag, value"


DUCKDB = "import duckdb, sys; duckdb.sql('SET enable_progress_bar = false'); duckdb.sql(sys.argv[1])"
PRINT = "import duckdb, sys; [print(*row, sep=',') for row in duckdb.sql(sys.argv[1]).fetchall()]"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--folder", default=".")
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    folder = os.path.abspath(given.folder)
    work = tempfile.mkdtemp(prefix="twenty")
    try:
        script, database, output = os.path.join(work, "tags.sql"), os.path.join(work, "database"), os.path.join(work, "tags.parquet")
        with open(script, "w") as file:
            file.write(definitions(folder))
        # The shell only removes what the run before has left.
        commands = {
            "portrait": ["sh", "-c", f"rm -rf '{database}'; exec '{given.portrait}' -d '{database}' run '{script}'"],
            "duckdb": [sys.executable, "-c", DUCKDB, query(folder, output)],
        }
        for command in commands.values():
            run(command)  # warm-up
        own = run([given.portrait, "-d", database, "-f", "csv", "-c", counts("profile.customer")])[0].splitlines()[1:]
        others = run([sys.executable, "-c", PRINT, counts(f"'{output}'")])[0].splitlines()
        print("same answer" if own == others else f"ANOTHER ANSWER:\n{own}\n{others}")
        measured = medians(commands, given.runs)
        print("| tool | CPU s | wall s | peak MB | CPU, duckdb = 1 |\n|---|---:|---:|---:|---:|")
        for name, (cpu, wall, memory) in measured.items():
            print(f"| {name} | {cpu:.2f} | {wall:.2f} | {memory:.0f} | {cpu / measured['duckdb'][0]:.2f} |")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
