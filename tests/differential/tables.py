"""The tables that both sides read, and functions of Portrait beside the SQL that says the same."""

# They repeat values and have NULLs, ties, numbers that are no numbers, and texts that are none.
TABLES = """
CREATE TABLE customers AS SELECT i AS customer_id,
  CASE WHEN i % 11 = 0 THEN NULL ELSE ['北京', '上海', '广州', 'Xi''an', ''][1 + (i * 7) % 5] END AS city,
  CAST(CASE WHEN i % 13 = 0 THEN NULL ELSE 18 + (i * 17) % 60 END AS INTEGER) AS age,
  CAST(CASE WHEN i % 9 = 0 THEN NULL ELSE ((i * 7919) % 100000 - 20000) / 100.0 END AS DECIMAL(12, 2)) AS balance,
  CAST(CASE WHEN i % 8 = 0 THEN NULL ELSE (i * 104729 - 5000000) / 7.0 END AS DECIMAL(26, 8)) AS wealth,
  CASE WHEN i % 10 = 0 THEN 'NaN'::DOUBLE WHEN i % 17 = 0 THEN NULL ELSE ((i * 31) % 97) / 7.0 END AS score,
  DATE '2023-01-01' + CAST((i * 37) % 900 AS INTEGER) AS joined,
  i % 3 = 0 AS vip
FROM range(1, 121) AS r(i);
CREATE TABLE orders AS SELECT i AS order_id,
  CASE WHEN i % 19 = 0 THEN NULL ELSE (i * i + i * 7) % 130 END AS customer_id,
  TIMESTAMP '2023-06-01 00:00:00' + to_seconds((i * 104729) % 60000000) AS ordered_at,
  CASE WHEN i % 5 = 0 THEN NULL ELSE TIMESTAMPTZ '2023-06-01 00:00:00+00' + to_seconds((i * 15485863) % 60000000) END AS paid_at,
  CAST(CASE WHEN i % 23 = 0 THEN NULL ELSE ((i * 6151) % 50000 - 500) / 100.0 END AS DECIMAL(12, 2)) AS amount,
  CAST((i * 5) % 7 AS INTEGER) AS quantity,
  ['web', 'app', 'store', NULL][1 + i % 4] AS channel
FROM range(1, 501) AS r(i);
CREATE TABLE items AS SELECT (i * i) % 150 AS order_id, ['tea', 'cup', 'pot', 'milk', 'jam'][1 + (i * 11) % 5] AS item,
  CAST(1 + i % 4 AS INTEGER) AS pieces, ((i * 13) % 41) / 4.0 AS weight,
  CASE WHEN i % 6 = 0 THEN 'n/a' WHEN i % 14 = 0 THEN NULL ELSE CAST((i * 29) % 83 AS VARCHAR) END AS code,
  CASE WHEN i % 12 = 0 THEN NULL ELSE ['new|gift', 'sale', 'gift|sale|new', 'new||x', ''][1 + i % 5] END AS labels
FROM range(1, 401) AS r(i);
"""

COLUMNS = {
    "customers": {
        "customer_id": "int", "city": "text", "age": "int", "balance": "decimal", "wealth": "wide", "score": "double", "joined": "date",
        "vip": "bool",
    },
    "orders": {
        "order_id": "int", "customer_id": "int", "ordered_at": "time", "paid_at": "zoned", "amount": "decimal", "quantity": "int",
        "channel": "text",
    },
    "items": {"order_id": "int", "item": "text", "pieces": "int", "weight": "double", "code": "text", "labels": "text"},
}

KEYS = {
    "customers": ["customer_id"], "orders": ["order_id", "customer_id"], "items": ["order_id"], "scored": ["customer_id"],
    "habits": ["customer_id"], "pairs": ["baskets"], "rules": ["baskets"],
}

# The names that Portrait has for functions of DuckDB.
MACROS = """
CREATE MACRO regexp_like(a, b) AS regexp_matches(a, b);
CREATE MACRO signum(a) AS sign(a);
CREATE MACRO to_char(a, b) AS strftime(a, b);
CREATE MACRO date_bin(a, b, c) AS time_bucket(a, b, c);
"""

_CUTS = """SELECT i, (SELECT {0} FROM (SELECT {0}, row_number() OVER (ORDER BY {0}) AS place, count(*) OVER () AS n FROM measures)
  WHERE place = (i * n + 3) // 4) AS {0} FROM range(1, 4) AS r(i)"""


def _quantile(column, turned=False):
    score = f"(SELECT count(*) FROM ({_CUTS.format(column)}) AS cuts WHERE cuts.{column} < m.{column})"
    return f"CAST({f'4 - {score}' if turned else f'1 + {score}'} AS INTEGER)"


