"""Frequent itemsets: portrait, pyfim, mlxtend, efficient-apriori and DuckDB, each a whole process from Parquet, in turn.

    pip install pyfim mlxtend efficient-apriori duckdb pyarrow
    python benches/peers/basket.py --fimi FOLDER              # retail.dat, T10I4D100K.dat, mushroom.dat, chess.dat of the FIMI repository
    python benches/peers/basket.py --items order_items.parquet --columns order_id,product_id --min-support 0.001

Answers are compared: the number of itemsets and the sum of their counts (DuckDB: pairs alone). Printed are the medians of CPU seconds, wall
seconds and peak memory of the whole process, and for pyfim the CPU seconds of the mining call alone, as it tells them. portrait is timed as a
whole: start, reading, mining, result.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

from process import run

FIMI = [("retail", 89), ("retail", 441), ("T10I4D100K", 100), ("T10I4D100K", 500),
        ("mushroom", 1625), ("mushroom", 813), ("chess", 2238), ("chess", 1918)]

READ = """
import sys, time, pyarrow.parquet as pq
file, basket, item, count = sys.argv[1:5]; count = int(count)
table = pq.read_table(file, columns=[basket, item])
baskets = {}
for b, i in zip(table[basket].to_pylist(), table[item].to_pylist()):
    baskets.setdefault(b, []).append(i)
baskets = list(baskets.values())
"""
PYFIM = READ + """
import fim
began = time.process_time()
sets = getattr(fim, sys.argv[5])(baskets, supp=-count, target='s', report='a')
took = time.process_time() - began
everywhere = set.intersection(*map(set, baskets))  # pyfim leaves out the item that is in every basket
extra = 1 if len(everywhere) == 1 and (tuple(everywhere), len(baskets)) not in [(s[0], s[1]) for s in sets if len(s[0]) == 1] else 0
print(len(sets) + extra, sum(s[1] for s in sets) + extra * len(baskets), took)
"""
MLXTEND = READ + """
import pandas as pd
from mlxtend.preprocessing import TransactionEncoder
from mlxtend.frequent_patterns import fpgrowth
encoder = TransactionEncoder()
frame = pd.DataFrame.sparse.from_spmatrix(encoder.fit_transform(baskets, sparse=True), columns=[str(c) for c in encoder.columns_])
sets = fpgrowth(frame, min_support=(count - 0.5) / len(baskets))
print(len(sets), round(sum(sets.support * len(baskets))))
"""
APRIORI = READ + """
from efficient_apriori import itemsets_from_transactions
sets, n = itemsets_from_transactions(baskets, min_support=(count - 0.5) / len(baskets), max_length=100)
print(sum(map(len, sets.values())), sum(sum(level.values()) for level in sets.values()))
"""
DUCKDB = """
import sys, duckdb
file, basket, item, count = sys.argv[1:5]
duckdb.sql('SET enable_progress_bar = false')
print(*duckdb.sql(f'''WITH t AS (SELECT DISTINCT {basket} AS b, {item} AS i FROM '{file}'),
  f AS (SELECT i FROM t GROUP BY i HAVING count(*) >= {count}),
  u AS (SELECT b, i FROM t SEMI JOIN f USING (i)),
  p AS (SELECT l.i, r.i AS j, count(*) AS n FROM u l JOIN u r ON l.b = r.b AND l.i < r.i GROUP BY ALL HAVING n >= {count})
SELECT count(*), sum(n) FROM p''').fetchall()[0])
"""


CONVERT = """
import sys, pyarrow, pyarrow.parquet
for name in sys.argv[3:]:
    rows = [(basket, int(item)) for basket, line in enumerate(open(f'{sys.argv[1]}/{name}.dat')) for item in line.split()]
    baskets, items = zip(*rows)
    pyarrow.parquet.write_table(pyarrow.table({'basket': baskets, 'item': items}), f'{sys.argv[2]}/{name}.parquet', compression='zstd')
