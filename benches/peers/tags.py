"""Twenty CASE tags over 1,000,000 customers, each value counted: portrait and DuckDB, each a whole process, in turn.

    pip install duckdb
    portrait run benches/peers/orders.sql benches/peers/customers.sql
    python benches/peers/tags.py customers.parquet [--runs 7] [--portrait target/release/portrait]

DuckDB is given the work in three forms: histogram of each CASE, a GROUP BY of each tag, and one list of (tag, value) pairs. All answers are compared.
The query part is the CPU of the process without that of the same process counting the rows of the file.
"""

import argparse
import collections
import json
import sys

from process import medians, run

BANDS = {
    "age_band": ("age", [18, 26, 36, 46, 56, 66]),
    "recency": ("recency_days", [30, 90, 180, 365]),
    "tenure": ("days_known", [90, 365, 730]),
    "first_purchase": ("first_days", [90, 365, 730]),
    "frequency": ("orders", [5, 15, 25, 40]),
    "lifetime_value": ("spending", [1000, 5000, 20000]),
    "order_value": ("order_value", [100, 200, 500]),
    "largest_order": ("largest", [200, 1000, 5000]),
    "refund_band": ("refunds", [1, 2, 4]),
    "app_band": ("app_share", [0.2, 0.5, 0.8]),
    "weekend_band": ("weekend_share", [0.2, 0.35, 0.5]),
}
TAGS = {tag: "CASE " + " ".join(f"WHEN {column} < {cut} THEN 'below {cut}'" for cut in cuts) + f" WHEN {column} >= {cuts[-1]} THEN '{cuts[-1]} and above' END"
        for tag, (column, cuts) in BANDS.items()} | {
    "lifecycle": "CASE WHEN first_days <= 90 THEN 'new' WHEN recency_days <= 60 THEN 'active' WHEN recency_days <= 180 THEN 'cooling' ELSE 'lost' END",
    "rfm_level": "CASE WHEN recency_days <= 60 AND orders >= 20 AND spending >= 5000 THEN 'champion' WHEN recency_days <= 60 AND orders >= 20 THEN 'loyal' "
                 "WHEN recency_days > 180 AND spending >= 5000 THEN 'at risk' WHEN recency_days > 180 THEN 'hibernating' ELSE 'regular' END",
    "churn_warning": "CASE WHEN recency_days > 90 AND orders >= 5 THEN 'warning' WHEN recency_days > 90 THEN 'watch' ELSE 'none' END",
    "size": "CASE WHEN spending >= 20000 THEN 'whale' WHEN spending >= 5000 THEN 'dolphin' ELSE 'minnow' END",
    "quality_first": "CASE WHEN order_value >= 400 AND refunds = 0 THEN 'yes' ELSE 'no' END",
    "metropolis": "CASE WHEN city_tier IN ('tier 1', 'new tier 1') THEN 'metropolis' WHEN city_tier = 'abroad' THEN 'abroad' ELSE 'other' END",
    "app_native": "CASE WHEN registered_in = 'app' AND app_share >= 0.5 THEN 'yes' WHEN registered_in = 'app' THEN 'partly' ELSE 'no' END",
    "business_value": "CASE WHEN customer_type = 'business' AND spending >= 5000 THEN 'key account' WHEN customer_type = 'business' THEN 'business' ELSE 'personal' END",
    "young_and_active": "CASE WHEN age BETWEEN 18 AND 35 AND recency_days <= 60 THEN 'yes' ELSE 'no' END",
}
assert len(TAGS) == 20


def histograms(file):
    return "SELECT " + ", ".join(f"histogram({case}) AS {tag}" for tag, case in TAGS.items()) + f" FROM '{file}'"


def groups(file):
    tags = ", ".join(f"{case} AS {tag}" for tag, case in TAGS.items())
    each = " UNION ALL ".join(f"SELECT '{tag}' AS tag, {tag} AS value, count(*) AS customers FROM tagged WHERE {tag} IS NOT NULL GROUP BY 2" for tag in TAGS)
    return f"WITH tagged AS (SELECT {tags} FROM '{file}') {each}"


def pairs(file):
    tags = ", ".join(f"{case} AS {tag}" for tag, case in TAGS.items())
    return f"SELECT tag, value, count(*) FROM (UNPIVOT (SELECT {tags} FROM '{file}') ON COLUMNS(*) INTO NAME tag VALUE value) GROUP BY ALL"


START = "import duckdb, json, sys; duckdb.sql('SET enable_progress_bar = false'); answer = duckdb.sql(sys.argv[1]); rows = answer.fetchall(); "
AS_MAPS = START + "print(json.dumps({name: dict(sorted(value.items())) for name, value in zip(answer.columns, rows[0])}))"
AS_ROWS = START + """
tags = {}
for tag, value, customers in sorted(rows):
    tags.setdefault(tag, {})[value] = customers
print(json.dumps(tags))"""


def counts(output):
    """The counts of each tag, whatever the order of the tags."""
    answer = json.loads(output)
    answer = answer[0] if isinstance(answer, list) else answer
    return {tag: collections.OrderedDict(sorted(values.items())) for tag, values in sorted(answer.items())}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("customers")
    arguments.add_argument("--runs", type=int, default=7)
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    file = given.customers
    rows = f"SELECT count(*) AS n FROM '{file}'"
    duckdb = lambda program, query: [sys.executable, "-c", program, query]
    portrait = lambda query: [given.portrait, "-f", "json", "-c", query]
    commands = {
        "portrait": portrait(histograms(file)),
        "duckdb, histogram": duckdb(AS_MAPS, histograms(file)),
        "duckdb, GROUP BY each": duckdb(AS_ROWS, groups(file)),
        "duckdb, UNPIVOT": duckdb(AS_ROWS, pairs(file)),
    }
    answers = {name: counts(run(command)[0]) for name, command in commands.items()}  # warm-up
    for name, answer in answers.items():
        print(f"{name}: {'same answer' if answer == answers['portrait'] else 'ANOTHER ANSWER: ' + json.dumps(answer)}")
    idle = {"portrait": portrait(rows), "duckdb": duckdb(START, rows)}
    measured = medians(commands | {f"{name}, start": command for name, command in idle.items()}, given.runs)
    base = measured["portrait"][0] - measured["portrait, start"][0]
    print("| tool | CPU s | wall s | peak MB | query part, CPU s | portrait = 1 |\n|---|---:|---:|---:|---:|---:|")
    for name in commands:
        cpu, wall, memory = measured[name]
        query = cpu - measured[name.split(",")[0] + ", start"][0]
        print(f"| {name} | {cpu:.3f} | {wall:.3f} | {memory:.0f} | {query:.3f} | {query / base:.2f} |")


if __name__ == "__main__":
    main()
