"""Random queries in the SQL that DuckDB and Portrait share, over three small tables."""

import random

# Two sides of every comparison have these types; tables repeat values, have NULLs, ties and numbers that are no numbers.
TABLES = """
CREATE TABLE customers AS SELECT i AS customer_id,
  CASE WHEN i % 11 = 0 THEN NULL ELSE ['北京', '上海', '广州', 'Xi''an', ''][1 + (i * 7) % 5] END AS city,
  CAST(CASE WHEN i % 13 = 0 THEN NULL ELSE 18 + (i * 17) % 60 END AS INTEGER) AS age,
  CAST(CASE WHEN i % 9 = 0 THEN NULL ELSE ((i * 7919) % 100000 - 20000) / 100.0 END AS DECIMAL(12, 2)) AS balance,
  CASE WHEN i % 10 = 0 THEN 'NaN'::DOUBLE WHEN i % 17 = 0 THEN NULL ELSE ((i * 31) % 97) / 7.0 END AS score,
  DATE '2023-01-01' + CAST((i * 37) % 900 AS INTEGER) AS joined,
  i % 3 = 0 AS vip
FROM range(1, 121) AS r(i);
CREATE TABLE orders AS SELECT i AS order_id,
  CASE WHEN i % 19 = 0 THEN NULL ELSE (i * i) % 130 END AS customer_id,
  TIMESTAMP '2023-06-01 00:00:00' + to_seconds((i * 104729) % 60000000) AS ordered_at,
  CAST(CASE WHEN i % 23 = 0 THEN NULL ELSE ((i * 6151) % 50000 - 500) / 100.0 END AS DECIMAL(12, 2)) AS amount,
  CAST((i * 5) % 7 AS INTEGER) AS quantity,
  ['web', 'app', 'store', NULL][1 + i % 4] AS channel
FROM range(1, 501) AS r(i);
CREATE TABLE items AS SELECT (i * 3) % 520 AS order_id, ['tea', 'cup', 'pot', 'milk', 'jam'][1 + (i * 11) % 5] AS item,
  CAST(1 + i % 4 AS INTEGER) AS pieces, ((i * 13) % 41) / 4.0 AS weight
FROM range(1, 401) AS r(i);
"""

COLUMNS = {
    "customers": {
        "customer_id": "int", "city": "text", "age": "int", "balance": "decimal", "score": "double", "joined": "date", "vip": "bool",
    },
    "orders": {
        "order_id": "int", "customer_id": "int", "ordered_at": "time", "amount": "decimal", "quantity": "int", "channel": "text",
    },
    "items": {"order_id": "int", "item": "text", "pieces": "int", "weight": "double"},
}
KEYS = {"customers": ["customer_id"], "orders": ["order_id", "customer_id"], "items": ["order_id"]}


