"""Answers of DuckDB as a test of Portrait."""

import datetime
import decimal
import os
import shutil

import queries
import tables

FOLDER = os.path.join("tests", "sql", "differential")

# An answer with more rows is no test that somebody reads, one of fewer says little.
ROWS = range(2, 13)


def external(folder, names):
    """What makes files known to Portrait as tables."""
    return "".join(f"CREATE EXTERNAL TABLE {table} STORED AS PARQUET LOCATION '{folder}/{table}.parquet';" for table in names)


def views(folder):
    """What makes the tables known to Portrait."""
    return external(folder, tables.COLUMNS) + "".join(f"CREATE VIEW {view} AS {sql};" for view, (sql, _, _) in tables.VIEWS.items())


def cell(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        text = value.astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat() + "Z" if value.tzinfo else value.isoformat()
        return text
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    return str(value) or "(empty)"


def letter(data_type):
    if "INT" in data_type:
        return "I"
    return "R" if data_type.startswith("DECIMAL") else "T"


def write(both, seeds, count):
    os.makedirs(FOLDER, exist_ok=True)
    for table in tables.COLUMNS:
        shutil.copy(f"{both.folder}/{table}.parquet", FOLDER)
    made = [statement.strip() for statement in views(FOLDER.replace(os.sep, "/")).split(";") if statement.strip()]
    lines = ["# Answers of DuckDB to random queries: written by `python tests/differential/run.py --record`, not by hand."]
    lines += [f"\nstatement ok\n{' '.join(statement.split())}" for statement in made]
    written = 0
    for seed in seeds:
        sql, ordered = queries.query(seed)
        expected, _ = both.of_duckdb(sql)
        if expected is None or len(expected) not in ROWS or any(isinstance(value, (float, list)) for row in expected for value in row):
            continue
        got, error, types = both.of_portrait(sql, seed, 2, 8192)
        text = [" ".join(map(cell, row)) for row in expected]
        # The scale of a decimal is each side's own.
        if error or "DOUBLE" in types or sorted(text) != sorted(" ".join(map(cell, row)) for row in got):
            continue
        rows = text if ordered else sorted(text)
        lines.append(f"\n# {seed}\nquery {''.join(map(letter, types))}{'' if ordered else ' rowsort'}\n{sql}\n----\n" + "\n".join(rows))
        written += 1
        if written == count:
            break
    with open(os.path.join(FOLDER, "answers.slt"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print(f"{written} answers written")
