"""Statements whose process is killed before a system call, or one of whose system calls fails.

    python tests/durability/calls.py --program target/release/portrait --kills 400 --failures 1000

Needs strace. Each case takes a database as some statements have left it, runs the next one under strace, which kills the process at a random call or lets
that call fail, and looks at what is left: the state is the one before or the one after, an acknowledged statement is never lost, `portrait check`
finds nothing wrong, and the same statement can be run again.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

STATEMENTS = [
    "CREATE TABLE t AS SELECT value AS k, value % 3 AS v FROM generate_series(1, 40)",
    "INSERT INTO t VALUES (41, 1), (42, 5)",
    "CREATE PROFILE p WITH (key = 'k', keep_snapshots = 2) AS SELECT k FROM t",
    "CREATE TAG a ON p AS SELECT k, v FROM t",
    "REFRESH PROFILE p WITH (as_of = DATE '2025-01-01')",
    "UPDATE t SET v = v + 10 WHERE k % 5 = 0",
    "CREATE SEGMENT s ON p AS a > 1",
    "REFRESH PROFILE p WITH (as_of = DATE '2025-01-02')",
    "DELETE FROM t WHERE k = 7 OR v > 14",
    "REFRESH PROFILE p WITH (as_of = DATE '2025-01-03')",
    "MERGE INTO t USING (VALUES (1, 5), (90, 6)) AS n(k, v) ON t.k = n.k WHEN MATCHED THEN UPDATE SET v = n.v WHEN NOT MATCHED THEN INSERT VALUES (n.k, n.v)",
    "CREATE MODEL m WITH (type = 'kmeans', key = 'k', n_clusters = 2) AS SELECT k, v FROM t",
    "ALTER TABLE t ADD COLUMN w BIGINT DEFAULT 7",
    "CREATE VIEW w AS SELECT k FROM t WHERE v > 2",
    "REFRESH PROFILE p WITH (as_of = DATE '2025-01-03')",
    "DROP VIEW w",
    "CREATE TABLE u AS SELECT sum(v) AS total FROM t",
    "DROP TABLE u",
]

QUESTIONS = [
    "SELECT count(*), sum(k), sum(v) FROM t",
    "SELECT count(*) FROM t WHERE w = 7",
    "SELECT count(*), sum(k), sum(a) FROM profile.p",
    "SELECT count(*), sum(CAST(value AS BIGINT)), count(valid_to) FROM profile.p_history",
    "SELECT count(*), sum(k) FROM segment.s",
    "SELECT count(*), max(cluster_id) FROM ml_predict(m, (SELECT k, v FROM t))",
    "SELECT count(*) FROM w",
    "SELECT total FROM u",
    "SELECT kind, name, max(version) FROM system.versions GROUP BY kind, name ORDER BY kind, name",
]

# Calls that change files, or find out what there is.
CALLS = ["openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "ftruncate", "fcntl", "flock", "read", "pread64", "fstat", "mkdir", "close", "mmap"]
ERRORS = ["ENOSPC", "EIO", "EACCES", "EINTR", "EDQUOT"]


def run(command, environment=None):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env=environment)
    return done.returncode, done.stdout, done.stderr


def state(program, database):
    """What all questions are answered, errors by their first words."""
    said = []
    for question in QUESTIONS:
        code, rows, problem = run([program, "-d", database, "-f", "csv", "-c", question])
        said.append(rows if code == 0 else re.split("[;\n]", problem)[0])
    return said


def calls(program, folder, number, statement):
    """How often a thread makes each call, at most, when the statement is run."""
    database, log = os.path.join(folder, "case"), os.path.join(folder, "log")
    shutil.rmtree(database, ignore_errors=True)
    shutil.copytree(os.path.join(folder, str(number)), database)
    run(["strace", "-f", "-qqq", "-o", log, "-e", "trace=" + ",".join(CALLS), program, "-d", database, "-c", statement])
    made = {}
    for line in open(log):
        thread, call = re.match(r"(\d+)\s+(?:<\.\.\. )?(\w+)", line).groups()
        if "resumed" not in line:
            made[call, thread] = made.get((call, thread), 0) + 1
    most = {}
    for (call, _), count in made.items():
        most[call] = max(most.get(call, 0), count)
    return {call: count for call, count in most.items() if call in CALLS}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/portrait")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--failures", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    dice = random.Random(given.seed)
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        before = os.path.join(folder, "0")
        run([given.program, "-d", before, "-c", "SELECT 1"])
        states = [state(given.program, before)]
        for number, statement in enumerate(STATEMENTS):
            after = os.path.join(folder, str(number + 1))
            shutil.copytree(before, after)
            code, _, problem = run([given.program, "-d", after, "-c", statement])
            assert code == 0, problem
            states.append(state(given.program, after))
            before = after
        counts = [calls(given.program, folder, number, statement) for number, statement in enumerate(STATEMENTS)]
        hit = 0
        for case in range(given.kills + given.failures):
            kills = case < given.kills
            number = dice.randrange(len(STATEMENTS))
            database = os.path.join(folder, "case")
            shutil.rmtree(database, ignore_errors=True)
            shutil.copytree(os.path.join(folder, str(number)), database)
            # Memory that cannot be had is another matter.
            call = dice.choice(sorted(set(counts[number]) - (set() if kills else {"mmap"})))
            when = dice.randint(1, counts[number][call])
            error = dice.choice(ERRORS)
            what = "signal=KILL" if kills else f"error={error}"
            strace = ["strace", "-f", "-qqq", "-o", os.path.join(folder, "log"), "-e", f"inject={call}:{what}:when={when}"]
            about = f"case {case}: {STATEMENTS[number]} | {call} {what} when={when}"
            known = len(faults)
            try:
                code, _, problem = run([*strace, given.program, "-d", database, "-c", STATEMENTS[number]])
            except subprocess.TimeoutExpired:
                faults.append(f"{about}: hangs")
                continue
            log = open(os.path.join(folder, "log")).read()
            hit += "INJECTED" in log or "SIGKILL" in log
            # Waking a thread and speaking to the terminal fail in no storm.
            if re.search(r'write\((1|2|\d+, "\\1\\0\\0\\0\\0\\0\\0\\0", 8\)).*INJECTED', log):
                continue
            if "panic" in problem:
                faults.append(f"{about}: {problem}")
            found = state(given.program, database)
            # A version is one more where a statement is run again after it was done.
            if found == states[number + 1]:
                left = "after"
            elif found == states[number] and code != 0:
                left = "before"
            else:
                faults.append(f"{about}: exit {code}, neither before nor after: {found}\n{problem}")
                continue
            if left == "before":
                code, _, problem = run([given.program, "-d", database, "-c", STATEMENTS[number]])
                if code != 0 or state(given.program, database) != states[number + 1]:
                    faults.append(f"{about}: cannot be run again: {problem}")
            # What nobody needs any more goes with the next statement that writes.
            run([given.program, "-d", database, "-c", "CREATE TABLE last AS SELECT 1 AS a"])
            code, said, problem = run([given.program, "check", "-d", database])
            if code != 0 or "left over" in said + problem:
                faults.append(f"{about}: check: {said}{problem}")
            for fault in faults[known:]:
                print(fault, flush=True)
    print(f"{given.kills} kills and {given.failures} failing calls, {hit} of which were met: {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