"""


def commands(given, file, basket, item, count):
    sql = f"SELECT count(*) AS sets, sum(count) AS total FROM frequent_itemsets('{file}', basket => {basket}, item => {item}, min_count => {count})"
    pairs = sql.replace(f"min_count => {count})", f"min_count => {count}, max_len => 2) WHERE length = 2")
    python = lambda code, *more: [sys.executable, "-c", code, file, basket, item, str(count), *more]
    every = {
        "portrait": [given.portrait, "-f", "csv", "-c", sql],
        "pyfim fpgrowth": python(PYFIM, "fpgrowth"),
        "pyfim eclat": python(PYFIM, "eclat"),
        "mlxtend fpgrowth": python(MLXTEND),
        "efficient-apriori": python(APRIORI),
        "portrait, pairs": [given.portrait, "-f", "csv", "-c", pairs],
        "duckdb, pairs": python(DUCKDB),
    }
    return {name: command for name, command in every.items() if not any(word in name for word in given.skip.split(",") if word)}


def compare(given, title, file, basket, item, count):
    tools = commands(given, file, basket, item, count)
    measured = {name: [] for name in tools}
    for _ in range(given.runs):
        for name, command in tools.items():
            if None not in measured[name]:
                measured[name].append(run(command, given.limit))
    answers = {}
    print(f"\n{title}\n| tool | CPU s | wall s | peak MB | CPU of mining alone | CPU, portrait = 1 |\n|---|---:|---:|---:|---:|---:|")
    for name, runs in measured.items():
        if None in runs:
            print(f"| {name} | failed, or beyond {given.limit:.0f} s | | | | |", flush=True)
            continue
        words = runs[0][0].split()
        words = words[-1].split(",") if "portrait" in name else words
        kind = "pairs" if "pairs" in name else "itemsets"
        answer = [int(float(word or 0)) for word in words[:2]]
        if answers.setdefault(kind, answer) != answer:
            sys.exit(f"{name} has {answer}, others {answers[kind]}")
        cpu, wall, memory = (statistics.median(run[place] for run in runs) for place in (1, 2, 3))
        own = statistics.median(run[1] for run in measured["portrait, pairs" if kind == "pairs" else "portrait"])
        mining = f"{statistics.median(float(run[0].split()[2]) for run in runs):.3f}" if "pyfim" in name else ""
        print(f"| {name} | {cpu:.3f} | {wall:.3f} | {memory:.0f} | {mining} | {cpu / own:.1f} |", flush=True)
    print(", ".join(f"{answer[0]:,} {kind}" for kind, answer in answers.items()) + ": the same from every tool")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--fimi", help="folder of FIMI files")
    arguments.add_argument("--items", help="a Parquet file of (basket, item)")
    arguments.add_argument("--columns", default="order_id,product_id")
    arguments.add_argument("--min-support", type=float, default=0.001)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--limit", type=float, default=60, help="seconds after which a tool is given up")
    arguments.add_argument("--skip", default="", help="tools to leave out, by parts of their names, with commas")
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    # Files are made and looked at in other processes: a process that is started has at least the memory of the one that starts it.
    if given.fimi:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-c", CONVERT, given.fimi, folder, *{name for name, _ in FIMI}], check=True)
            for name, count in FIMI:
                compare(given, f"{name}, at least {count} baskets", f"{folder}/{name}.parquet", "basket", "item", count)
    if given.items:
        basket, item = given.columns.split(",")
        sql = f"SELECT count(DISTINCT {basket}) FROM '{given.items}'"
        baskets = int(subprocess.run([given.portrait, "-f", "csv", "-c", sql], check=True, capture_output=True, text=True).stdout.split()[-1])
        count = int(-(-given.min_support * baskets // 1))
        compare(given, f"{baskets:,} baskets, at least {count:,}", given.items, basket, item, count)


main()