# Each is a view on both sides: a call here, plain SQL there.
VIEWS = {
    "scored": (
        """SELECT customer_id, recency_days, frequency, monetary, recency_score, frequency_score, monetary_score, rfm_score
        FROM rfm(orders, customer => customer_id, order_time => ordered_at, amount => amount, order_id => order_id,
        as_of => DATE '2025-01-31', bins => 4)""",
        f"""WITH measures AS (
          SELECT customer_id, date_diff('day', CAST(max(ordered_at) AS DATE), DATE '2025-01-31') AS recency_days,
            count(DISTINCT order_id) AS frequency, CAST(sum(amount) AS DECIMAL(22, 2)) AS monetary
          FROM orders WHERE customer_id IS NOT NULL AND amount IS NOT NULL AND ordered_at < DATE '2025-02-01' GROUP BY customer_id)
        SELECT *, CAST(recency_score AS VARCHAR) || CAST(frequency_score AS VARCHAR) || CAST(monetary_score AS VARCHAR) AS rfm_score
        FROM (SELECT *, {_quantile('recency_days', turned=True)} AS recency_score, {_quantile('frequency')} AS frequency_score,
          {_quantile('monetary')} AS monetary_score FROM measures AS m)""",
        {
            "customer_id": "int", "recency_days": "int", "frequency": "int", "monetary": "decimal", "recency_score": "int",
            "frequency_score": "int", "monetary_score": "int", "rfm_score": "text",
        },
    ),
    "pairs": (
        """SELECT itemset[1] AS first, itemset[2] AS second, count AS baskets
        FROM frequent_itemsets(items, basket => order_id, item => item, min_count => 2, max_len => 2) WHERE length = 2""",
        """SELECT a.item AS first, b.item AS second, count(DISTINCT a.order_id) AS baskets FROM items AS a JOIN items AS b
        ON a.order_id = b.order_id AND a.item < b.item GROUP BY a.item, b.item HAVING count(DISTINCT a.order_id) >= 2""",
        {"first": "text", "second": "text", "baskets": "int"},
    ),
    "rules": (
        """SELECT antecedents[1] AS given, consequents[1] AS item, confidence, lift, count AS baskets
        FROM association_rules(items, basket => order_id, item => item, min_count => 1, max_len => 2, min_confidence => 0)""",
        """WITH lines AS (SELECT DISTINCT order_id, item FROM items), sizes AS (SELECT item, count(*) AS n FROM lines GROUP BY item),
          together AS (SELECT a.item AS given, b.item, count(*) AS baskets FROM lines AS a JOIN lines AS b USING (order_id)
            WHERE a.item <> b.item GROUP BY ALL)
        SELECT given, t.item, CAST(baskets AS DOUBLE) / g.n AS confidence,
          CAST(baskets AS DOUBLE) / g.n / (CAST(s.n AS DOUBLE) / (SELECT count(DISTINCT order_id) FROM lines)) AS lift, baskets
        FROM together AS t JOIN sizes AS g ON g.item = given JOIN sizes AS s ON s.item = t.item""",
        {"given": "text", "item": "text", "confidence": "double", "lift": "double", "baskets": "int"},
    ),
    "habits": (
        """SELECT customer_id, preference(channel) AS channel, preference_share(channel) AS share,
          first_value_by(channel, ordered_at) AS first_channel, purchase_cycle(ordered_at) AS cycle
        FROM orders GROUP BY customer_id""",
        """WITH weights AS (SELECT customer_id, channel, count(*) AS n FROM orders WHERE channel IS NOT NULL GROUP BY ALL),
          best AS (SELECT customer_id, channel, n / sum(n) OVER (PARTITION BY customer_id) AS share,
            row_number() OVER (PARTITION BY customer_id ORDER BY n DESC, channel) AS place FROM weights)
        SELECT o.customer_id, any_value(b.channel) AS channel, any_value(b.share) AS share,
          (min(struct_pack(at := ordered_at, c := o.channel)) FILTER (WHERE o.channel IS NOT NULL)).c AS first_channel,
          CASE WHEN count(DISTINCT CAST(ordered_at AS DATE)) > 1 THEN
            date_diff('day', min(CAST(ordered_at AS DATE)), max(CAST(ordered_at AS DATE))) / (count(DISTINCT CAST(ordered_at AS DATE)) - 1.0::DOUBLE)
          END AS cycle
        FROM orders AS o LEFT JOIN best AS b ON b.customer_id IS NOT DISTINCT FROM o.customer_id AND b.place = 1 GROUP BY o.customer_id""",
        {"customer_id": "int", "channel": "text", "share": "double", "first_channel": "text", "cycle": "double"},
    ),
}