class Writer:
    """Writes one query from a seed."""

    def __init__(self, seed):
        self.dice = random.Random(seed)

    def pick(self, choices):
        return self.dice.choice(list(choices))

    def chance(self, percent):
        return self.dice.random() * 100 < percent

    # ── expressions ────────────────────────────────────────────────────────────────────────────────────────────────────

    def literal(self, kind):
        d = self.dice
        if kind == "int":
            return str(d.choice([0, 1, 2, 3, 7, 20, 40, 100, -5]))
        if kind == "decimal":
            return f"CAST('{d.choice([0, 1, 12.5, 99.99, -3.05, 250])}' AS DECIMAL(12, 2))"
        if kind == "double":
            return f"CAST({d.choice(['0.0', '1.5', '2.25', '10.0', '-1.0'])} AS DOUBLE)"
        if kind == "text":
            return d.choice(["'北京'", "'web'", "'app'", "''", "'tea'", "'x'"])
        if kind == "date":
            return f"DATE '{d.choice(['2023-01-31', '2023-12-31', '2024-02-29', '2025-01-01'])}'"
        if kind == "time":
            return f"TIMESTAMP '{d.choice(['2023-06-01 00:00:00', '2024-02-29 12:30:00', '2024-12-31 23:59:59'])}'"
        if kind == "interval":
            return f"INTERVAL '{d.choice(['1 day', '24 hours', '25 hours', '30 days', '1 month', '1 year', '90 minutes', '0 days'])}'"
        return d.choice(["TRUE", "FALSE"])

    def column(self, scope, kind):
        fitting = [name for name, own in scope.items() if own == kind]
        return self.pick(fitting) if fitting else None

    def expression(self, scope, kind, depth=2):
        column = self.column(scope, kind)
        if depth == 0 or self.chance(30):
            return column if column and self.chance(80) else self.literal(kind)
        e = lambda kind: self.expression(scope, kind, depth - 1)
        if self.chance(12):
            return f"CASE WHEN {self.condition(scope, depth - 1)} THEN {e(kind)} ELSE {e(kind)} END"
        if self.chance(8):
            return f"coalesce({e(kind)}, {e(kind)})"
        if self.chance(5):
            return f"nullif({e(kind)}, {self.literal(kind)})"
        if kind == "int":
            return self.pick([
                f"({e('int')} + {e('int')})", f"({e('int')} - {e('int')})", f"({e('int')} * {self.literal('int')})",
                f"({e('int')} % 7)", f"abs({e('int')})", f"length({e('text')})", f"(- {e('int')})",
                f"CAST(date_part('{self.pick(['year', 'month', 'day', 'quarter', 'week', 'doy'])}', {e('date')}) AS BIGINT)",
                f"CAST(date_part('{self.pick(['hour', 'minute', 'year'])}', {e('time')}) AS BIGINT)", f"({e('date')} - {e('date')})",
            ])
        if kind == "decimal":
            return self.pick([
                f"({e('decimal')} + {e('decimal')})", f"({e('decimal')} - {e('decimal')})", f"({e('decimal')} * {self.literal('int')})",
                f"abs({e('decimal')})", f"round({e('decimal')}, 1)", f"greatest({e('decimal')}, {e('decimal')})",
            ])
        if kind == "double":
            return self.pick([
                f"({e('double')} + {e('double')})", f"({e('double')} * {self.literal('double')})", f"abs({e('double')})",
                f"CAST({e('int')} AS DOUBLE)", f"CAST({e('decimal')} AS DOUBLE)", f"({e('double')} / 4.0)",
            ])
        if kind == "text":
            return self.pick([
                f"upper({e('text')})", f"({e('text')} || {e('text')})", f"substr({e('text')}, 1, 2)", f"replace({e('text')}, 'a', 'bb')",
                f"trim({e('text')})", f"CAST({e('int')} AS VARCHAR)", f"reverse({e('text')})", f"left({e('text')}, 2)",
                f"concat({e('text')}, '-', {e('text')})", f"CAST({e('date')} AS VARCHAR)",
            ])
        if kind == "date":
            return self.pick([
                f"({e('date')} + {self.pick([0, 1, 30, -7])})", f"CAST({e('time')} AS DATE)",
                f"CAST({e('date')} + {self.literal('interval')} AS DATE)", f"least({e('date')}, {e('date')})",
                f"CAST(date_trunc('{self.pick(['month', 'year', 'week', 'quarter'])}', {e('date')}) AS DATE)",
            ])
        if kind == "time":
            return self.pick([
                f"({e('time')} + {self.literal('interval')})", f"({e('time')} - {self.literal('interval')})",
                f"date_trunc('{self.pick(['day', 'month', 'hour'])}', {e('time')})", f"CAST({e('date')} AS TIMESTAMP)",
            ])
        if kind == "interval":
            return self.pick([f"({e('time')} - {e('time')})", self.literal("interval"), f"({self.literal('interval')} * {self.pick([2, 3, -1])})"])
        return self.condition(scope, depth)

    def condition(self, scope, depth=2):
        kind = self.pick(["int", "decimal", "double", "text", "date", "time", "interval", "bool"])
        e = lambda kind: self.expression(scope, kind, max(depth - 1, 0))
        c = lambda: self.condition(scope, depth - 1)
        shapes = [
            lambda: f"{e(kind)} {self.pick(['=', '<>', '<', '<=', '>', '>='])} {e(kind)}",
            lambda: f"{e(kind)} IS {self.pick(['', 'NOT '])}NULL",
            lambda: f"{e(kind)} IS {self.pick(['', 'NOT '])}DISTINCT FROM {e(kind)}",
            lambda: f"{e(kind)} {self.pick(['', 'NOT '])}BETWEEN {e(kind)} AND {e(kind)}",
            lambda: f"{e(kind)} {self.pick(['', 'NOT '])}IN ({self.literal(kind)}, {self.literal(kind)})",
            lambda: f"{e('text')} {self.pick(['', 'NOT '])}LIKE '{self.pick(['%a%', '_', '%', 'w%', '上%'])}'",
            lambda: f"{e('date')} {self.pick(['<', '>=', '='])} {e('time')}",
            lambda: f"{e('int')} {self.pick(['<', '>=', '='])} {e('decimal')}",
        ]
        if depth > 0:
            shapes += [
                lambda: f"({c()} AND {c()})", lambda: f"({c()} OR {c()})", lambda: f"NOT ({c()})",
                lambda: f"{e('bool')} IS {self.pick(['', 'NOT '])}{self.pick(['TRUE', 'FALSE'])}",
                lambda: f"{e(kind)} IS NOT DISTINCT FROM {e(kind)} {self.pick(['AND', 'OR'])} {c()}",
            ]
        return self.pick(shapes)()

    # ── relations ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def table(self):
        name = self.pick(COLUMNS)
        return name, dict(COLUMNS[name])

    def source(self, depth):
        """FROM … and the columns that it gives."""
        if depth > 0 and self.chance(35):
            query, scope = self.query(depth - 1)
            return f"({query}) AS s", scope
        if self.chance(45):
            return self.join(depth)
        return self.table()

    def join(self, depth):
        left, left_scope = self.table()
        right, right_scope = self.table()
        scope = {f"l.{name}": kind for name, kind in left_scope.items()} | {f"r.{name}": kind for name, kind in right_scope.items()}
        on = f"l.{self.pick(KEYS[left])} = r.{self.pick(KEYS[right])}"
        if self.chance(40):
            on += f" AND {self.condition(scope, 1)}"
        kind = self.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        columns = self.dice.sample(sorted(scope), min(5, len(scope)))
        given = {f"c{place}": scope[column] for place, column in enumerate(columns)}
        listed = ", ".join(f"{column} AS c{place}" for place, column in enumerate(columns))
        where = f" WHERE {self.condition(scope, 1)}" if self.chance(30) else ""
        return f"(SELECT {listed} FROM {left} AS l {kind} {right} AS r ON {on}{where}) AS j", given

    def semi(self, scope):
        other, other_scope = self.table()
        key = self.column(scope, "int")
        if not key:
            return self.condition(scope)
        inner = f"SELECT {self.pick(KEYS[other])} FROM {other} WHERE {self.condition(other_scope, 1)}"
        return self.pick([
            f"{key} IN ({inner})", f"EXISTS (SELECT 1 FROM {other} AS o WHERE o.{self.pick(KEYS[other])} = {key})",
            f"NOT EXISTS (SELECT 1 FROM {other} AS o WHERE o.{self.pick(KEYS[other])} = {key})",
        ])

    def aggregate(self, scope):
        call, kind = self.pick([
            ("count(*)", "int"), (f"count({self.expression(scope, 'text', 1)})", "int"),
            (f"count(DISTINCT {self.expression(scope, self.pick(['int', 'text', 'date', 'interval']), 1)})", "int"),
            (f"sum({self.expression(scope, 'int', 1)})", "int"), (f"sum({self.expression(scope, 'decimal', 1)})", "decimal"),
            (f"min({self.expression(scope, 'text', 1)})", "text"), (f"max({self.expression(scope, 'time', 1)})", "time"),
            (f"min({self.expression(scope, 'date', 1)})", "date"), (f"max({self.expression(scope, 'double', 1)})", "double"),
            (f"max({self.expression(scope, 'interval', 1)}) > {self.literal('interval')}", "bool"),
            (f"bool_or({self.condition(scope, 1)})", "bool"), (f"sum(DISTINCT {self.expression(scope, 'int', 1)})", "int"),
        ])
        if self.chance(25) and " > " not in call:
            call += f" FILTER (WHERE {self.condition(scope, 1)})"
        return call, kind

    def grouped(self, scope, source):
        keys = {f"k{place}": self.pick(["int", "text", "date", "bool", "decimal"]) for place in range(self.dice.randint(0, 2))}
        listed = {name: self.expression(scope, kind, 1) for name, kind in keys.items()}
        # A literal is a position in GROUP BY.
        inner = ", ".join([f"{text} AS {name}" for name, text in listed.items()] + [f"{column} AS a{place}" for place, column in enumerate(sorted(scope))])
        own = {f"a{place}": scope[column] for place, column in enumerate(sorted(scope))}
        aggregates = [self.aggregate(own) for _ in range(self.dice.randint(1, 3))]
        given = dict(keys) | {f"v{place}": kind for place, (_, kind) in enumerate(aggregates)}
        columns = list(keys) + [f"{call} AS v{place}" for place, (call, _) in enumerate(aggregates)]
        where = f" WHERE {self.condition(scope)}" if self.chance(40) else ""
        query = f"SELECT {', '.join(columns)} FROM (SELECT {inner} FROM {source}{where}) AS g"
        if keys:
            names = ", ".join(keys)
            query += f" GROUP BY {self.pick([names, names, f'ROLLUP ({names})', f'CUBE ({names})', f'GROUPING SETS (({names}), ())'])}"
        if self.chance(25):
            query += f" HAVING count(*) {self.pick(['>', '<='])} {self.pick([0, 1, 3])}"
        return query, given

    def windowed(self, scope, source):
        order = f"ORDER BY {', '.join(f'{column} NULLS LAST' for column in sorted(scope))}"
        part = f"PARTITION BY {self.pick(sorted(scope))} " if self.chance(60) else ""
        number = self.column(scope, "int") or "1"
        decimal = self.column(scope, "decimal") or "CAST(1 AS DECIMAL(12, 2))"
        call, kind = self.pick([
            (f"rank() OVER ({part}{order})", "int"), (f"dense_rank() OVER ({part}{order})", "int"),
            (f"sum({number}) OVER ({part}{order} RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)", "int"),
            (f"sum({decimal}) OVER ({part})", "decimal"), (f"count(*) OVER ({part}{order})", "int"),
            (f"min({decimal}) OVER ({part}{order})", "decimal"), (f"max({number}) OVER ({part})", "int"),
        ])
        given = {f"w{place}": scope[column] for place, column in enumerate(sorted(scope))} | {"f": kind}
        listed = ", ".join(f"{column} AS w{place}" for place, column in enumerate(sorted(scope)))
        return f"SELECT {listed}, {call} AS f FROM {source}", given

    def union(self, depth):
        """Two queries of one shape, and a constant that tells them apart."""
        given = {f"u{place}": self.pick(["int", "text", "decimal", "date", "time"]) for place in range(2)} | {"side": "text"}
        sides = []
        for side in ("a", "b"):
            source, scope = self.source(depth)
            columns = [f"{self.expression(scope, kind, 1)} AS {name}" for name, kind in given.items() if name != "side"]
            where = f" WHERE {self.condition(scope, 1)}" if self.chance(50) else ""
            sides.append(f"SELECT {', '.join(columns)}, '{side if self.chance(80) else 'c'}' AS side FROM {source}{where}")
        word = self.pick(["UNION ALL", "UNION", "INTERSECT", "EXCEPT"])
        return f"SELECT u0, u1, side FROM ({sides[0]} {word} {sides[1]}) AS u", given

    def constant(self, scope, source):
        """An aggregate of everything beside a constant, which a condition outside asks for."""
        call, kind = self.aggregate(scope)
        return f"SELECT '{self.pick('ab')}' AS side, {call} AS n FROM {source}", {"side": "text", "n": kind}

    def query(self, depth=2):
        if self.chance(15):
            query, scope = self.union(max(depth - 1, 0))
        else:
            source, scope = self.source(depth)
            shape = self.pick(["plain", "plain", "grouped", "grouped", "windowed", "constant", "distinct"])
            if shape == "grouped":
                query, scope = self.grouped(scope, source)
            elif shape == "windowed":
                query, scope = self.windowed(scope, source)
            elif shape == "constant":
                query, scope = self.constant(scope, source)
            else:
                given = {f"e{place}": self.pick(["int", "decimal", "double", "text", "date", "time", "bool"]) for place in range(self.dice.randint(1, 4))}
                columns = ", ".join(f"{self.expression(scope, kind)} AS {name}" for name, kind in given.items())
                where = f" WHERE {self.semi(scope) if self.chance(20) and ' AS j' not in source else self.condition(scope)}" if self.chance(70) else ""
                query = f"SELECT {'DISTINCT ' if shape == 'distinct' else ''}{columns} FROM {source}{where}"
                scope = given
        if self.chance(30):
            query = f"SELECT * FROM ({query}) AS f WHERE {self.condition(scope, 1)}"
        if self.chance(8):
            order = ", ".join(f"{column} {self.pick(['ASC', 'DESC'])} NULLS LAST" for column in sorted(scope))
            query = f"SELECT * FROM ({query}) AS o ORDER BY {order} LIMIT {self.pick([1, 5, 20])}"
        return query, scope


def query(seed):
    return Writer(seed).query()[0]
