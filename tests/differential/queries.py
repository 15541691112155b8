"""Random queries in the SQL that DuckDB and Portrait share."""

from expressions import KINDS, Expressions
from tables import COLUMNS, KEYS, VIEWS

# Queries within queries.
DEPTH = 2

SOURCES = COLUMNS | {name: columns for name, (_, _, columns) in VIEWS.items()}


class Writer(Expressions):
    """Writes one query from a seed. A query comes with its scope: the kinds of its columns."""

    # ── what stands in FROM ────────────────────────────────────────────────────────────────────────────────────────────────

    def table(self):
        name = self.pick(SOURCES) if self.chance(40) else self.pick(COLUMNS)
        return name, dict(SOURCES[name])

    def source(self, depth):
        """FROM … and the columns that it gives."""
        if depth > 0 and self.chance(35):
            query, scope = self.query(depth - 1)
            return f"({query}) AS s", scope
        if self.chance(40):
            return self.join()
        if self.chance(8):
            return self.unnested()
        if self.chance(5):
            rows = ", ".join(f"({self.literal('int')}, {self.literal('text')}, {self.literal('date')})" for _ in range(3))
            return f"(VALUES {rows}, (NULL, NULL, NULL)) AS v(n, t, d)", {"n": "int", "t": "text", "d": "date"}
        if self.chance(4):
            return f"generate_series(1, {self.pick([1, 10, 40])}) AS g(n)", {"n": "int"}
        return self.table()

    def unnested(self):
        # An empty text has no parts in PostgreSQL, and one in DuckDB.
        list_of = self.pick(["string_to_array(nullif(r.labels, ''), '|')", "string_to_array(coalesce(nullif(r.labels, ''), 'none'), '|')"])
        scope = {"order_id": "int", "item": "text", "label": "text"}
        return f"(SELECT r.order_id, r.item, u.label FROM items AS r CROSS JOIN UNNEST({list_of}) AS u(label)) AS x", scope

    def join(self):
        left, left_scope = self.table()
        right, right_scope = self.table()
        scope = {f"l.{name}": kind for name, kind in left_scope.items()} | {f"r.{name}": kind for name, kind in right_scope.items()}
        on = f"l.{self.pick(KEYS[left])} = r.{self.pick(KEYS[right])}"
        kind = self.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        if self.chance(40):
            on += f" AND {self.condition(scope, 1)}"
        if self.chance(10):
            on = f"l.{self.pick(KEYS[left])} IS NOT DISTINCT FROM r.{self.pick(KEYS[right])}"
        if self.chance(8):
            # DuckDB knows FULL JOIN with an equality alone.
            kind, on = self.pick(["JOIN", "LEFT JOIN"]), f"l.{self.pick(KEYS[left])} < r.{self.pick(KEYS[right])} AND r.{self.pick(KEYS[right])} < 30"
        joined = f"{left} AS l {kind} {right} AS r ON {on}"
        if self.chance(15):
            other, other_scope = self.table()
            scope |= {f"o.{name}": kind for name, kind in other_scope.items()}
            joined += f" {self.pick(['JOIN', 'LEFT JOIN'])} {other} AS o ON r.{self.pick(KEYS[right])} = o.{self.pick(KEYS[other])}"
        columns = self.dice.sample(sorted(scope), min(5, len(scope)))
        given = {f"c{place}": scope[column] for place, column in enumerate(columns)}
        listed = ", ".join(f"{column} AS c{place}" for place, column in enumerate(columns))
        where = f" WHERE {self.condition(scope, 1)}" if self.chance(30) else ""
        return f"(SELECT {listed} FROM {joined}{where}) AS j", given

    def subquery(self, scope):
        """A condition that asks another table."""
        other, other_scope = self.table()
        key = self.column(scope, "int")
        if not key:
            return self.condition(scope)
        of_other = self.pick(KEYS[other])
        inner = f"SELECT {of_other} FROM {other} WHERE {self.condition(other_scope, 1)}"
        number = self.column(other_scope, "int")
        return self.pick([
            f"{key} IN ({inner})", f"{key} NOT IN ({inner})", f"{key} NOT IN ({inner} AND {of_other} IS NOT NULL)",
            f"EXISTS (SELECT 1 FROM {other} AS o WHERE o.{of_other} = {key})",
            f"NOT EXISTS (SELECT 1 FROM {other} AS o WHERE o.{of_other} = {key})",
            f"{key} {self.pick(['>', '<='])} (SELECT {self.pick(['max', 'min', 'sum', 'count'])}({number}) FROM {other})",
            f"({key} IN ({inner}) OR {self.condition(scope, 1)})",
            f"{key} {self.pick(['=', '<>', '<', '<=', '>', '>='])} {self.pick(['ANY', 'ALL'])} ({inner})",
            f"({key} {self.pick(['<', '>='])} {self.pick(['ANY', 'ALL'])} ({inner})) IS NULL",
            f"(SELECT count(*) FROM {other} AS o WHERE o.{of_other} = {key}) {self.pick(['>', '='])} {self.pick([0, 1, 3])}",
            f"(SELECT max(o.{number}) FROM {other} AS o WHERE o.{of_other} = {key}) > {self.literal('int')}",
        ])

    # ── what is made of it ─────────────────────────────────────────────────────────────────────────────────────────────────

    def aggregate(self, scope):
        e = lambda kind: self.expression(scope, kind, 1)
        any_kind = self.pick(["int", "text", "date", "interval", "decimal", "zoned", "bool", "double"])
        text, double = e("text"), self.column(scope, "double") or self.literal("double")
        finite = f"CASE WHEN {double} < 1000000 THEN {double} END"
        call, kind = self.pick([
            ("count(*)", "int"), (f"count({e('text')})", "int"), (f"count(DISTINCT {e(any_kind)})", "int"), (f"sum({e('int')})", "int"),
            (f"sum({e('decimal')})", "decimal"), (f"sum({e('wide')})", "wide"), (f"min({e('text')})", "text"), (f"max({e('time')})", "time"),
            (f"min({e('zoned')})", "zoned"), (f"min({e('date')})", "date"), (f"max({e('double')})", "double"), (f"min({e('wide')})", "wide"),
            (f"max({e('interval')}) > {self.literal('interval')}", "bool"), (f"bool_or({self.condition(scope, 1)})", "bool"),
            (f"bool_and({self.condition(scope, 1)})", "bool"), (f"sum(DISTINCT {e('int')})", "int"), (f"avg({e('int')})", "double"),
            (f"avg({e('double')})", "double"), (f"sum({e('double')})", "double"), (f"median({e('double')})", "double"),
            (f"percentile_cont({self.pick([0.25, 0.5, 0.9])}) WITHIN GROUP (ORDER BY {e('double')})", "double"),
            (f"string_agg({text}, ',' ORDER BY {text})", "text"), (f"stddev_samp({finite})", "double"), (f"var_pop({finite})", "double"),
            (f"string_agg(DISTINCT {text}, '/' ORDER BY {text} DESC)", "text"),
            # A list of NULLs alone is an empty text in PostgreSQL, and NULL in DuckDB; values that are all the same correlate with nothing, NaN in DuckDB.
            (f"coalesce(array_to_string(array_agg({text} ORDER BY {text} NULLS FIRST), ';'), '')", "text"),
            (f"nullif(corr({finite}, {self.column(scope, 'int') or 1}), CAST('NaN' AS DOUBLE))", "double"),
            (f"abs(avg({e('decimal')}) - 10) < {self.literal('double')}", "bool"),
            (f"covar_samp({finite}, {self.column(scope, 'int') or 1})", "double"),
        ])
        if self.chance(25) and call.endswith(")") and not call.startswith(("coalesce", "nullif", "abs")):
            call += f" FILTER (WHERE {self.condition(scope, 1)})"
        return call, kind

    def grouped(self, scope, source):
        keys = {f"k{place}": self.pick([kind for kind in KINDS if kind != "interval"]) for place in range(self.dice.randint(0, 3))}
        listed = {name: self.expression(scope, kind, 1) for name, kind in keys.items()}
        own = {f"a{place}": scope[column] for place, column in enumerate(sorted(scope))}
        # A literal is a position in GROUP BY.
        inner = ", ".join([f"{text} AS {name}" for name, text in listed.items()] + [f"{column} AS a{place}" for place, column in enumerate(sorted(scope))])
        aggregates = [self.aggregate(own) for _ in range(self.dice.randint(1, 3))]
        given = dict(keys) | {f"v{place}": kind for place, (_, kind) in enumerate(aggregates)}
        columns = list(keys) + [f"{call} AS v{place}" for place, (call, _) in enumerate(aggregates)]
        where = f" WHERE {self.condition(scope)}" if self.chance(40) else ""
        names = list(keys)
        sets = ""
        if names:
            of_all = ", ".join(names)
            some = ", ".join(name for name in names if self.chance(50))
            sets = self.pick([
                of_all, of_all, of_all, of_all, f"ROLLUP ({of_all})", f"CUBE ({of_all})", f"GROUPING SETS (({of_all}), ())",
                f"GROUPING SETS (({of_all}), ({some}), ({names[-1]}))", f"{names[0]}, ROLLUP ({of_all})",
            ])
            if "(" in sets and self.chance(30):
                columns.append(f"grouping({names[0]}) AS rolled")
                given["rolled"] = "int"
            if sets == of_all and self.chance(12):
                # An interval comes out with one of its lengths, which both sides choose as they like: only its groups are counted.
                columns, given, inner = ["count(*) AS v0"], {"v0": "int"}, inner + f", {self.expression(scope, 'interval', 1)} AS span"
                sets += ", span"
        query = f"SELECT {', '.join(columns)} FROM (SELECT {inner} FROM {source}{where}) AS g"
        if sets:
            query += f" GROUP BY {sets}"
        if self.chance(25):
            query += " HAVING " + self.pick([
                f"count(*) {self.pick(['>', '<='])} {self.pick([0, 1, 3])}", f"max({self.pick(own)}) IS NOT NULL",
                f"count(DISTINCT {self.pick(own)}) > 1 AND min({self.pick(own)}) IS NOT NULL",
            ])
        return query, given

    def windowed(self, scope, source):
        whole = f"ORDER BY {', '.join(f'{column} {self.way()}' for column in sorted(scope))}"
        part = f"PARTITION BY {self.pick(sorted(scope))} " if self.chance(60) else ""
        number = self.column(scope, "int") or "1"
        decimal = self.column(scope, "decimal") or "CAST(1 AS DECIMAL(12, 2))"
        one = self.pick(sorted(scope))
        some = f"ORDER BY {one} {self.way()}"
        bounds = self.pick([
            "UNBOUNDED PRECEDING AND CURRENT ROW", "1 PRECEDING AND 1 FOLLOWING", "CURRENT ROW AND UNBOUNDED FOLLOWING", "2 FOLLOWING AND 3 FOLLOWING",
            "3 PRECEDING AND 1 PRECEDING", "UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING", "CURRENT ROW AND CURRENT ROW",
        ])
        # Rows that are equal in the order are together in these.
        peers = self.pick(["RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", f"GROUPS BETWEEN {bounds}"])
        sorted_int, sorted_date = self.column(scope, "int"), self.column(scope, "date") or self.column(scope, "time")
        near = ""
        if sorted_int and self.chance(50):
            near = f"ORDER BY {sorted_int} {self.way()} RANGE BETWEEN {self.pick(['5 PRECEDING AND 5 FOLLOWING', '10 PRECEDING AND CURRENT ROW', '1 FOLLOWING AND 20 FOLLOWING'])}"
        elif sorted_date:
            near = f"ORDER BY {sorted_date} {self.way()} RANGE BETWEEN INTERVAL '{self.pick(['30 days', '1 month', '36 hours'])}' PRECEDING AND CURRENT ROW"
        filtered = f" FILTER (WHERE {self.condition(scope, 1)})" if self.chance(20) else ""
        summed = self.pick([f"sum({number})", f"count({one})", f"max({number})", f"count(*)"]) + filtered
        call, kind = self.pick([
            (f"rank() OVER ({part}{some})", "int"), (f"dense_rank() OVER ({part}{some})", "int"), (f"row_number() OVER ({part}{whole})", "int"),
            (f"ntile({self.pick([2, 3, 7])}) OVER ({part}{whole})", "int"), (f"percent_rank() OVER ({part}{some})", "double"),
            (f"cume_dist() OVER ({part}{some})", "double"), (f"lag({number}) OVER ({part}{whole})", "int"),
            (f"lead({decimal}, 2, {self.literal('decimal')}) OVER ({part}{whole})", "decimal"),
            (f"first_value({number}) OVER ({part}{whole})", "int"), (f"last_value({number}) OVER ({part}{whole} ROWS BETWEEN {bounds})", "int"),
            (f"nth_value({number}, 2) OVER ({part}{whole} ROWS BETWEEN {bounds})", "int"),
            (f"{summed} OVER ({part}{some} {peers})", "int"), (f"{summed} OVER ({part}{whole} ROWS BETWEEN {bounds})", "int"),
            (f"{summed} OVER ({part}{near})", "int"), (f"sum({decimal}) OVER ({part}{some} {peers})", "decimal"),
            (f"min({decimal}) OVER ({part}{whole} ROWS BETWEEN {bounds})", "decimal"), (f"sum({decimal}) OVER ({part})", "decimal"),
            (f"avg({number}) OVER ({part}{some})", "double"),
        ])
        given = {f"w{place}": scope[column] for place, column in enumerate(sorted(scope))} | {"f": kind}
        listed = ", ".join(f"{column} AS w{place}" for place, column in enumerate(sorted(scope)))
        # The name of a column of FROM comes before that of a result.
        if self.chance(15) and "f" not in scope:
            return f"SELECT {listed}, {call} AS f FROM {source} QUALIFY f {self.pick(['<=', '=', '>'])} {self.literal(kind)}", given
        return f"SELECT {listed}, {call} AS f FROM {source}", given

    def way(self):
        return f"{self.pick(['ASC', 'DESC'])} NULLS {self.pick(['FIRST', 'LAST'])}"

    def united(self, depth):
        """Two queries of one shape, and a constant that tells them apart."""
        given = {f"u{place}": self.pick(["int", "text", "decimal", "date", "time", "zoned", "wide", "bool", "double"]) for place in range(2)} | {"side": "text"}
        sides = []
        for side in ("a", "b"):
            source, scope = self.source(depth)
            columns = [f"{self.expression(scope, kind, 1)} AS {name}" for name, kind in given.items() if name != "side"]
            where = f" WHERE {self.condition(scope, 1)}" if self.chance(50) else ""
            sides.append(f"SELECT {', '.join(columns)}, '{side if self.chance(30) else 'c'}' AS side FROM {source}{where}")
        word = self.pick(["UNION ALL", "UNION ALL", "UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"])
        return f"SELECT u0, u1, side FROM ({sides[0]} {word} {sides[1]}) AS u", given

    def constant(self, scope, source):
        """An aggregate of everything beside a constant, which a condition outside asks for."""
        call, kind = self.aggregate(scope)
        return f"SELECT '{self.pick('ab')}' AS side, {call} AS n FROM {source}", {"side": "text", "n": kind}

    def first_of_each(self, scope, source):
        """The first row of each key, in an order of all columns."""
        key = self.pick(sorted(scope))
        order = ", ".join(f"{column} {self.way()}" for column in [key] + [name for name in sorted(scope) if name != key])
        given = {f"d{place}": scope[column] for place, column in enumerate(sorted(scope))}
        listed = ", ".join(f"{column} AS d{place}" for place, column in enumerate(sorted(scope)))
        return f"SELECT DISTINCT ON ({key}) {listed} FROM {source} ORDER BY {order}", given

    def named(self):
        """A query with a name, read twice."""
        query, scope = self.query(0)
        key = self.pick(sorted(scope))
        columns = {name: kind for name, kind in scope.items()}
        given = {f"x{place}": kind for place, kind in enumerate(columns.values())} | {"y": columns[key]}
        listed = ", ".join(f"a.{name} AS x{place}" for place, name in enumerate(columns))
        return f"WITH n AS ({query}) SELECT {listed}, b.{key} AS y FROM n AS a {self.pick(['JOIN', 'LEFT JOIN'])} (SELECT DISTINCT {key} FROM n) AS b ON a.{key} = b.{key}", given

    def plain(self, scope, source, distinct):
        given = {f"e{place}": self.pick([kind for kind in KINDS if kind != "interval"]) for place in range(self.dice.randint(1, 4))}
        columns = ", ".join(f"{self.expression(scope, kind)} AS {name}" for name, kind in given.items())
        where = f" WHERE {self.subquery(scope) if self.chance(30) else self.condition(scope)}" if self.chance(70) else ""
        return f"SELECT {'DISTINCT ' if distinct else ''}{columns} FROM {source}{where}", given

    def query(self, depth=DEPTH):
        shape = self.pick(["plain"] * 4 + ["grouped"] * 5 + ["windowed"] * 4 + ["constant", "distinct", "first", "named", "united", "united"])
        if shape == "united":
            query, scope = self.united(max(depth - 1, 0))
        elif shape == "named" and depth > 0:
            query, scope = self.named()
        else:
            source, scope = self.source(depth)
            if shape == "grouped":
                query, scope = self.grouped(scope, source)
            elif shape == "windowed":
                query, scope = self.windowed(scope, source)
            elif shape == "constant":
                query, scope = self.constant(scope, source)
            elif shape == "first":
                query, scope = self.first_of_each(scope, source)
            else:
                query, scope = self.plain(scope, source, shape == "distinct")
        if self.chance(30):
            query = f"SELECT * FROM ({query}) AS f WHERE {self.condition(scope, 1)}"
        if self.chance(12):
            order = ", ".join(f"{column} {self.way()}" for column in sorted(scope))
            rows = self.pick(["LIMIT 1", "LIMIT 5", "LIMIT 20", "LIMIT 7 OFFSET 3", "OFFSET 10", ""])
            self.is_ordered = depth == DEPTH
            query = f"SELECT * FROM ({query}) AS o ORDER BY {order} {rows}".rstrip()
        return query, scope


def query(seed):
    """The query, and whether its rows come in an order of all their columns."""
    writer = Writer(seed)
    return writer.query()[0], writer.is_ordered
