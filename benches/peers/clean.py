"""Telephone numbers and dates: portrait beside Python's phonenumbers and dateutil, each a whole process from Parquet, in turn.

    pip install phonenumbers python-dateutil pyarrow
    python benches/peers/clean.py --runs 3

Printed are the medians of CPU seconds, wall seconds and peak memory. Of numbers the answers are compared, of dates how many were read.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from process import medians, run

PHONES = """COPY (SELECT CASE value % 4 WHEN 0 THEN '138' || lpad(CAST(value % 100000000 AS VARCHAR), 8, '0')
    WHEN 1 THEN '+86 138 ' || lpad(CAST(value % 10000 AS VARCHAR), 4, '0') || ' 8000'
    WHEN 2 THEN '0086-139-0013-' || lpad(CAST(value % 10000 AS VARCHAR), 4, '0')
    ELSE '(010) 8888-' || lpad(CAST(value % 10000 AS VARCHAR), 4, '0') END AS phone
  FROM generate_series(1, {rows}) AS numbers(value)) TO '{file}'"""
DATES = """COPY (SELECT CASE value % 3 WHEN 0 THEN strftime(day, '%Y-%m-%d') WHEN 1 THEN strftime(day, '%Y/%m/%d') ELSE strftime(day, '%d %b %Y') END AS date
  FROM (SELECT value, DATE '2000-01-01' + CAST(value % 9000 AS INT) AS day FROM generate_series(1, {rows}) AS days(value)) AS days) TO '{file}'"""

PHONENUMBERS = """
import sys, pyarrow.parquet as pq, phonenumbers
clean = set()
read = 0
for phone in pq.read_table(sys.argv[1])['phone'].to_pylist():
    number = phonenumbers.parse(phone, 'CN')
    if phonenumbers.is_valid_number(number):
        read += 1
        clean.add(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
print(read, len(clean))
"""
DATEUTIL = """
import sys, pyarrow.parquet as pq
from dateutil import parser
print(len([parser.parse(date).date() for date in pq.read_table(sys.argv[1])['date'].to_pylist()]))
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", default="target/release/portrait")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--runs", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for what, make, query, peer in [
            ("phones", PHONES, "SELECT count(clean_phone(phone)), count(DISTINCT clean_phone(phone)) FROM '{}'", PHONENUMBERS),
            ("dates", DATES, "SELECT count(parse_date(date)) FROM '{}'", DATEUTIL),
        ]:
            file = Path(folder) / f"{what}.parquet"
            subprocess.run([given.program, "-c", make.format(rows=given.rows, file=file)], check=True, stdout=subprocess.DEVNULL)
            commands = {
                "portrait": [given.program, "-f", "csv", "-c", query.format(file)],
                "python": [sys.executable, "-c", peer, str(file)],
            }
            answers = {name: run(command)[0].split() for name, command in commands.items()}
            print(what, answers)
            for name, (cpu, wall, memory) in medians(commands, given.runs).items():
                print(f"  {name:10} {cpu:8.2f} CPU s {wall:8.2f} s {memory:8.0f} MB")


if __name__ == "__main__":
    main()
