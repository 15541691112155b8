"""RFM on one Parquet file: portrait, DuckDB and Polars, each a whole process, in turn.

    pip install duckdb polars
    portrait run benches/peers/orders.sql
    python benches/peers/rfm.py orders.parquet [--runs 5] [--time ordered_at] [--portrait target/release/portrait]

With `--all`, every row counts, for files without a status, such as those of keys.sql; `--skip polars` leaves a tool out.

The work: paid orders; the last one, the number and the sum of each customer; three quintile scores (ntile, ties by customer); a label; customers and
revenue of each label. All answers are compared. Printed are the medians of CPU seconds, wall seconds and peak memory, and the ratio of CPU to portrait's.
"""

import argparse
import sys

from process import medians, run

PAID = "status = 'paid'"

LABEL = """CASE WHEN r >= 4 AND f >= 4 AND m >= 4 THEN 'champions' WHEN f >= 4 AND r >= 3 THEN 'loyal' WHEN r >= 4 AND f >= 2 THEN 'potential'
  WHEN r >= 4 THEN 'new' WHEN r <= 2 AND f >= 3 THEN 'at_risk' WHEN r <= 2 AND f <= 2 THEN 'hibernating' ELSE 'regular' END"""


def portrait(file, at, where=PAID):
    return f"""SELECT {LABEL} AS label, count(*) AS customers, sum(monetary) AS revenue
      FROM (SELECT monetary, recency_score AS r, frequency_score AS f, monetary_score AS m
            FROM rfm((SELECT * FROM '{file}' WHERE {where}), customer => customer_id, order_time => {at}, amount => amount,
                     as_of => TIMESTAMP '2026-01-01 00:00:00', method => 'ntile'))
      GROUP BY 1 ORDER BY 1"""


def plain_sql(file, at, where=PAID):
    return f"""WITH c AS (SELECT customer_id, max({at}) AS last, count(*) AS n, sum(amount) AS total FROM '{file}' WHERE {where} GROUP BY customer_id),
      s AS (SELECT total, ntile(5) OVER (ORDER BY (epoch_us(TIMESTAMP '2026-01-01 00:00:00') - epoch_us(last)) // 86400000000 DESC, customer_id) AS r,
                   ntile(5) OVER (ORDER BY n, customer_id) AS f, ntile(5) OVER (ORDER BY total, customer_id) AS m FROM c)
      SELECT {LABEL} AS label, count(*) AS customers, sum(total) AS revenue FROM s GROUP BY 1 ORDER BY 1"""


DUCKDB = "import duckdb, sys; duckdb.sql('SET enable_progress_bar = false'); print('label,customers,revenue'); [print(*row, sep=',') for row in duckdb.sql(sys.argv[1]).fetchall()]"
POLARS = """
import sys, polars as pl
file, at, every = sys.argv[1:]
c = (pl.scan_parquet(file).filter(pl.lit(True) if every == 'all' else pl.col('status') == 'paid').group_by('customer_id')
     .agg(pl.col(at).max().alias('last'), pl.len().alias('n'), pl.col('amount').sum().alias('total')))
days = (pl.lit('2026-01-01').str.to_datetime() - pl.col('last')).dt.total_days()
def tile(*by, descending):
    rank = pl.struct(*by).rank('ordinal') if not descending else pl.struct(-by[0].alias('x'), by[1]).rank('ordinal')
    rank, n = rank.cast(pl.Int64) - 1, pl.len().cast(pl.Int64)
    size, longer = n // 5, n % 5
    edge = longer * (size + 1)
    return pl.when(rank < edge).then(rank // (size + 1)).otherwise(longer + (rank - edge) // size) + 1
k = pl.col('customer_id')
s = c.select('total', tile(days, k, descending=True).alias('r'), tile(pl.col('n').cast(pl.Int64), k, descending=False).alias('f'), tile(pl.col('total'), k, descending=False).alias('m'))
r, f, m = pl.col('r'), pl.col('f'), pl.col('m')
label = (pl.when((r >= 4) & (f >= 4) & (m >= 4)).then(pl.lit('champions')).when((f >= 4) & (r >= 3)).then(pl.lit('loyal'))
         .when((r >= 4) & (f >= 2)).then(pl.lit('potential')).when(r >= 4).then(pl.lit('new'))
         .when((r <= 2) & (f >= 3)).then(pl.lit('at_risk')).when((r <= 2) & (f <= 2)).then(pl.lit('hibernating')).otherwise(pl.lit('regular')))
out = s.group_by(label.alias('label')).agg(pl.len().alias('customers'), pl.col('total').sum().alias('revenue')).sort('label').collect(engine='streaming')
print('label,customers,revenue')
for row in out.iter_rows():
    print(*row, sep=',')
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("orders")
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--time", default="ordered_at", help="the column of the order's time")
    arguments.add_argument("--portrait", default="target/release/portrait")
    arguments.add_argument("--all", action="store_true", help="all rows, not only paid orders")
    arguments.add_argument("--skip", default="", help="tools to leave out, with commas between")
    given = arguments.parse_args()
    where = "true" if given.all else PAID
    commands = {
        "portrait": [given.portrait, "-f", "csv", "-c", portrait(given.orders, given.time, where)],
        "duckdb": [sys.executable, "-c", DUCKDB, plain_sql(given.orders, given.time, where)],
        "polars": [sys.executable, "-c", POLARS, given.orders, given.time, "all" if given.all else "paid"],
    }
    commands = {name: command for name, command in commands.items() if name not in given.skip.split(",")}
    answers = {name: run(command)[0] for name, command in commands.items()}  # warm-up
    for name, answer in answers.items():
        print(f"{name}: {'same answer' if answer == answers['portrait'] else 'ANOTHER ANSWER:' + chr(10) + answer}")
    print(answers["portrait"])
    measured = medians(commands, given.runs)
    print("| tool | CPU s | wall s | peak MB | CPU, portrait = 1 |\n|---|---:|---:|---:|---:|")
    base = measured["portrait"][0]
    for name, (cpu, wall, memory) in measured.items():
        print(f"| {name} | {cpu:.2f} | {wall:.2f} | {memory:.0f} | {cpu / base:.2f} |")


if __name__ == "__main__":
    main()
