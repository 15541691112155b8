"""Journeys: portrait beside chDB (ClickHouse in a process), each a whole process, in turn.

    pip install chdb pyarrow numpy
    python benches/peers/journey.py --make events.parquet [--rows 50000000]
    python benches/peers/journey.py events.parquet [--runs 3] [--portrait target/release/portrait]

The work, over events that are not sorted by customer: a funnel of four steps within an hour; sessions with pauses of half an hour; monthly retention. The answers
must be the same. Printed are the medians of CPU seconds, wall seconds and peak memory, and the ratio of CPU to portrait's.
"""

import argparse
import sys

from process import medians, run

MAKE = """
import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq
file, rows = sys.argv[1], int(sys.argv[2])
random = np.random.default_rng(1)
with pq.ParquetWriter(file, pa.schema([('customer_id', pa.int64()), ('event_ts', pa.timestamp('us')), ('event_type', pa.string())])) as writer:
    for first in range(0, rows, 1_000_000):
        count = min(1_000_000, rows - first)
        time = 1_700_000_000_000_000 + np.sort(random.integers(0, 500, count) * 1_000_000) + (first // 1_000_000) * 600_000_000_000
        event = pa.array(np.array(['view', 'fav', 'cart', 'buy'])[random.choice(4, count, p=[0.9, 0.02, 0.06, 0.02])])
        customer = (1_000_000 * random.random(count) ** 2).astype(np.int64)
        writer.write_table(pa.table({'customer_id': customer, 'event_ts': pa.array(time, pa.timestamp('us')), 'event_type': event}))
"""

CHDB = """
import sys, chdb
print(chdb.query(sys.argv[1], 'CSVWithNames').bytes().decode(), end='')
"""


def tasks(file):
    """Each task's name, portrait's query and chDB's."""
    steps = ["view", "fav", "cart", "buy"]
    conditions = ", ".join(f"event_type = '{step}'" for step in steps)
    yield (
        "funnel",
        f"SELECT step, customers FROM window_funnel('{file}', customer => customer_id, event_time => event_ts, steps => [{conditions}], within => INTERVAL '1 hour') ORDER BY step",
        f"""WITH levels AS (SELECT windowFunnel(3600000000)(toUInt64(toUnixTimestamp64Micro(event_ts)), {conditions}) AS level FROM file('{file}') GROUP BY customer_id)
        SELECT number AS step, countIf(level >= number) AS customers FROM levels CROSS JOIN (SELECT toUInt8(number + 1) AS number FROM numbers(4)) AS n GROUP BY number ORDER BY step""",
    )
    yield (
        "sessionize",
        f"SELECT count(*) AS sessions, sum(events) AS events, max(events) AS longest FROM sessionize('{file}', customer => customer_id, event_time => event_ts, gap => INTERVAL '30 minutes')",
        f"""SELECT sum(length(sizes)) AS sessions, sum(arraySum(sizes)) AS events, max(arrayMax(sizes)) AS longest FROM (
        SELECT arrayMap(x -> length(x), arraySplit((t, d) -> d > 1800000000, times, arrayDifference(times))) AS sizes
        FROM (SELECT arraySort(groupArray(toUnixTimestamp64Micro(event_ts))) AS times FROM file('{file}') GROUP BY customer_id))""",
    )
    yield (
        "retention",
        f"SELECT cohort, period, customers FROM retention('{file}', customer => customer_id, event_time => event_ts, cohort => 'month', periods => 6) WHERE customers > 0 ORDER BY cohort, period",
        f"""SELECT toDate(first) AS cohort, period, count() AS customers FROM (
        SELECT customer_id, groupUniqArray(toStartOfMonth(event_ts)) AS months, arrayMin(months) AS first, arrayJoin(months) AS month, dateDiff('month', first, month) AS period
        FROM file('{file}') GROUP BY customer_id) WHERE period <= 6 GROUP BY cohort, period ORDER BY cohort, period""",
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("file", nargs="?")
    arguments.add_argument("--make")
    arguments.add_argument("--rows", type=int, default=50_000_000)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    if given.make:
        run([sys.executable, "-c", MAKE, given.make, str(given.rows)])
        return
    for task, own, other in tasks(given.file):
        commands = {"portrait": [given.portrait, "-f", "csv", "-c", own], "chDB": [sys.executable, "-c", CHDB, other]}
        answers = {name: run(command)[0].replace('"', "").strip() for name, command in commands.items()}  # warm-up
        if len(set(answers.values())) > 1:
            sys.exit(f"{task}: the answers differ: {answers}")
        measured = medians(commands, given.runs)
        base = measured["portrait"][0]
        print("| task | tool | CPU s | wall s | peak MB | CPU, portrait = 1 |\n|---|---|---:|---:|---:|---:|")
        for name, (cpu, wall, memory) in measured.items():
            print(f"| {task} | {name} | {cpu:.2f} | {wall:.2f} | {memory:.0f} | {cpu / base:.2f} |")


if __name__ == "__main__":
    main()
