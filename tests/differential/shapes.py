"""Queries of shapes that `queries.py` does not come to by chance: each is a template whose parts are drawn."""

from expressions import Expressions

# What stands in the columns of `odd`: ends of months, ties, hours that a clock has twice, decimals of many scales, NaN and both zeros, lists and structs.
TABLES = """
CREATE TABLE odd AS SELECT i AS id, CASE WHEN i % 7 = 0 THEN NULL ELSE i % 5 END AS k,
  CAST(CASE WHEN i % 9 = 0 THEN NULL ELSE (i * 13) % 10 END AS INTEGER) AS n,
  CASE WHEN i % 8 = 0 THEN NULL ELSE last_day(DATE '2023-01-15' + to_months(CAST((i * 5) % 26 AS INTEGER))) - CAST(i % 3 AS INTEGER) END AS day,
  CASE WHEN i % 10 = 0 THEN NULL ELSE TIMESTAMP '2024-01-30 00:00:00' + to_hours(CAST(((i * 7) % 40) * 12 AS INTEGER)) END AS moment,
  TIMESTAMPTZ '2024-11-03 03:30:00+00' + to_minutes(CAST(((i * 11) % 20) * 30 AS INTEGER)) AS z,
  CAST(CASE WHEN i % 6 = 0 THEN NULL ELSE ((i * 3) % 8) / 2.0 END AS DECIMAL(6, 1)) AS d1,
  CAST(CASE WHEN i % 5 = 4 THEN NULL ELSE ((i * 5) % 16) / 4.0 END AS DECIMAL(12, 3)) AS d3,
  CAST(CASE WHEN i % 4 = 1 THEN NULL ELSE ((i * 7) % 9) / 2.0 - 1 END AS DECIMAL(30, 9)) AS d9,
  [0.0::DOUBLE, -0.0::DOUBLE, 'NaN'::DOUBLE, NULL, 1.5, 'inf'::DOUBLE, '-inf'::DOUBLE, 2.0][1 + (i * 3) % 8] AS f,
  ['中文', 'é', 'é', 'E', NULL, '100%', 'a_b', '', '  x ', 'a\\b', '上海市'][1 + (i * 4) % 11] AS t,
  CASE WHEN i % 6 = 0 THEN NULL WHEN i % 6 = 1 THEN [] ELSE [i % 3, NULL, i % 4] END AS l,
  CASE WHEN i % 5 = 0 THEN NULL ELSE {'a': CAST(i % 3 AS INTEGER), 'b': ['x', NULL, 'y'][1 + i % 3]} END AS s
FROM range(1, 61) AS r(i);
CREATE TABLE nothing AS SELECT * FROM odd LIMIT 0;
"""

NAMES = ["odd", "nothing"]

COLUMNS = {
    "id": "int", "k": "int", "n": "int", "day": "date", "moment": "time", "z": "zoned", "d1": "decimal", "d3": "decimal", "d9": "decimal",
    "f": "double", "t": "text",
}

COMPARED = ["=", "<>", "<", "<=", ">", ">="]


