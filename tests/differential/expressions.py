"""Random expressions in the SQL that DuckDB and Portrait share."""

import random

KINDS = ["int", "decimal", "wide", "double", "text", "date", "time", "zoned", "interval", "bool"]

UNITS = ["day", "week", "month", "quarter", "year"]


class Expressions:
    """Writes expressions of a kind over a scope: the kinds of columns, by their names."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.is_ordered = False

    def pick(self, choices):
        return self.dice.choice(list(choices))

    def chance(self, percent):
        return self.dice.random() * 100 < percent

    def literal(self, kind):
        pick = self.pick
        if kind == "int":
            return str(pick([0, 1, 2, 3, 7, 20, 40, 100, -5]))
        if kind == "decimal":
            return f"CAST('{pick([0, 1, 12.5, 99.99, -3.05, 250])}' AS DECIMAL(12, 2))"
        if kind == "wide":
            return f"CAST('{pick(['0', '1', '14961285.71428571', '-701470.00000001', '123456789012345.12345678'])}' AS DECIMAL(26, 8))"
        if kind == "double":
            return f"CAST({pick(['0.0', '1.5', '2.25', '10.0', '-1.0'])} AS DOUBLE)"
        if kind == "text":
            return pick(["'北京'", "'web'", "'app'", "''", "'tea'", "'x'", "'n/a'", "'42'"])
        if kind == "date":
            return f"DATE '{pick(['2023-01-31', '2023-12-31', '2024-02-29', '2025-01-01'])}'"
        if kind == "time":
            return f"TIMESTAMP '{pick(['2023-06-01 00:00:00', '2024-02-29 12:30:00', '2024-12-31 23:59:59'])}'"
        if kind == "zoned":
            return f"TIMESTAMPTZ '{pick(['2023-06-01 00:00:00+00', '2024-02-29 12:30:00+08', '2024-12-31 23:59:59+00'])}'"
        if kind == "interval":
            return f"INTERVAL '{pick(['1 day', '24 hours', '25 hours', '30 days', '1 month', '1 year', '90 minutes', '0 days'])}'"
        return pick(["TRUE", "FALSE", "CAST(NULL AS BOOLEAN)"])

    def column(self, scope, kind):
        fitting = [name for name, own in scope.items() if own == kind]
        return self.pick(fitting) if fitting else None

    def expression(self, scope, kind, depth=2):
        column = self.column(scope, kind)
        if depth <= 0 or self.chance(30):
            return column if column and self.chance(85) else self.literal(kind)
        e = lambda kind: self.expression(scope, kind, depth - 1)
        if self.chance(12):
            return f"CASE WHEN {self.condition(scope, depth - 1)} THEN {e(kind)} ELSE {e(kind)} END"
        if self.chance(3):
            return f"CASE {e('text')} WHEN {self.literal('text')} THEN {e(kind)} WHEN {e('text')} THEN {e(kind)} END"
        if self.chance(8):
            return f"coalesce({e(kind)}, {e(kind)})"
        if self.chance(5):
            return f"nullif({e(kind)}, {self.literal(kind)})"
        if self.chance(4) and kind not in ("bool", "interval"):
            return f"{self.pick(['least', 'greatest'])}({e(kind)}, {e(kind)})"
        if kind == "bool":
            return f"({self.condition(scope, depth)})"
        return getattr(self, kind)(e)

    # ── one kind each; `e` writes a smaller expression ─────────────────────────────────────────────────────────────────────

    def int(self, e):
        part = self.pick(["year", "month", "day", "quarter", "week", "doy", "dow", "isodow"])
        return self.pick([
            f"({e('int')} + {e('int')})", f"({e('int')} - {e('int')})", f"({e('int')} * {self.literal('int')})", f"({e('int')} % 7)",
            f"abs({e('int')})", f"length({e('text')})", f"(- {e('int')})", f"strpos({e('text')}, {self.literal('text')})",
            f"CAST(extract({part} FROM {e('date')}) AS BIGINT)", f"({e('date')} - {e('date')})",
            f"CAST(date_part('{self.pick(['hour', 'minute', 'year', 'second'])}', {e(self.pick(['time', 'zoned']))}) AS BIGINT)",
            f"CAST(date_part('epoch', {e(self.pick(['time', 'date', 'zoned']))}) AS BIGINT)", f"TRY_CAST({e('text')} AS BIGINT)",
            f"CAST({e('bool')} AS INTEGER)", f"CAST(floor({e('decimal')}) AS BIGINT)", f"CAST({e('decimal')} AS BIGINT)",
            f"position({self.literal('text')} IN {e('text')})", f"CAST(signum({e('int')}) AS BIGINT)",
            f"((abs({e('int')}) % 1000) << {self.pick([0, 1, 5])})", f"(abs({e('int')}) >> {self.pick([0, 2, 40])})",
        ])

    def decimal(self, e):
        return self.pick([
            f"({e('decimal')} + {e('decimal')})", f"({e('decimal')} - {e('decimal')})", f"({e('decimal')} * {self.literal('int')})",
            f"abs({e('decimal')})", f"round({e('decimal')}, 1)", f"CAST({e('int')} AS DECIMAL(20, 2))", f"(- {e('decimal')})",
            f"({e('decimal')} % 7)", f"ceil({e('decimal')})", f"({e('decimal')} + {self.literal('int')})",
            f"CAST({e('wide')} AS DECIMAL(24, 2))", f"({e('decimal')} + {self.pick([0.05, 12.5])})", f"({e('decimal')} * {self.pick([0.5, 1.19])})",
        ])

    def wide(self, e):
        return self.pick([
            f"({e('wide')} + {e('wide')})", f"({e('wide')} - {e('decimal')})", f"({e('wide')} * {self.pick([2, -3, 1])})",
            f"abs({e('wide')})", f"round({e('wide')}, 3)", f"CAST({e('decimal')} AS DECIMAL(26, 8))",
        ])

    def double(self, e):
        return self.pick([
            f"({e('double')} + {e('double')})", f"({e('double')} * {self.literal('double')})", f"abs({e('double')})",
            f"CAST({e('int')} AS DOUBLE)", f"CAST({e('decimal')} AS DOUBLE)", f"({e('double')} / 4.0)", f"(- {e('double')})",
            f"({e('double')} / nullif({e('double')}, 0))", f"sqrt(abs({e('double')}))", f"floor({e('double')})",
            f"power({e('double')}, 2)", f"TRY_CAST({e('text')} AS DOUBLE)", f"ln(abs({e('double')}) + 1)",
        ])

    def text(self, e):
        t = e("text")
        return self.pick([
            f"upper({t})", f"lower({t})", f"({t} || {e('text')})", f"substr({t}, {self.pick([1, 2, 3])}, 2)", f"replace({t}, 'a', 'bb')",
            f"trim({t})", f"CAST({e('int')} AS VARCHAR)", f"reverse({t})", f"left({t}, 2)", f"right({t}, 2)",
            f"concat({t}, '-', {e('text')})", f"concat_ws('/', {t}, {e('text')})", f"CAST({e('date')} AS VARCHAR)",
            f"CAST({e('decimal')} AS VARCHAR)", f"CAST({e('bool')} AS VARCHAR)", f"lpad({t}, 5, '*')", f"rpad({t}, 4, '-+')",
            f"split_part({t}, 'a', {self.pick([1, 2])})", f"repeat({t}, 2)", f"translate({t}, 'ae', 'x')", f"ltrim({t})",
            f"regexp_replace({t}, '[aeiou]', '_')", f"regexp_replace({t}, '[a-z]+', '<>', 'g')", f"md5({t})",
            f"to_char({e('date')}, '%Y-%m')", f"CAST({e('time')} AS VARCHAR)", f"to_char({e('time')}, '%d.%m.%y %H:%M')",
        ])

    def date(self, e):
        return self.pick([
            f"({e('date')} + {self.pick([0, 1, 30, -7])})", f"CAST({e('time')} AS DATE)", f"CAST({e('zoned')} AS DATE)",
            f"CAST({e('date')} {self.pick('+-')} {self.literal('interval')} AS DATE)", f"TRY_CAST({e('text')} AS DATE)",
            f"CAST(date_trunc('{self.pick(UNITS)}', {e('date')}) AS DATE)",
            f"make_date({self.pick([2023, 2024])}, {self.pick([1, 2, 12])}, {self.pick([1, 28])})",
        ])

    def time(self, e):
        return self.pick([
            f"({e('time')} + {self.literal('interval')})", f"({e('time')} - {self.literal('interval')})",
            f"date_trunc('{self.pick(UNITS + ['hour', 'minute'])}', {e('time')})", f"CAST({e('date')} AS TIMESTAMP)",
            f"CAST({e('zoned')} AS TIMESTAMP)", f"CAST({e('date')} AS TIMESTAMP) + {e('interval')}",
            f"date_bin(INTERVAL '15 minutes', {e('time')}, TIMESTAMP '2020-01-01 00:00:00')",
        ])

    def zoned(self, e):
        return self.pick([
            f"({e('zoned')} {self.pick('+-')} {self.literal('interval')})", f"date_trunc('{self.pick(UNITS)}', {e('zoned')})",
            f"CAST({e('time')} AS TIMESTAMPTZ)",
        ])

    def interval(self, e):
        return self.pick([
            f"({e('time')} - {e('time')})", f"({e('zoned')} - {e('zoned')})", self.literal("interval"),
            f"({self.literal('interval')} * {self.pick([2, 3, -1])})", f"({e('interval')} + {self.literal('interval')})",
        ])

    # ── conditions ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def condition(self, scope, depth=2):
        kind = self.pick(KINDS)
        e = lambda kind: self.expression(scope, kind, depth - 1)
        c = lambda: self.condition(scope, depth - 1)
        negated = self.pick(["", "NOT "])
        compared = self.pick(["=", "<>", "<", "<=", ">", ">="])
        shapes = [
            lambda: f"{e(kind)} {compared} {e(kind)}", lambda: f"{e(kind)} {compared} {e(kind)}",
            lambda: f"{e(kind)} IS {negated}NULL", lambda: f"{e(kind)} IS {negated}DISTINCT FROM {e(kind)}",
            lambda: f"{e(kind)} {negated}BETWEEN {e(kind)} AND {e(kind)}",
            lambda: f"{e(kind)} {negated}IN ({self.literal(kind)}, {self.literal(kind)})",
            lambda: f"{e(kind)} {negated}IN ({self.literal(kind)}, {e(kind)}, NULL)",
            lambda: f"{e('text')} {negated}LIKE '{self.pick(['%a%', '_', '%', 'w%', '上%', '%e_'])}'",
            lambda: f"{e('text')} {negated}ILIKE '{self.pick(['%A%', 'W_B', 'n/%'])}'",
            lambda: f"{e('text')} LIKE '%!_%' ESCAPE '!'", lambda: f"starts_with({e('text')}, {self.literal('text')})",
            lambda: f"regexp_like({e('text')}, '{self.pick(['^[0-9]+$', 'a|e', '^.$'])}')",
            lambda: f"{e('date')} {compared} {e('time')}", lambda: f"{e('date')} {compared} {e('zoned')}",
            lambda: f"{e('int')} {compared} {e('decimal')}", lambda: f"{e('decimal')} {compared} {e('wide')}",
            lambda: f"{e('int')} {compared} {e('double')}", lambda: f"{e('zoned')} {compared} {e('time')}",
            lambda: f"{e(self.pick(['time', 'date']))} {compared} DATE '{self.pick(['2400-01-01', '1500-01-01'])}'",
            lambda: f"(coalesce({e('int')}, 0), vip_of) {compared} (3, 'b')".replace("vip_of", f"coalesce({e('text')}, 'a')"),
        ]
        if depth > 0:
            shapes += [
                lambda: f"({c()} AND {c()})", lambda: f"({c()} OR {c()})", lambda: f"NOT ({c()})",
                lambda: f"{e('bool')} IS {negated}{self.pick(['TRUE', 'FALSE'])}", lambda: f"{e('bool')} = {e('bool')}",
                lambda: f"{e(kind)} IS NOT DISTINCT FROM {e(kind)} {self.pick(['AND', 'OR'])} {c()}",
            ]
        return self.pick(shapes)()
