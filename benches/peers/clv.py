"""Lifetime value and survival: portrait beside lifetimes and lifelines, each a whole process, in turn.

    pip install lifetimes lifelines pandas pyarrow
    python benches/peers/clv.py [--customers 1000000] [--runs 3] [--portrait target/release/portrait]

The work: BG/NBD fitted to drawn histories (r = 0.3, alpha = 30 days, a = 0.8, b = 2.5); Kaplan and Meier's curve of their ages. Parameters are compared to four
digits. Printed are the medians of CPU seconds, wall seconds and peak memory, and the ratio of CPU to portrait's.
"""

import argparse
import os
import sys
import tempfile

from process import medians, run

HISTORIES = """
import sys, numpy as np, pandas as pd
count, file = int(sys.argv[1]), sys.argv[2]
random = np.random.default_rng(1)
age = random.integers(30, 730, count).astype(float)
rate, leaves = random.gamma(0.3, 30.0, count) / 900.0, random.beta(0.8, 2.5, count)
frequency, recency, time, here = np.zeros(count), np.zeros(count), np.zeros(count), np.ones(count, bool)
while here.any():
    rows = np.where(here)[0]
    at = time[rows] + np.ceil(random.exponential(1 / np.maximum(rate[rows], 1e-12)))
    bought = at <= age[rows]
    buyers = rows[bought]
    time[buyers] = recency[buyers] = at[bought]
    frequency[buyers] += 1
    here[rows[~bought]] = False
    here[buyers[random.random(len(buyers)) < leaves[buyers]]] = False
pd.DataFrame({'id': np.arange(count), 'frequency': frequency, 'recency': recency, 'T': age, 'left': random.random(count) < 0.6}).to_parquet(file)
"""

LIFETIMES = """
import sys, pandas as pd, lifetimes
rows = pd.read_parquet(sys.argv[1])
fitted = lifetimes.BetaGeoFitter().fit(rows['frequency'], rows['recency'], rows['T'])
print('name,value')
for name in ['r', 'alpha', 'a', 'b']:
    print(name, f'{fitted.params_[name]:.3f}', sep=',')
"""

LIFELINES = """
import sys, pandas as pd, lifelines
rows = pd.read_parquet(sys.argv[1])
fitted = lifelines.KaplanMeierFitter().fit(rows['T'], rows['left'])
print('duration,survival')
for duration, survival in fitted.survival_function_['KM_estimate'].items():
    if duration % 100 == 0 and duration > 0:
        print(int(duration), f'{survival:.6f}', sep=',')
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--customers", type=int, default=1_000_000)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file, database = os.path.join(folder, "histories.parquet"), os.path.join(folder, "models")
        run([sys.executable, "-c", HISTORIES, str(given.customers), file])
        fit = f"""CREATE OR REPLACE MODEL m WITH (type = 'bg_nbd', key = 'id') AS SELECT id, frequency, recency, "T" FROM '{file}'"""
        weights = "SELECT name, round(value, 3) AS value FROM ml_weights(m)"
        curve = f"""SELECT CAST(duration AS BIGINT) AS duration, round(survival, 6) AS survival
          FROM survival_curve('{file}', duration => "T", event => "left") WHERE CAST(duration AS BIGINT) % 100 = 0 ORDER BY 1"""
        tasks = {
            "bg_nbd": {
                "portrait": [given.portrait, "-d", database, "-f", "csv", "-c", fit, "-c", weights],
                "lifetimes": [sys.executable, "-c", LIFETIMES, file],
            },
            "survival_curve": {
                "portrait": [given.portrait, "-f", "csv", "-c", curve],
                "lifelines": [sys.executable, "-c", LIFELINES, file],
            },
        }
        for task, commands in tasks.items():
            answers = {name: run(command)[0] for name, command in commands.items()}  # warm-up
            for name, answer in answers.items():
                print(f"{task}: {name}:\n{answer}")
            measured = medians(commands, given.runs)
            base = measured["portrait"][0]
            print("| task | tool | CPU s | wall s | peak MB | CPU, portrait = 1 |\n|---|---|---:|---:|---:|---:|")
            for name, (cpu, wall, memory) in measured.items():
                print(f"| {task} | {name} | {cpu:.2f} | {wall:.2f} | {memory:.0f} | {cpu / base:.1f} |")


if __name__ == "__main__":
    main()
