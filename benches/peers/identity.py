"""Records of one person, found by portrait, Splink and recordlinkage with the same blocking rules and comparisons.

    pip install splink recordlinkage duckdb pandas
    python benches/peers/identity.py linkage/ [--portrait target/release/portrait] [--random-state 0]

The folder holds febrl_dataset1.csv and febrl_dataset3.csv (pairs to be found: records with one number) and fake_1000.csv of Splink (its column cluster). Each tool learns
its parameters from the records alone. Printed are precision, recall and F1 of the pairs that are more probable than one half, the best F1 at any threshold,
and F1 of the pairs of the clusters that pairs above 0.95 make. recordlinkage has no levels: a comparison holds from its strictest threshold on.
"""

import argparse
import itertools
import logging
import subprocess
import tempfile
import warnings
from io import StringIO
from pathlib import Path

import pandas

warnings.filterwarnings("ignore")

NAME = (0.92, 0.8)
SETS = {
    "fake_1000": {
        "key": "unique_id",
        "compare": [("jaro_winkler", "first_name", NAME), ("jaro_winkler", "surname", NAME), ("levenshtein", "dob", (1, 2)), ("exact", "city", ()),
                    ("jaro_winkler", "email", NAME)],
        "block": [["first_name"], ["surname"], ["dob"], ["email"]],
    },
    "febrl_dataset1": {
        "key": "rec_id",
        "compare": [("jaro_winkler", "given_name", NAME), ("jaro_winkler", "surname", NAME), ("levenshtein", "date_of_birth", (1, 2)),
                    ("jaro_winkler", "address_1", NAME), ("jaro_winkler", "suburb", NAME), ("levenshtein", "postcode", (1,)), ("exact", "state", ())],
        "block": [["given_name"], ["surname"], ["date_of_birth"], ["postcode"]],
    },
}
SETS["febrl_dataset3"] = SETS["febrl_dataset1"]


def records(folder, name):
    frame = pandas.read_csv(folder / f"{name}.csv", dtype=str, skipinitialspace=True, keep_default_na=False)
    frame.columns = [column.strip() for column in frame.columns]
    frame = frame.apply(lambda column: column.str.strip())
    frame = frame.mask(frame == "")
    key = SETS[name]["key"]
    person = frame["cluster"] if "cluster" in frame else frame[key].str.extract(r"rec-(\d+)-")[0]
    return frame, dict(zip(frame[key], person))


def portrait(frame, spec, program, seed):
    form = lambda measure, column, levels: f"{measure}({', '.join([column, *map(str, levels)])})"
    comparisons = ", ".join(form(*comparison) for comparison in spec["compare"])
    blocking = ", ".join(" AND ".join(f"l.{column} = r.{column}" for column in rule) for rule in spec["block"])
    with tempfile.TemporaryDirectory() as folder:
        frame.to_parquet(f"{folder}/records.parquet")
        sql = f"""SELECT * FROM match_pairs((SELECT * FROM '{folder}/records.parquet'), key => {spec["key"]}, comparisons => [{comparisons}],
          blocking => [{blocking}], min_probability => 0, random_state => {seed})"""
        answer = subprocess.run([program, "-f", "csv", "-c", sql], capture_output=True, text=True, check=True).stdout
    found = pandas.read_csv(StringIO(answer), dtype={f"{spec['key']}_l": str, f"{spec['key']}_r": str})
    return {frozenset(pair): probability for *pair, probability in found[[f"{spec['key']}_l", f"{spec['key']}_r", "match_probability"]].itertuples(index=False)}


def splink(frame, spec, _, seed):
    logging.disable(logging.CRITICAL)
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    forms = {"jaro_winkler": cl.JaroWinklerAtThresholds, "levenshtein": cl.LevenshteinAtThresholds}
    comparisons = [cl.ExactMatch(column) if measure == "exact" else forms[measure](column, list(levels)) for measure, column, levels in spec["compare"]]
    rules = [block_on(*rule) for rule in spec["block"]]
    settings = SettingsCreator(link_type="dedupe_only", unique_id_column_name=spec["key"], comparisons=comparisons, blocking_rules_to_generate_predictions=rules)
    columns = [spec["key"], *(column for _, column, _ in spec["compare"])]
    api = DuckDBAPI()
    try:
        linker = Linker(api.register(frame[columns]), settings)
    except Exception:
        linker = Linker(frame[columns], settings, db_api=api)
    strict = [block_on(first, second) for first, second in itertools.islice(itertools.combinations([rule[0] for rule in spec["block"]], 2), 3)]
    linker.training.estimate_probability_two_random_records_match(strict, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=seed)
    for rule in rules:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=0).as_pandas_dataframe()
    key = spec["key"]
    return {frozenset(pair): probability for *pair, probability in found[[f"{key}_l", f"{key}_r", "match_probability"]].itertuples(index=False)}


def recordlinkage(frame, spec, _, __):
    import recordlinkage as rl

    frame = frame.set_index(spec["key"])
    index = rl.Index()
    for rule in spec["block"]:
        index.block(rule)
    pairs = index.index(frame)
    compare = rl.Compare()
    for measure, column, levels in spec["compare"]:
        if measure == "exact":
            compare.exact(column, column)
        elif measure == "jaro_winkler":
            compare.string(column, column, method="jarowinkler", threshold=levels[0])
        else:
            # One edit of so many letters.
            compare.string(column, column, method="levenshtein", threshold=1 - levels[0] / 8)
    features = compare.compute(pairs, frame)
    classifier = rl.ECMClassifier(binarize=0.5)
    classifier.fit(features)
    probabilities = classifier.prob(features)
    return {frozenset(pair): probability for pair, probability in probabilities.items()}


def clusters(found, threshold):
    parent = {}

    def find(node):
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for pair, probability in found.items():
        if probability >= threshold:
            a, b = map(find, pair)
            parent[a] = b
    groups = {}
    for node in list(parent):
        groups.setdefault(find(node), []).append(node)
    return {frozenset(pair) for group in groups.values() for pair in itertools.combinations(group, 2)}


def f1(found, truth):
    right = len(found & truth)
    precision, recall = right / max(len(found), 1), right / max(len(truth), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


def best(found, truth):
    ordered = sorted(found.items(), key=lambda item: -item[1])
    right, highest = 0, 0.0
    for place, (pair, probability) in enumerate(ordered, 1):
        right += pair in truth
        if place == len(ordered) or ordered[place][1] < probability:
            highest = max(highest, 2 * right / (place + len(truth)))
    return highest


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--portrait", default="target/release/portrait")
    arguments.add_argument("--random-state", type=int, default=0)
    given = arguments.parse_args()
    print("| records | tool | pairs compared | precision | recall | F1 | best F1 | F1 of clusters |\n|---|---|---:|---:|---:|---:|---:|---:|")
    for name, spec in SETS.items():
        frame, person = records(given.folder, name)
        groups = {}
        for key, number in person.items():
            groups.setdefault(number, []).append(key)
        truth = {frozenset(pair) for group in groups.values() for pair in itertools.combinations(group, 2)}
        for tool in (portrait, splink, recordlinkage):
            found = tool(frame, spec, given.portrait, given.random_state)
            precision, recall, score = f1({pair for pair, probability in found.items() if probability > 0.5}, truth)
            print(f"| {name} | {tool.__name__} | {len(found):,} | {precision:.4f} | {recall:.4f} | {score:.4f} | {best(found, truth):.4f} | {f1(clusters(found, 0.95), truth)[2]:.4f} |", flush=True)


if __name__ == "__main__":
    main()
