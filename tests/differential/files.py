"""Dirty files, read by Portrait and held against what was written into them, and against DuckDB and pandas.

    pip install -r tests/differential/requirements.txt
    python tests/differential/files.py --program target/release/portrait --files 500

Each file is made of rows of texts that the generator knows: separators, quotes with ends of lines, byte order marks, encodings, ends of lines, comments,
lines before the header, names that occur twice, short rows, compression, several files with columns in other orders. Portrait must give the texts as they
were written; what DuckDB and pandas give for the same file is counted beside it. Then the same file is read with guessed types, and the sum of each
column of numbers must be the sum of what was written.
"""

import argparse
import collections
import decimal
import gzip
import io
import json
import os
import random
import subprocess
import sys
import tempfile

import duckdb

try:
    import pandas
except ImportError:
    pandas = None

WORDS = ["web", "store", "会员", "O'Neil", "a b", "é", "x-1", "N.A.", "", "007", "+49 171", "12,5", "a;b", "a|b", 'say "hi"', "two\nlines", "tab\there", "#1"]


class Dirty:
    """A file, how it is to be read, and its rows: texts, None for NULL."""

    def __init__(self, seed, folder):
        dice = self.dice = random.Random(seed)
        self.separator = dice.choice([",", ",", ";", "\t", "|"])
        self.line_end = dice.choice(["\n", "\n", "\r\n", "\r"])
        self.encoding = dice.choice(["utf-8", "utf-8", "utf-8", "utf-8-sig", "gb18030", "utf-16"])
        self.null = dice.choice([None, None, "N/A", "-", "\\N"])
        self.comment = dice.random() < 0.15 and self.line_end != "\r"
        self.skip = dice.choice([0, 0, 0, 2])
        self.quotes_all = dice.random() < 0.3
        self.pads = dice.random() < 0.2
        self.final = dice.random() < 0.8
        width = dice.randint(2, 7)
        self.kinds = [dice.choice(["whole", "number", "text", "text", "date", "code"]) for _ in range(width)]
        self.names = [f"c{column}" for column in range(width)]
        self.twice = dice.random() < 0.1
        self.rows = [[self.value(kind) for kind in self.kinds] for _ in range(dice.choice([1, 5, 200, 3000]))]
        if self.pads:
            for row in self.rows:
                if dice.random() < 0.2:
                    keep = dice.randint(1, width)
                    row[keep:] = [None] * (width - keep)
                    row.append(keep)
        self.zipped = dice.random() < 0.15
        self.path = os.path.join(folder, f"{seed}.csv" + (".gz" if self.zipped else ""))
        data = self.text().encode(self.encoding, errors="strict")
        with (gzip.open if self.zipped else open)(self.path, "wb") as file:
            file.write(data)

    def value(self, kind):
        dice = self.dice
        if dice.random() < 0.1:
            return None
        if kind == "whole":
            return str(dice.randint(-10**6, 10**9))
        if kind == "number":
            return f"{dice.randint(-10**6, 10**6) / 100:.2f}"
        if kind == "date":
            return f"20{dice.randint(10, 30)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
        if kind == "code":
            return f"{dice.randint(0, 99999):06}"
        word = dice.choice(WORDS)
        return word.replace("\n", "\r") if self.line_end == "\r" else word

    def field(self, value, first):
        if value is None:
            return self.null or ""
        special = any(letter in value for letter in (self.separator, '"', "\n", "\r"))
        # An empty text, a text that looks like NULL or a comment must be in quotes to be told apart.
        special = special or value in ("", self.null) or first and value.startswith("#")
        return '"' + value.replace('"', '""') + '"' if special or self.quotes_all else value

    def text(self):
        out = io.StringIO()
        for line in range(self.skip):
            out.write(f"Export {line}{self.line_end}")
        names = list(self.names)
        if self.twice:
            names[-1] = names[0]
        out.write(self.separator.join(names) + self.line_end)
        for number, row in enumerate(self.rows):
            if self.comment and self.dice.random() < 0.1:
                out.write(f"# said beside{self.line_end}")
            if self.dice.random() < 0.02:
                out.write(self.line_end)
            keep = row[len(self.names)] if len(row) > len(self.names) else len(self.names)
            fields = [self.field(value, column == 0) for column, value in enumerate(row[:keep])]
            line = self.separator.join(fields)
            # A row of nothing but one empty field is a line of nothing, which is no row.
            if line == "":
                line = '""'
                row[0] = ""
            out.write(line)
            if self.final or number + 1 < len(self.rows):
                out.write(self.line_end)
        return out.getvalue()

    def expected(self):
        return [row[: len(self.names)] for row in self.rows]

    def options(self, all_text):
        options = []
        if self.encoding == "gb18030":
            options.append("encoding => 'gbk'")
        if self.null:
            options.append("null => ['%s']" % self.null)
        if self.comment:
            options.append("comment => '#'")
        if self.skip:
            options.append(f"skip => {self.skip}")
        if self.pads:
            options.append("ragged => 'pad'")
        # Of one column or few rows the separator may not be seen; half of the files say it.
        if self.dice.random() < 0.5 or len(self.rows) < 20 or self.pads:
            options.append("separator => '%s'" % self.separator.replace("\t", "\\t"))
        if all_text:
            options.append("all_text => true")
        return "".join(", " + option for option in options)

    def query(self, all_text):
        return f"FROM read_csv('{self.path}'{self.options(all_text)})"


