"""Supervised models: portrait beside scikit-learn (logistic regression) and LightGBM (boosted trees), each a whole process from Parquet, in turn.

    pip install scikit-learn lightgbm pyarrow numpy
    python benches/peers/models.py [--rows 1000000] [--features 30] [--runs 3] [--portrait target/release/portrait]

The work: fit a model of a yes-or-no target to numbers, and predict the rows with a stored model. scikit-learn fits standardised features with lbfgs, without a penalty
as far as it goes; LightGBM grows 100 trees of 31 leaves over 255 bins on two threads. Mean log loss of the training rows is compared, so that the fits are equally good.
What a process of each side takes to read the file is shown too. Printed are the medians of CPU seconds, wall seconds and peak memory.
"""

import argparse
import os
import sys
import tempfile

from process import medians, run

MAKE = """
import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq
file, rows, features = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(1)
x = random.normal(size=(rows, features)).round(4)
score = x[:, :8] @ np.linspace(1.0, -0.75, 8) + np.sin(2 * x[:, 8]) + x[:, 9] * x[:, 10] - 0.5
y = (random.random(rows) < 1 / (1 + np.exp(-score))).astype(np.int64)
columns = {'id': np.arange(rows), 'y': y} | {f'x{i}': x[:, i] for i in range(features)}
pq.write_table(pa.table(columns), file)
"""
READ = """
import sys, os, numpy as np, pyarrow.parquet as pq
os.environ['OMP_NUM_THREADS'] = '2'
table = pq.read_table(sys.argv[1])
x = np.column_stack([table[name] for name in table.column_names if name.startswith('x')])
y = table['y'].to_numpy()
"""
COUNTED = READ + "print(f'rows,ones\\n{len(y)},{y.sum()}')"
LOSS = "\nprint(f'loss\\n{-np.mean(np.where(y == 1, np.log(p), np.log1p(-p))):.5f}')"
LOGISTIC = (
    READ
    + """
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
with threadpool_limits(2):
    scaled = StandardScaler().fit_transform(x)
    fitted = LogisticRegression(C=np.inf, tol=1e-6, max_iter=1000).fit(scaled, y)
    p = fitted.predict_proba(scaled)[:, 1]
"""
    + LOSS
)
BOOSTED = (
    READ
    + """
import lightgbm
fitted = lightgbm.train(
    {'objective': 'binary', 'num_leaves': 31, 'learning_rate': 0.1, 'max_bin': 255, 'min_data_in_leaf': 20, 'num_threads': 2, 'verbose': -1}, lightgbm.Dataset(x, y), 100)
fitted.save_model(sys.argv[2])
p = fitted.predict(x, num_threads=2)
"""
    + LOSS
)
PREDICTED = READ + "\nimport lightgbm\np = lightgbm.Booster(model_file=sys.argv[2]).predict(x, num_threads=2)" + LOSS


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--features", type=int, default=30)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file, database, stored = (os.path.join(folder, name) for name in ("rows.parquet", "models", "boosted.txt"))
        run([sys.executable, "-c", MAKE, file, str(given.rows), str(given.features)])
        portrait = [given.portrait, "-d", database, "-f", "csv"]
        fit = "CREATE OR REPLACE MODEL {name} WITH (type = '{type}', key = 'id', target = 'y', split = 'none'{more}) AS SELECT * FROM '" + file + "'"
        loss = (
            "SELECT round(avg(-CASE WHEN actual = 1 THEN ln(p) ELSE ln(1 - p) END), 5) AS loss FROM (SELECT r.y AS actual, p.probability AS p "
            "FROM ml_predict({name}, '" + file + "') AS p JOIN '" + file + "' AS r USING (id))"
        )
        summed = "SELECT count(*) AS rows, round(sum(probability)) AS probabilities FROM ml_predict(boosted, '" + file + "')"
        logistic = fit.format(name="logistic", type="logistic_regression", more="")
        boosted = fit.format(name="boosted", type="gradient_boosting", more=", permutations = 0")
        tasks = {
            "reading": {"portrait": [*portrait, "-c", f"SELECT count(*) AS rows, sum(y) AS ones FROM (SELECT * FROM '{file}')"], "numpy": [sys.executable, "-c", COUNTED, file]},
            "logistic regression": {"portrait": [*portrait, "-c", logistic], "scikit-learn": [sys.executable, "-c", LOGISTIC, file]},
            "boosted trees": {"portrait": [*portrait, "-c", boosted], "lightgbm": [sys.executable, "-c", BOOSTED, file, stored]},
            "prediction by them": {"portrait": [*portrait, "-c", summed], "lightgbm": [sys.executable, "-c", PREDICTED, file, stored]},
        }
        for task, commands in tasks.items():
            for name, command in commands.items():  # warm-up
                print(f"{task}: {name}: {' '.join(run(command)[0].split())}")
        for name in ("logistic", "boosted"):
            print(f"portrait's {name} model: {' '.join(run([*portrait, '-c', loss.format(name=name)])[0].split())}")
        print("| task | tool | CPU s | wall s | peak MB | CPU, portrait = 1 |\n|---|---|---:|---:|---:|---:|")
        for task, commands in tasks.items():
            measured = medians(commands, given.runs)
            base = measured["portrait"][0]
            for name, (cpu, wall, memory) in measured.items():
                print(f"| {task} | {name} | {cpu:.2f} | {wall:.2f} | {memory:.0f} | {cpu / base:.2f} |")


if __name__ == "__main__":
    main()
