"""REFRESH IDENTITY of all records, and of 1 % new ones, each a whole process; the persons are compared with those of a refresh of all.

    python benches/peers/new_records.py [--records 1000000] [--portrait target/release/portrait]

Records have a phone, an e-mail and an id card, each in some of them only; many are of one person. The CPU of starting the program is taken off.
"""

import argparse
import tempfile

from process import run

# A hash of the number of a record decides whose it is and what it tells.
RECORDS = """SELECT i AS customer_id,
  CASE WHEN a < 85 THEN '+86 1' || (30 + p % 70) || '-' || lpad(CAST(p * 7919 % 10000 AS VARCHAR), 4, '0') || '-' || lpad(CAST(p // 70 % 10000 AS VARCHAR), 4, '0')
    WHEN a < 90 THEN '13800138000' END AS phone,
  CASE WHEN b < 50 THEN ' User' || p || '@Example.com' WHEN b < 60 THEN 'u' || i || '@qq.com' END AS email,
  CASE WHEN c < 40 THEN 'card ' || p END AS id_card
FROM (SELECT i, i * 2654435761 % 4294967291 % ({records} * 7 // 10) AS p, i * 40503 % 99991 % 100 AS a, i * 30011 % 99989 % 100 AS b, i * 20011 % 99971 % 100 AS c
  FROM range({first}, {last}) AS t(i))"""
IDENTITY = """CREATE IDENTITY {name} WITH (key = 'customer_id', match_on = 'id_card, phone, email', hard_keys = 'id_card') AS
  SELECT customer_id, clean_phone(phone) AS phone, clean_email(email) AS email, id_card FROM records"""
OTHER = """SELECT count(*) AS differences FROM
  (SELECT *, min(customer_id) OVER (PARTITION BY person_id) AS first FROM identity.grown) AS g FULL JOIN
  (SELECT *, min(customer_id) OVER (PARTITION BY person_id) AS first FROM identity.whole) AS w ON g.customer_id = w.customer_id
WHERE g.first IS DISTINCT FROM w.first OR g.records IS DISTINCT FROM w.records OR g.evidence IS DISTINCT FROM w.evidence"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--records", type=int, default=1_000_000)
    arguments.add_argument("--portrait", default="target/release/portrait")
    given = arguments.parse_args()
    records, more = given.records, given.records // 100
    with tempfile.TemporaryDirectory() as folder:
        sql = lambda text: run([given.portrait, "-d", f"{folder}/db", "-f", "csv", "-c", text])
        made = lambda first, last: RECORDS.format(records=records, first=first, last=last)
        sql(f"CREATE TABLE records AS {made(0, records)}")
        sql(IDENTITY.format(name="grown"))
        sql("SELECT 1")
        start = sql("SELECT 1")[1]
        full = sql("REFRESH IDENTITY grown")
        sql(f"INSERT INTO records {made(records, records + more)}")
        added = sql("REFRESH IDENTITY grown")
        nothing = sql("REFRESH IDENTITY grown")
        sql(IDENTITY.format(name="whole"))
        sql("REFRESH IDENTITY whole")
        print(sql(OTHER)[0])
        print("| refresh | CPU s | wall s | peak MB | CPU, all records = 1 |\n|---|---:|---:|---:|---:|")
        for name, (_, cpu, wall, memory) in {"all records": full, "1 % new records": added, "nothing new": nothing}.items():
            print(f"| {name} | {cpu - start:.2f} | {wall:.2f} | {memory:.0f} | {(cpu - start) / (full[1] - start):.3f} |")


if __name__ == "__main__":
    main()