class Shapes(Expressions):
    """Each method writes a query; `is_ordered` tells whether its rows come in an order."""

    def table(self):
        return "nothing" if self.chance(6) else "odd"

    def where(self, prefix="", percent=40):
        """A condition over `odd`, or none."""
        return f" WHERE {self.asked(prefix)}" if self.chance(percent) else ""

    def asked(self, prefix=""):
        scope = {f"{prefix}{name}": kind for name, kind in COLUMNS.items()}
        return self.pick([self.condition(scope, 1), *self.own_conditions(prefix)])

    def own_conditions(self, p):
        return [
            f"{p}{self.pick(['d1', 'd3', 'd9', 'n'])} {self.pick(COMPARED)} {p}{self.pick(['d1', 'd3', 'd9', 'n', 'f'])}",
            f"{p}d1 IN ({p}d3, {p}n, 1.5)", f"{p}n NOT IN ({p}d9, {p}k)", f"{p}f = 0", f"{p}f {self.pick(COMPARED)} 'NaN'", f"{p}f > 1",
            f"{p}t LIKE {self.pattern()}", f"{p}t NOT LIKE {self.pattern()}", f"{p}s.a {self.pick(COMPARED)} {self.pick([0, 1, 2])}", f"{p}l IS NOT NULL",
            f"{p}l[1] = {p}k", f"{p}day + INTERVAL '1 month' {self.pick(COMPARED)} {p}moment", f"{p}day BETWEEN '2024-01-31' AND '2024-02-29'",
        ]

    def pattern(self):
        return self.pick(["'%!%' ESCAPE '!'", "'100!%' ESCAPE '!'", "'a!_b' ESCAPE '!'", "'_'", "'__'", "'%文'", "'中_'", "'é'", "'%\\_%' ESCAPE '\\'", "'a#_%' ESCAPE '#'",
                          "'a_b'", "'%市%'", "'' ", "'%x%'", "'e%'"])

    def aggregate(self, p=""):
        call = self.pick([
            "count(*)", f"count({p}n)", f"sum({p}n)", f"sum({p}d1)", f"min({p}t)", f"max({p}day)", f"count(DISTINCT {p}f)", f"sum({p}d9)", f"min({p}moment)",
            f"max({p}d3)", f"avg({p}n)", f"count(DISTINCT {p}t)", f"sum(DISTINCT {p}d3)", f"count(DISTINCT {p}s)", f"max({p}f)", f"min({p}f)", f"round(avg({p}d3), 3) BETWEEN -1 AND 1.5",
            f"string_agg({p}t, ',' ORDER BY {p}t, {p}id)", f"bool_and({p}n > 2)", f"median({p}n)", f"count(DISTINCT {p}l)", f"max({p}z)",
        ])
        return call + (f" FILTER (WHERE {self.asked(p)})" if self.chance(30) else "")

    def key(self):
        return self.pick(["k", "n", "day", "t", "f", "d1", "d3", "d9", "moment", "f + 0", "day + INTERVAL '1 month'", "date_trunc('month', moment)", "upper(t)", "-f", "s.a", "s",
                          "l", "n = k", "coalesce(d1, d9)", "d1 + d3", "extract(day FROM day)", "f * 0", "trim(t)", "l[1]"])

    def way(self):
        return f"{self.pick(['ASC', 'DESC'])} NULLS {self.pick(['FIRST', 'LAST'])}"

    # ── groups ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def groups(self):
        key = self.key()
        # Both zeros are one group, whose sign nobody promises.
        shown = f"({key}) + 0 AS key" if key in ("f", "-f", "f * 0", "f + 0") else f"{key} AS key"
        if key in ("day + INTERVAL '1 month'",):
            shown = f"CAST({key} AS DATE) AS key"
        having = f" HAVING {self.aggregate()} IS NOT NULL" if self.chance(15) else ""
        if shown.startswith("("):
            return f"SELECT count(*) AS a, {self.aggregate()} AS b FROM {self.table()}{self.where()} GROUP BY {key}{having}"
        return f"SELECT {shown}, {self.aggregate()} AS a, {self.aggregate()} AS b FROM {self.table()}{self.where()} GROUP BY {key}{having}"

    def sets(self):
        keys = self.dice.sample(["k", "n", "t", "d1", "day", "moment"], 3)
        a, b, c = keys
        sets = self.pick([
            f"GROUPING SETS (({a}), ({b}), ())", f"GROUPING SETS (({a}, {b}), ({a}), ({a}), ())", f"ROLLUP ({a}, {b}), {c}", f"CUBE ({a}, {b})", f"ROLLUP (({a}, {b}), {c})",
            f"GROUPING SETS (({a}), ({b}, {c}))", f"GROUPING SETS (())", f"{a}, GROUPING SETS (({b}), ({c}))", f"GROUPING SETS (ROLLUP ({a}, {b}), ({c}))",
            f"CUBE ({a}), ROLLUP ({b})", f"GROUPING SETS ((), ())",
        ])
        used = [key for key in keys if f"{key}" in sets.replace("ROLLUP", "").replace("CUBE", "").replace("GROUPING SETS", "").replace("(", " ").replace(")", " ").replace(",", " ").split()]
        shown = [f"{key}" for key in used] + [f"grouping({key}) AS g_{key}" for key in used if self.chance(40)]
        if len(used) > 1 and self.chance(30):
            shown.append(f"grouping({', '.join(used)}) AS g")
        having = self.pick(["", "", f" HAVING count(*) > {self.pick([0, 1, 4])}", f" HAVING grouping({used[0]}) = 1" if used else ""])
        return f"SELECT {', '.join(shown + [self.aggregate() + ' AS a', self.aggregate() + ' AS b'])} FROM {self.table()}{self.where()} GROUP BY {sets}{having}"

    def sets_filtered_outside(self):
        a, b = self.dice.sample(["k", "n", "t", "d1"], 2)
        return (f"SELECT * FROM (SELECT {a}, {b}, {self.aggregate()} AS v, count(*) AS c FROM {self.table()} GROUP BY {self.pick(['ROLLUP', 'CUBE'])} ({a}, {b})) AS q "
                f"WHERE {self.pick([f'{a} IS NULL', f'{b} IS NOT NULL', f'{a} = 1', f'{b} IS NULL AND {a} IS NULL', 'c > 5', '1 = 0', f'{a} IS DISTINCT FROM {b}'])}"
                .replace("t = 1", "t = 'E'").replace("t IS DISTINCT FROM", "t IS DISTINCT FROM ''||").replace("IS DISTINCT FROM t", "IS NOT NULL AND t IS NOT NULL"))

    # ── windows ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def frames(self):
        column = self.pick(["n", "day", "moment", "d1", "d3", "z", "k"])
        if column in ("day", "moment", "z"):
            near = lambda: f"INTERVAL '{self.pick(['1 month', '1 day', '31 days', '36 hours', '0 days', '2 months', '1 month 1 day'])}'"
        else:
            near = lambda: self.pick(["0", "1", "2", "3"]) if column in ("n", "k") else self.pick(["0", "0.5", "1", "1.25"]) if column == "d3" else self.pick(["0", "0.5", "1"])
        start, end = self.pick([
            (f"{near()} PRECEDING", "CURRENT ROW"), (f"{near()} PRECEDING", f"{near()} FOLLOWING"), ("CURRENT ROW", f"{near()} FOLLOWING"),
            ("UNBOUNDED PRECEDING", f"{near()} PRECEDING"), (f"{near()} FOLLOWING", "UNBOUNDED FOLLOWING"), ("UNBOUNDED PRECEDING", f"{near()} FOLLOWING"),
        ])
        part = self.pick(["", "PARTITION BY k ", "PARTITION BY t ", "PARTITION BY f ", "PARTITION BY d1, k "])
        call = self.pick(["sum(n)", "count(*)", "min(d3)", "max(t)", "avg(n)", "sum(d9)", "max(f)", "count(n) FILTER (WHERE n > 3)", "sum(d1)", "bool_or(n = 2)"])
        return f"SELECT id, {call} OVER ({part}ORDER BY {column} {self.way()} RANGE BETWEEN {start} AND {end}) AS v FROM {self.table()}{self.where(percent=25)}"

    def windows(self):
        part = self.pick(["", "PARTITION BY k ", "PARTITION BY f ", "PARTITION BY s ", "PARTITION BY t ", "PARTITION BY d1, n "])
        column = self.pick(["n", "day", "moment", "f", "d3", "t", "z"])
        call = self.pick([
            f"rank() OVER ({part}ORDER BY {column} {self.way()})", f"dense_rank() OVER ({part}ORDER BY {column} {self.way()})",
            f"lag(t, 1, 'none') OVER ({part}ORDER BY {column} {self.way()}, id)", f"lead(d3) OVER ({part}ORDER BY {column} {self.way()}, id)",
            f"first_value(n) OVER ({part}ORDER BY {column} {self.way()}, id)", f"last_value(t) OVER ({part}ORDER BY {column} {self.way()}, id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING)",
            f"nth_value(day, 2) OVER ({part}ORDER BY {column} {self.way()}, id)", f"ntile(4) OVER ({part}ORDER BY {column} {self.way()}, id)",
            f"lag(n, 2 IGNORE NULLS) OVER ({part}ORDER BY {column} {self.way()}, id)", f"last_value(n IGNORE NULLS) OVER ({part}ORDER BY {column} {self.way()}, id)",
            f"sum(n) OVER ({part}ORDER BY {column} {self.way()} GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING)",
            f"cume_dist() OVER ({part}ORDER BY {column} {self.way()})", f"percent_rank() OVER ({part}ORDER BY {column} {self.way()})",
            f"sum(sum(n)) OVER (ORDER BY k NULLS FIRST)",
            f"count(*) OVER ({part}) - count(n) OVER ({part})",
            f"sum(d1) FILTER (WHERE n IS NOT NULL) OVER ({part}ORDER BY id ROWS 3 PRECEDING)",
            # Of a list of NULLs alone it is NULL in DuckDB, and '' in PostgreSQL.
            f"coalesce(array_to_string(array_agg(n) OVER ({part}ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), ','), '')",
        ])
        if call.startswith("sum(sum"):
            return f"SELECT k, sum(n) AS a, {call} AS b FROM {self.table()}{self.where()} GROUP BY k"
        if self.chance(30):
            kind = "t" if call.startswith(("lag(t", "last_value(t)")) else None
            asked = self.pick(["IS NOT NULL", "IS NULL"] + ([] if kind or call.startswith(("nth_value(day", "array")) else ["<= 2", "= 1", "> 3"]))
            return f"SELECT id, n FROM {self.table()}{self.where()} QUALIFY {call} {asked}"
        return f"SELECT id, {call} AS v FROM {self.table()}{self.where()}"

    # ── queries within queries ─────────────────────────────────────────────────────────────────────────────────────────────

    def link(self, outer="o", inner="i"):
        left, right = self.pick(["k", "n", "d1", "d3", "d9", "f"]), self.pick(["k", "n", "d1", "d3", "d9", "f"])
        return self.pick([f"{inner}.{right} = {outer}.{left}"] * 4 + [
            f"{inner}.{right} {self.pick(COMPARED)} {outer}.{left}", f"{inner}.t = {outer}.t", f"{inner}.day > {outer}.day", f"{inner}.moment = {outer}.day",
            f"{inner}.{right} IS NOT DISTINCT FROM {outer}.{left}", f"{inner}.id = {outer}.id + 1", f"{inner}.k = {outer}.k AND {inner}.id < {outer}.id",
            f"abs({inner}.n - {outer}.n) <= 1", f"{inner}.s = {outer}.s",
        ])

    def correlated(self):
        inner = f"{self.table()} AS i"
        both = f"{self.link()}{' AND ' + self.asked('i.') if self.chance(40) else ''}"
        key, of = self.pick(["k", "n", "d1", "d3", "d9", "f"]), self.pick(["k", "n", "d1", "d3", "d9", "f"])
        asked = self.pick([
            f"EXISTS (SELECT 1 FROM {inner} WHERE {both})", f"NOT EXISTS (SELECT 1 FROM {inner} WHERE {both})",
            f"o.{key} IN (SELECT i.{of} FROM {inner} WHERE {both})", f"o.{key} NOT IN (SELECT i.{of} FROM {inner} WHERE {both})",
            f"o.{key} NOT IN (SELECT i.{of} FROM {inner}{self.where('i.')})", f"(o.{key} IN (SELECT i.{of} FROM {inner}{self.where('i.')})) IS NULL",
            f"EXISTS (SELECT 1 FROM {inner} WHERE {both}) OR o.n = 3", f"o.n > (SELECT avg(i.n) FROM {inner} WHERE {both})",
            f"(SELECT count(*) FROM {inner} WHERE {both}) = {self.pick([0, 1, 2])}", f"(SELECT max(i.t) FROM {inner} WHERE {both}) IS NULL",
            f"(o.k, o.n) IN (SELECT i.k, i.n FROM {inner} WHERE i.id < 30)", f"(SELECT sum(i.d1) FROM {inner} WHERE {both}) IS NOT DISTINCT FROM o.d3",
            f"NOT (o.{key} IN (SELECT i.{of} FROM {inner} WHERE {both}) AND o.n > 2)", f"EXISTS (SELECT i.k FROM {inner} WHERE {both} GROUP BY i.k HAVING count(*) > 1)",
            f"o.{key} = ANY (SELECT i.{of} FROM {inner}{self.where('i.')})", f"o.{key} <> ALL (SELECT i.{of} FROM {inner} WHERE i.{of} IS NOT NULL)",
            f"o.n = (SELECT min(i.n) FROM {inner} WHERE i.k = o.k)",
        ])
        return f"SELECT o.id FROM {self.table()} AS o WHERE {asked}"

    def scalar(self):
        inner = f"{self.table()} AS i"
        both = f"{self.link()}{' AND ' + self.asked('i.') if self.chance(30) else ''}"
        shown = self.pick([
            f"(SELECT count(*) FROM {inner} WHERE {both})", f"(SELECT sum(i.n) FROM {inner} WHERE {both})", f"(SELECT max(i.t) FROM {inner} WHERE {both})",
            f"coalesce((SELECT min(i.d3) FROM {inner} WHERE {both}), -1)", f"(SELECT i.t FROM {inner} WHERE {self.link()} ORDER BY i.id LIMIT 1)",
            f"(SELECT count(*) + 1 FROM {inner} WHERE {both})", f"EXISTS (SELECT 1 FROM {inner} WHERE {both})", f"o.n IN (SELECT i.k FROM {inner} WHERE {both})",
            f"(SELECT count(i.n) FROM {inner} WHERE {both} AND i.n > o.k)", f"(SELECT CASE WHEN count(*) > 2 THEN 'many' ELSE 'few' END FROM {inner} WHERE {both})",
            f"(SELECT max(i.n) FROM {inner}) - o.n", f"(SELECT count(DISTINCT i.k) FROM {inner} WHERE {both})", f"o.n NOT IN (SELECT i.k FROM {inner})",
            f"(SELECT string_agg(i.t, ',' ORDER BY i.id) FROM {inner} WHERE {both})", f"(SELECT i.n FROM {inner} WHERE i.id = o.id)",
        ])
        return f"SELECT o.id, {shown} AS v FROM {self.table()} AS o{self.where('o.', 25)}"

    def lateral(self):
        left = self.pick([", LATERAL", " CROSS JOIN LATERAL", " LEFT JOIN LATERAL"])
        on = " ON true" if "LEFT" in left else ""
        inner = self.pick([
            f"(SELECT count(*) AS v FROM {self.table()} AS i WHERE {self.link()})", f"(SELECT i.n AS v FROM {self.table()} AS i WHERE i.k = o.k ORDER BY i.id LIMIT {self.pick([1, 2])})",
            f"(SELECT max(i.d3) AS v, min(i.t) AS w FROM {self.table()} AS i WHERE {self.link()})", f"(SELECT o.n * 2 AS v)", f"(SELECT i.id AS v FROM {self.table()} AS i WHERE {self.link()})",
            f"(SELECT i.k AS v, sum(i.n) AS w FROM {self.table()} AS i WHERE {self.link()} GROUP BY i.k)", f"(VALUES (o.n), (o.k)) ",
        ])
        alias = "x(v)" if inner.startswith("(VALUES") else "x"
        return f"SELECT o.id, x.v FROM {self.table()} AS o{left} {inner.strip()} AS {alias}{on}"

    def unnested(self):
        return self.pick([
            f"SELECT id, unnest(l) AS v FROM {self.table()}{self.where()}", f"SELECT o.id, u.v FROM {self.table()} AS o, UNNEST(o.l) AS u(v)",
            f"SELECT o.id, u.v FROM {self.table()} AS o LEFT JOIN UNNEST(o.l) AS u(v) ON true", f"SELECT v, count(*) AS c FROM (SELECT unnest(l) AS v FROM {self.table()}) AS q GROUP BY v",
            f"SELECT id, len(l) AS a, array_length(l) AS b, l[1] AS c, l[-1] AS d, l[9] AS e FROM {self.table()}", f"SELECT id FROM {self.table()} WHERE list_contains(l, k)",
            f"SELECT s.a AS a, s.b AS b, count(*) AS c FROM {self.table()} GROUP BY s.a, s.b", f"SELECT DISTINCT s.b AS b FROM {self.table()} WHERE s IS NOT NULL",
            f"SELECT a.id, b.id AS other FROM {self.table()} AS a JOIN {self.table()} AS b ON a.s = b.s AND a.id < b.id", f"SELECT a.id, b.id AS other FROM {self.table()} AS a JOIN {self.table()} AS b ON a.l = b.l AND a.id < b.id",
            f"SELECT id, list_sort(l) = l AS a, list_distinct(l) IS NULL AS b, list_sum(l) AS c, list_max(l) AS d FROM {self.table()}",
            f"SELECT k, array_to_string(list_sort(array_agg(DISTINCT n)), ',') AS v FROM {self.table()} WHERE n IS NOT NULL GROUP BY k",
            f"SELECT count(*) AS c FROM (SELECT DISTINCT {self.pick(['l', 's', 'f', 'd1'])} FROM {self.table()}) AS q",
            f"SELECT id, {self.pick(['s = s', 'l = l', 's.a = l[1]', 'l < [1, 2]', 'l = [1, NULL, 1]', 'l IS DISTINCT FROM [2]'])} AS v FROM {self.table()}",
        ])

    # ── sets, joins ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def united(self):
        fields = [["n", "d1", "d3", "d9", "k", "f", "1", "2.5", "NULL"], ["day", "moment", "NULL", "DATE '2024-01-31'"], ["t", "upper(t)", "''", "NULL"]]
        group = self.pick(fields[:1] * 2 + fields)
        word = lambda: self.pick(["UNION ALL", "UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"])
        side = lambda: f"SELECT {self.pick(group)} AS a, {self.pick(['k', 'n', '1', 'NULL'])} AS b FROM {self.table()}{self.where()}"
        sides = [side() for _ in range(self.dice.randint(2, 3))]
        # A decimal and a float that meet are floats: which of the values that are equal is left is not promised.
        united = sides[0]
        for other in sides[1:]:
            united = f"({united}) {word()} ({other})"
        return f"SELECT a + 0 AS a, b FROM ({united}) AS q" if group is fields[0] else united

    def joined(self):
        left, right = self.table(), self.table()
        a, b = self.pick(["n", "k", "d1", "d3", "d9", "f"]), self.pick(["n", "k", "d1", "d3", "d9", "f"])
        if self.chance(20):
            a, b = self.pick([("day", "moment"), ("moment", "day"), ("t", "t"), ("day", "day"), ("s", "s"), ("z", "z")])
        kind = self.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN"])
        extra = f" AND {self.pick(['a.id < b.id', 'a.n > b.k', 'b.t IS NOT NULL', 'a.d1 <> b.d9', 'a.id % 3 = b.id % 3'])}" if self.chance(50) and kind != "FULL JOIN" else ""
        if kind in ("SEMI JOIN", "ANTI JOIN"):
            return f"SELECT a.id FROM {left} AS a {kind} {right} AS b ON a.{a} = b.{b}{extra}"
        where = self.pick(["", "", f" WHERE {self.asked('a.')}", f" WHERE {self.asked('b.')}", " WHERE b.id IS NULL", " WHERE a.id IS NULL OR b.n = 1"])
        if self.chance(20):
            return f"SELECT count(*) AS c, {self.aggregate('a.')} AS v FROM {left} AS a {kind} {right} AS b ON a.{a} = b.{b}{extra}{where}"
        return f"SELECT a.id, b.id AS other FROM {left} AS a {kind} {right} AS b ON a.{a} = b.{b}{extra}{where}"

    def used(self):
        kind = self.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        a, b = self.pick(["n", "k", "d1"]), self.pick(["n", "k", "d3", "d9"])
        return (f"SELECT {self.pick(['key', 'q.x, r.y', 'key, r.y'])} FROM (SELECT {a} AS key, id AS x FROM {self.table()}{self.where(percent=30)}) AS q {kind} "
                f"(SELECT {b} AS key, id AS y FROM {self.table()}{self.where(percent=30)}) AS r USING (key)")

    def asof(self):
        kind = self.pick(["ASOF JOIN", "ASOF LEFT JOIN"])
        column = self.pick(["moment", "day", "id", "z"])
        equal = self.pick(["a.k = b.k AND ", "a.n = b.k AND ", "", "a.t = b.t AND "])
        right = f"(SELECT * FROM {self.table()} WHERE id % 3 = 0)"
        # Of ties on the right any may come: only the moment is shown.
        return f"SELECT a.id, b.{column} AS v FROM {self.table()} AS a {kind} {right} AS b ON {equal}a.{column} {self.pick(['>=', '>', '<=', '<'])} b.{column}"

    def first_of_each(self):
        key = self.pick(["k", "n", "t", "f", "d1", "day", "s.a", "date_trunc('month', day)"])
        column = self.pick(["n", "day", "d3", "t", "moment"])
        listed = f"{column}, id" if key == "f" else f"{key} AS key, {column}, id"
        return f"SELECT DISTINCT ON ({key}) {listed} FROM {self.table()}{self.where()} ORDER BY {key} {self.way()}, {column} {self.way()}, id"

    # ── rows in an order ───────────────────────────────────────────────────────────────────────────────────────────────────

    def limited(self):
        self.is_ordered = True
        column = self.pick(["n", "day", "d3", "t", "moment", "f", "d9", "z", "n + k", "upper(t)", "-n", "day + INTERVAL '1 month'", "d1 * d3", "s.a", "length(t)", "n > k", "coalesce(d1, d3)"])
        rows = self.pick(["LIMIT 0", "LIMIT 1", "LIMIT 5", "LIMIT 7 OFFSET 3", "OFFSET 50", "OFFSET 100", "LIMIT 1000 OFFSET 55", "LIMIT 3 OFFSET 0", "FETCH FIRST 4 ROWS ONLY"])
        return f"SELECT id FROM {self.table()}{self.where()} ORDER BY {column} {self.way()}, id {rows}"

    def limits_within(self):
        inner = f"SELECT id, n, k, d1 FROM {self.table()}{self.where()} ORDER BY {self.pick(['n', 'd1', 'k'])} {self.way()}, id {self.pick(['LIMIT 10', 'LIMIT 5 OFFSET 5', 'LIMIT 0', 'OFFSET 40'])}"
        return self.pick([
            f"SELECT count(*) AS c, sum(n) AS v FROM ({inner}) AS q", f"SELECT id FROM ({inner}) AS q WHERE {self.pick(['n > 2', 'k = 1', 'd1 IS NULL', 'id % 2 = 0', '1 = 0'])}",
            f"SELECT id FROM odd WHERE id IN (SELECT id FROM ({inner}) AS q)", f"({inner}) UNION ALL (SELECT id, n, k, d1 FROM odd ORDER BY id LIMIT 2)",
            f"SELECT q.id, b.id AS other FROM ({inner}) AS q JOIN odd AS b ON b.k = q.n", f"SELECT DISTINCT k FROM ({inner}) AS q", f"SELECT id, rank() OVER (ORDER BY n NULLS FIRST) AS r FROM ({inner}) AS q",
        ])

    # ── values ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def dates(self):
        e = self.pick([
            "CAST(day + INTERVAL '1 month' AS DATE)", "CAST(day - INTERVAL '1 month' AS DATE)", "CAST(day + INTERVAL '1 month' * 3 AS DATE)", "CAST(day + INTERVAL '1 year' AS DATE)",
            "moment + INTERVAL '1 month 2 days 3 hours'", "moment - INTERVAL '13 months'", "date_diff('month', day, CAST(moment AS DATE))", "date_diff('year', day, DATE '2025-01-01')", "day - DATE '2024-02-29'",
            "date_diff('day', day, CAST(moment AS DATE))", "date_diff('quarter', day, DATE '2024-12-31')", "last_day(day)", "date_trunc('week', moment)",
            "extract(week FROM day)", "extract(isoyear FROM day)", "extract(doy FROM moment)", "extract(epoch FROM moment)", "extract(hour FROM z)", "CAST(z AS DATE)", "date_part('dow', day)", "extract(isodow FROM moment)",
            "z AT TIME ZONE 'America/New_York'", "moment AT TIME ZONE 'America/New_York'", "CAST((z AT TIME ZONE 'America/New_York') AS DATE)", "extract(hour FROM z AT TIME ZONE 'America/New_York')",
            "date_trunc('hour', z AT TIME ZONE 'America/New_York')", "(TIMESTAMP '2024-03-10 02:30:00' + (moment - moment)) AT TIME ZONE 'America/New_York'", "z AT TIME ZONE 'Asia/Shanghai'",
            "date_trunc('month', moment) + INTERVAL '1 month' - INTERVAL '1 day'", "extract(day FROM (moment - TIMESTAMP '2024-01-01 12:00:00'))", "extract(epoch FROM (moment - TIMESTAMP '2024-01-01 12:00:00'))",
            "moment BETWEEN day AND day + INTERVAL '1 month'", "day = CAST(moment AS DATE)", "moment > day", "day IN ('2024-02-29', '2024-01-31')", "date_trunc('quarter', day)",
            "CAST(CAST(day AS VARCHAR) AS DATE) = day", "CAST(moment AS VARCHAR)", "extract(century FROM day)", "extract(decade FROM day)", "age(TIMESTAMP '2025-03-31 00:00:00', moment) > INTERVAL '1 year'",
            "make_date(CAST(extract(year FROM day) AS INT), CAST(extract(month FROM day) AS INT), 1)", "strftime(day, '%Y/%m/%d %j')", "dayname(day)", "monthname(moment)", "extract(millisecond FROM moment)",
        ])
        return f"SELECT id, {e} AS v FROM {self.table()}{self.where()}"

    def numbers(self):
        d = lambda: self.pick(["d1", "d3", "d9", "n", "k"])
        e = self.pick([
            f"CASE WHEN n > 3 THEN {d()} ELSE {d()} END", f"coalesce({d()}, {d()}, 0)", f"nullif({d()}, {d()})", f"greatest({d()}, {d()}, {d()})", f"least({d()}, {d()})", f"{d()} + {d()}", f"{d()} * {d()}", f"{d()} - {d()}",
            f"{d()} % {self.pick(['3', '2.5', '0.5'])}", f"round({d()}, {self.pick([0, 1, 2])})", f"round({d()})", f"ceil({d()})", f"floor({d()})", f"trunc(d3)", f"CAST(d3 AS INTEGER)", f"CAST(d9 AS DECIMAL(10, 1))", f"CAST(d3 AS BIGINT) + n",
            f"abs(d9)", f"sign(d9)", f"-d3", f"{d()} IN ({d()}, {d()})", f"{d()} BETWEEN {d()} AND {d()}", f"{d()} {self.pick(COMPARED)} {d()}", f"{d()} {self.pick(COMPARED)} f", "f = -0.0", "f < 'NaN'", "f = f", "isnan(f)",
            "coalesce(f, d1)", "greatest(f, 1)", "least(f, n)", "CAST(d3 AS VARCHAR)", "CAST(d1 AS DOUBLE) = d3", "d1 IS DISTINCT FROM d3", "d9 IS NOT DISTINCT FROM n", "n % nullif(k, 0)", "-n % 3", "n // 3",
            "CAST(n AS DECIMAL(5, 2)) = d3", "CAST(t AS VARCHAR) || n", "TRY_CAST(t AS INTEGER)", "CAST(n > 3 AS INTEGER) + 1", "d1::INTEGER", "n = 2.0", "d1 = '1.5'", "k = '2'", "n::DOUBLE / 3",
        ])
        return f"SELECT id, {e} AS v FROM {self.table()}{self.where()}"

    def texts(self):
        e = self.pick([
            "length(t)", "upper(t)", "lower(t)", "left(t, 1)", "right(t, 1)", "substr(t, 2)", "substr(t, -1)", "substr(t, 0, 2)", "t || '文'", "strpos(t, '文')", "position('b' IN t)", "replace(t, '文', '字')", "trim(t)", "lpad(t, 4, '中')",
            "rpad(t, 3, '文')", f"t LIKE {self.pattern()}", f"t ILIKE {self.pattern()}", "t = 'é'", "t < 'a'", "t >= '上'", "t BETWEEN '' AND 'a'", "starts_with(t, '中')", "contains(t, '%')", "split_part(t, '_', 2)", "regexp_replace(t, '.', 'x')",
            "regexp_replace(t, '[^a-z]', '', 'g')", "ascii(t)", "chr(20013) || t", "md5(t)", "t IN ('中文', '', NULL)", "nullif(t, '')", "concat(t, NULL, 'x')", "concat_ws('-', t, NULL, 'x')", "upper('a')",
            "reverse('中文' || coalesce(t, ''))", "translate(t, '中a', '国b')", "t SIMILAR TO '(a|中).*'", "t ~ '^.$'", "regexp_extract(t, '([a-z])')", "ltrim(t)", "rtrim(t) || '|'", "repeat(t, 2)", "overlay('abc' PLACING 'x' FROM 2)", "bit_length(t)",
            "t NOT LIKE '%'", "levenshtein(t, 'ab')", "length(t || 'é')", "split(t, '_')[1]", "string_to_array(t, '_')[2]", "left(t, -1)", "right(t, -1)", "substring(t FROM 2 FOR 1)", "t COLLATE \"C\" < 'b'", "unicode(t)",
        ])
        return f"SELECT id, {e} AS v FROM {self.table()}{self.where()}"

    def wholes(self):
        """An aggregate of everything, and a condition outside it."""
        outside = self.pick(["", "", " WHERE a IS NULL", " WHERE 1 = 0", " WHERE b = 0 OR a IS NOT NULL", " LIMIT 0", " OFFSET 1", " WHERE b > 3"])
        return f"SELECT * FROM (SELECT {self.aggregate()} AS a, count(*) AS b FROM {self.table()}{self.where(percent=60)}) AS q{outside}"

    def named(self):
        return self.pick([
            f"WITH q AS (SELECT k, {self.aggregate()} AS v FROM {self.table()} GROUP BY k) SELECT a.k, b.v FROM q AS a LEFT JOIN q AS b ON a.k = b.k + 1",
            f"WITH RECURSIVE r(n) AS (SELECT {self.pick([0, 1, 5])} UNION ALL SELECT n + 1 FROM r WHERE n < {self.pick([3, 10])}) SELECT r.n, count(o.id) AS c FROM r LEFT JOIN {self.table()} AS o ON o.n = r.n GROUP BY r.n",
            f"WITH RECURSIVE r(n) AS (SELECT k FROM {self.table()} UNION SELECT (n * 2) % 7 FROM r WHERE n IS NOT NULL) SELECT n FROM r",
            f"WITH q AS (SELECT id, n, row_number() OVER (PARTITION BY k ORDER BY n NULLS LAST, id) AS r FROM {self.table()}) SELECT id FROM q WHERE r {self.pick(['= 1', '<= 2', '> 5'])} AND n IS NOT NULL",
            f"WITH q AS (SELECT date_trunc('month', day) AS m, sum(n) AS v FROM {self.table()} GROUP BY 1) SELECT m, v - lag(v) OVER (ORDER BY m NULLS FIRST) AS d FROM q",
        ])

    KINDS_OF = [
        "groups", "groups", "sets", "sets", "sets_filtered_outside", "frames", "frames", "windows", "windows", "correlated", "correlated", "correlated", "scalar", "scalar", "lateral", "unnested", "united", "united",
        "joined", "joined", "used", "asof", "first_of_each", "limited", "limits_within", "dates", "dates", "numbers", "numbers", "texts", "wholes", "named",
    ]

    def query(self):
        return getattr(self, self.pick(self.KINDS_OF))()


def query(seed):
    """The query, and whether its rows come in an order."""
    shapes = Shapes(seed)
    return shapes.query(), shapes.is_ordered
