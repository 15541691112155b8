"""The rows that servers send in the comparisons of this folder: eight columns of every common type, and NULLs."""

COLUMNS = """i AS id, 'customer ' || i AS name, CAST(i % 100000 AS DECIMAL(12, 2)) / 4 AS price, CAST(i AS DOUBLE PRECISION) / 7 AS score, i % 3 = 0 AS vip,
  DATE '2024-01-01' + CAST(i % 1000 AS INT) AS day, TIMESTAMP '2024-01-01 00:00:00' + INTERVAL '1 second' * (i % 86400) AS at,
  CASE WHEN i % 10 = 0 THEN NULL ELSE CAST(i % 50 AS INT) END AS age"""


def made(rows):
    """The statement that makes them, in portrait and in PostgreSQL."""
    return f"CREATE TABLE million AS SELECT {COLUMNS} FROM generate_series(CAST(1 AS BIGINT), CAST({rows} AS BIGINT)) AS g(i)"
