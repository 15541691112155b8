"""k-means of 1,000,000 × 8 numbers in Parquet, from the same k-means++ centres to convergence: portrait, scikit-learn and faiss, each a whole process, in turn.

    pip install scikit-learn faiss-cpu pyarrow
    python benches/peers/clusters.py --make points.parquet [--rows 1000000] [--shape mixture|uniform]
    python benches/peers/clusters.py points.parquet [--k 8] [--runs 3] [--portrait target/release/portrait]

Compared are the final inertias. Besides the whole process, the CPU of the clustering alone: of the Python tools the fit, as they tell; of portrait the whole less a
process that gathers the same features and makes one iteration.
"""

import argparse
import subprocess
import sys

from process import medians, run

MAKE = """
import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq
file, rows, shape, k = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
random = np.random.default_rng(42)
if shape == 'mixture':
    middles = random.normal(0, 3, (12, 8))
    x = middles[random.integers(0, 12, rows)] + random.normal(0, 1.5, (rows, 8))
else:
    x = random.random((rows, 8))
pq.write_table(pa.table({'id': np.arange(rows)} | {f'f{i}': x[:, i] for i in range(8)}), file)
from sklearn.cluster import kmeans_plusplus
centres, _ = kmeans_plusplus(x[:100000], k, random_state=7)
pq.write_table(pa.table({f'f{i}': centres[:, i] for i in range(8)}), file.replace('.parquet', '.start.parquet'))
"""

READ = """
import sys, time, numpy as np, pyarrow.parquet as pq
file, start = sys.argv[1], sys.argv[1].replace('.parquet', '.start.parquet')
names = [f'f{i}' for i in range(8)]
matrix = lambda table: np.ascontiguousarray(np.column_stack([table[name].to_numpy() for name in names]))
x, centres = matrix(pq.read_table(file, columns=names)), matrix(pq.read_table(start, columns=names))
"""
SKLEARN = READ + """
from sklearn.cluster import KMeans
began = time.process_time()
model = KMeans(len(centres), init=centres, n_init=1, max_iter=int(sys.argv[3]), tol=0, algorithm=sys.argv[2]).fit(x)
print(f'{model.inertia_:.6f} {model.n_iter_} {time.process_time() - began:.3f}')
"""
FAISS = READ + """
import faiss
x32 = x.astype(np.float32)
began = time.process_time()
model = faiss.Kmeans(8, len(centres), niter=int(sys.argv[2]), max_points_per_centroid=len(x), seed=7)
model.train(x32, init_centroids=centres.astype(np.float32))
print(f'{model.obj[-1]:.6f} {len(model.obj)} {time.process_time() - began:.3f}')
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("points")
    arguments.add_argument("--make", action="store_true", help="make the file, and its start beside it")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--shape", default="mixture")
    arguments.add_argument("--k", type=int, default=8)
    arguments.add_argument("--max-iter", type=int, default=300)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--skip", default="", help="tools to leave out, by parts of their names, with commas")
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    file = given.points
    if given.make:
        subprocess.run([sys.executable, "-c", MAKE, file, str(given.rows), given.shape, str(given.k)], check=True)
        return
    names = ", ".join(f"f{i}" for i in range(8))
    start = file.replace(".parquet", ".start.parquet")

    def portrait(most):
        sql = f"""SELECT sum(distance * distance) FROM kmeans('{file}', key => id, n_clusters => {given.k}, features => [{names}], scale => 'none', tol => 0,
                  max_iter => {most}, centroids => '{start}')"""
        return [given.portrait, "-f", "csv", "-c", sql]

    python = lambda program, *more: [sys.executable, "-c", program, file, *more]
    commands = {
        "portrait": portrait(given.max_iter),
        "scikit-learn, Lloyd": python(SKLEARN, "lloyd", str(given.max_iter)),
        "scikit-learn, Elkan": python(SKLEARN, "elkan", str(given.max_iter)),
        "faiss (float32)": python(FAISS, str(given.max_iter)),
    }
    commands = {name: command for name, command in commands.items() if not any(word in name for word in given.skip.split(",") if word)}
    answers = {name: run(command)[0].split() for name, command in commands.items()}
    measured = medians(commands | {"one iteration": portrait(1)}, given.runs)
    print("| tool | inertia | iterations | CPU s | wall s | peak MB | clustering alone, CPU s | CPU, portrait = 1 | alone, portrait = 1 |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    own, alone = measured["portrait"][0], measured["portrait"][0] - measured["one iteration"][0]
    for name in commands:
        cpu, wall, memory = measured[name]
        inertia = float(answers[name][-1] if name == "portrait" else answers[name][0])
        iterations, fit = ("", alone) if name == "portrait" else (answers[name][1], float(answers[name][2]))
        print(f"| {name} | {inertia:.6f} | {iterations} | {cpu:.2f} | {wall:.2f} | {memory:.0f} | {fit:.2f} | {cpu / own:.2f} | {fit / alone:.2f} |")


if __name__ == "__main__":
    main()
