"""Connected components of edges in a Parquet file: portrait and DuckDB (recursion with USING KEY), each a whole process, in turn.

    pip install duckdb
    python benches/peers/components.py [--edges 1000000] [--runs 5] [--portrait target/release/portrait]

The edges are pairs of records as matching gives them: groups of one to six records, joined by a chain and some more pairs. The answers are compared: number of nodes,
number of components, sum of the components. Printed are the medians of CPU seconds, wall seconds and peak memory, and the ratio of CPU to portrait's.
"""

import argparse
import sys
import tempfile

from process import medians, run

EDGES = """SELECT (g * 7919 % 1000003) * 8 + i % 6 AS l, (g * 7919 % 1000003) * 8 + (i + 1 + g % 3) % 6 AS r
  FROM (SELECT value // 3 AS g, value % 3 * 2 AS i FROM generate_series(0, {edges} - 1) AS s(value))"""
SUMMARY = "SELECT count(*) AS nodes, count(DISTINCT component) AS components, sum(component) AS total FROM"
DUCKDB = """WITH RECURSIVE both_ways AS MATERIALIZED (SELECT l AS f, r AS t FROM '{file}' UNION SELECT r, l FROM '{file}'),
  cc(node, component) USING KEY (node) AS (
    SELECT DISTINCT f, f FROM both_ways
    UNION
    SELECT u.node, min(v.component) FROM cc AS v JOIN both_ways AS e ON e.f = v.node JOIN recurring.cc AS u ON u.node = e.t
    WHERE v.component < u.component GROUP BY u.node)
  """ + SUMMARY + " cc"
SCRIPT = "import duckdb, sys; duckdb.sql('SET enable_progress_bar = false'); print('nodes,components,total'); [print(*row, sep=',') for row in duckdb.sql(sys.argv[1]).fetchall()]"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--edges", type=int, default=1_000_000)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/edges.parquet"
        make = EDGES.format(edges=given.edges)
        run([sys.executable, "-c", "import duckdb, sys; duckdb.sql(sys.argv[1])", f"COPY ({make}) TO '{file}' (FORMAT parquet)"])
        commands = {
            "portrait": [given.portrait, "-f", "csv", "-c", f"{SUMMARY} connected_components((SELECT * FROM '{file}'), a => l, b => r)"],
            "duckdb": [sys.executable, "-c", SCRIPT, DUCKDB.format(file=file)],
        }
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