def ask(program, dice, sql):
    command = [program, "--partitions", str(dice.choice([1, 2, 7])), "-f", "json", "-c", sql]
    done = subprocess.run(command, capture_output=True, timeout=120)
    if done.returncode:
        return None, done.stderr.decode(errors="replace").split("\n")[0]
    return json.loads(done.stdout, parse_float=decimal.Decimal), None


def of_duckdb(dirty):
    if dirty.encoding not in ("utf-8", "utf-8-sig") or dirty.line_end == "\r":
        return None
    options = {"all_varchar": True, "delimiter": dirty.separator, "header": True, "quotechar": '"', "escapechar": '"', "skiprows": dirty.skip}
    if dirty.null:
        options["na_values"] = dirty.null
    if dirty.comment:
        options["comment"] = "#"
    if dirty.pads:
        options["null_padding"] = True
    try:
        return [list(row) for row in duckdb.connect().read_csv(dirty.path, **options).fetchall()]
    except duckdb.Error:
        return None


def of_pandas(dirty):
    if pandas is None:
        return None
    try:
        frame = pandas.read_csv(
            dirty.path, sep=dirty.separator, dtype=str, encoding=dirty.encoding, keep_default_na=False, na_values=[dirty.null] if dirty.null else [""],
            skiprows=dirty.skip, comment="#" if dirty.comment else None, lineterminator="\r" if dirty.line_end == "\r" else None,
        )
    except Exception:
        return None
    return [[None if pandas.isna(value) else value for value in row] for row in frame.values.tolist()]


def without_empty(rows):
    """What tells NULL and an empty text apart in no format of others."""
    return [[value or None for value in row] for row in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default="target/release/portrait")
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts, failed = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.seed, given.seed + given.files):
            dirty = Dirty(seed, folder)
            expected = dirty.expected()
            got, error = ask(given.program, dirty.dice, "SELECT * " + dirty.query(True))
            rows = got and [list(row.values()) for row in got]
            problem = error or (rows != expected and first_difference(expected, rows))
            if not problem:
                problem = sums(given.program, dirty)
            if problem:
                failed += 1
                print(f"seed {seed}: {problem}\n    {dirty.query(True)}", flush=True)
            for name, other in (("DuckDB", of_duckdb(dirty)), ("pandas", of_pandas(dirty))):
                same = other is not None and without_empty(other) == without_empty(expected)
                counts[name, "the same" if same else "not read" if other is None else "different"] += 1
            os.remove(dirty.path)
    print(f"{given.files} files, {failed} of them read otherwise than they were written")
    for (name, what), count in sorted(counts.items()):
        print(f"    {name}: {count} {what}")
    sys.exit(failed > 0)


def sums(program, dirty):
    """With guessed types, numbers are those that were written."""
    for column, kind in enumerate(dirty.kinds):
        if kind not in ("whole", "number") or dirty.twice:
            continue
        values = [row[column] for row in dirty.expected() if row[column] not in (None, "")]
        if not values:
            continue
        got, error = ask(program, dirty.dice, f"SELECT count(c{column}) AS n, CAST(sum(c{column}) AS DECIMAL(20, 2)) AS s " + dirty.query(False))
        if error:
            return error
        expected = sum(map(decimal.Decimal, values))
        if got[0]["n"] != len(values) or abs(decimal.Decimal(str(got[0]["s"])) - expected) > decimal.Decimal("0.01"):
            return f"c{column}: {got[0]}, right {len(values)}, {expected}"
    return None


def first_difference(expected, got):
    if len(expected) != len(got):
        return f"{len(got)} rows, right {len(expected)}"
    return next(f"row {place}: {mine}, right {right}" for place, (right, mine) in enumerate(zip(expected, got)) if right != mine)


if __name__ == "__main__":
    main()
