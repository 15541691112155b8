"""What statements give: rows, charts and reports."""

from __future__ import annotations

import datetime
import html
import math
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from .errors import error, width
from .language import in_language, of_environment, told

if TYPE_CHECKING:
    import pandas
    import polars

    from .connection import Database

# So many rows are shown.
_SHOWN = 20
# The longest text that is shown of a value.
_LONGEST = 200


class Result:
    """The rows of a statement. They are all here, as Arrow: reading them twice costs nothing, and later changes do not reach them.

    A notebook shows the first 20 as a table; ``print`` and :meth:`show` do so as text.
    """

    changed: int | None
    """How many rows INSERT, UPDATE, DELETE or MERGE has changed; None for other statements."""
    notes: list[str]
    """What the program notes about the statements, such as rows that were left out."""

    def __init__(
        self, table: pa.Table, changed: int | None = None, database: Database | None = None, notes: Sequence[str] = ()
    ) -> None:
        self._table = table
        self._database = database
        self._next = 0
        self._language = database.language if database else of_environment()
        self.changed = changed if changed is not None and changed >= 0 else None
        self.notes = list(notes)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._table.column_names)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._table.num_rows

    def __len__(self) -> int:
        return self._table.num_rows

    def __bool__(self) -> bool:
        return True

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table. Nothing is copied."""
        return self._table

    def to_pandas(self, *, decimals: Literal["float", "exact"] = "float") -> pandas.DataFrame:
        """The rows as a DataFrame of pandas.

        Dates become ``datetime64``. Decimals become floats, with which pandas computes fast; ``decimals="exact"`` keeps them as
        ``decimal.Decimal``.
        """
        table = self._table
        if decimals not in ("float", "exact"):
            raise ValueError(told(self._language, "decimals must be 'float' or 'exact', got {decimals}", decimals=repr(decimals)))
        if decimals == "float":
            for place, field in enumerate(table.schema):
                if pa.types.is_decimal(field.type):
                    table = table.set_column(place, field.name, pc.cast(table.column(place), pa.float64()))
        return table.to_pandas(date_as_object=False)

    def to_polars(self) -> polars.DataFrame:
        """The rows as a DataFrame of Polars. Decimals and dates stay what they are; intervals become durations, with days of 24 hours."""
        import polars

        table = self._table
        for place, field in enumerate(table.schema):
            if pa.types.is_interval(field.type):
                table = table.set_column(place, field.name, _durations(field.name, table.column(place), self._language))
        return polars.from_arrow(table)  # type: ignore[return-value]

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row; None after the last."""
        if self._next >= self.rows:
            return None
        row = next(_tuples(self._table.slice(self._next, 1)))
        self._next += 1
        return row

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that :meth:`fetchone` has not given yet, as tuples of Python's values."""
        rows = list(_tuples(self._table.slice(self._next)))
        self._next = self.rows
        return rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return _tuples(self._table)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)

    def chart(self, kind: str | None = None, path: str | os.PathLike[str] | None = None, **options: Any) -> Chart:
        """Draws the rows: ``bar``, ``line`` and so on; without a kind, what suits the columns. Options are those of ``COPY … (CHART …)``;
        ``path`` keeps the picture in a file.

        >>> db.sql("SELECT segment, count(*) AS customers FROM profile.customer GROUP BY ALL").chart("bar", x="segment", y="customers")
        """
        if self._database is None:
            raise ValueError(told(self._language, "these rows belong to no database that could draw them"))
        return Chart(self._database._chart(self._table, kind, options, path), self._language)

    def show(self, rows: int = _SHOWN) -> None:
        """Prints the first rows."""
        print(self._text(rows))

    def __repr__(self) -> str:
        return self._text(_SHOWN)

    def _said(self, shown: int) -> str:
        """How many rows there are."""
        if self._table.num_columns == 0:
            if self.changed is None:
                return in_language(self._language, "Done.")
            changed = "{count:,} row changed." if self.changed == 1 else "{count:,} rows changed."
            return told(self._language, changed, count=self.changed)
        if shown < self.rows:
            return told(self._language, "{shown:,} of {count:,} rows", shown=shown, count=self.rows)
        return told(self._language, "{count:,} row" if self.rows == 1 else "{count:,} rows", count=self.rows)

    def _text(self, rows: int) -> str:
        if self._table.num_columns == 0:
            return self._said(0)
        head = self._table.slice(0, max(0, rows))
        cells = [[_cell(name) for name in self.columns], *([_cell(value) for value in row] for row in _tuples(head))]
        widths = [max(_width(row[place]) for row in cells) for place in range(len(self.columns))]
        is_right = [_is_number(field.type) for field in self._table.schema]
        lines = [" " + " | ".join(_padded(text, wide, right) for text, wide, right in zip(row, widths, is_right, strict=True)) for row in cells]
        lines.insert(1, "-" + "-+-".join("-" * width for width in widths) + "-")
        lines.append(f"({self._said(head.num_rows)})")
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        if self._table.num_columns == 0:
            return f"<p>{self._said(0)}</p>"
        head = self._table.slice(0, _SHOWN)
        sides = [' style="text-align: right"' if _is_number(field.type) else ' style="text-align: left"' for field in self._table.schema]
        names = "".join(f"<th{side}>{html.escape(name)}</th>" for name, side in zip(self.columns, sides, strict=True))
        rows = []
        for row in _tuples(head):
            cells = "".join(
                f"<td{side}>{'<i>NULL</i>' if value is None else html.escape(_cell(value))}</td>" for value, side in zip(row, sides, strict=True)
            )
            rows.append(f"<tr>{cells}</tr>")
        table = f'<table class="dataframe"><thead><tr>{names}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        return f"<div>{table}<p>{self._said(head.num_rows)}</p></div>"


def _tuples(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table as values of Python."""
    if table.num_columns == 0:
        return
    for batch in table.to_batches(max_chunksize=10_000):
        yield from zip(*(_values(column) for column in batch.columns), strict=True)


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's times end at microseconds.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return column.to_pylist()


def _is_number(data_type: pa.DataType) -> bool:
    return pa.types.is_integer(data_type) or pa.types.is_floating(data_type) or pa.types.is_decimal(data_type)


def _cell(value: Any) -> str:
    """A value as it is shown."""
    text = _word(value)
    # Line ends and other marks that a table has no place for.
    text = "".join("␊" if letter == "\n" else "�" if unicodedata.category(letter) == "Cc" else letter for letter in text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _word(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, datetime.datetime):
        whole_milliseconds = value.microsecond and value.microsecond % 1000 == 0
        return value.isoformat(" ", "milliseconds" if whole_milliseconds else "auto")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, pa.MonthDayNano):
        return _interval(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_word(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_word(inner) for inner in value) + "]"
    if isinstance(value, tuple):
        # An entry of a map.
        return ": ".join(_word(inner) for inner in value)
    return str(value)


def _float(value: float) -> str:
    """As the shell shows it: NaN, 1e20."""
    if math.isnan(value):
        return "NaN"
    digits, _, power = repr(value).partition("e")
    return f"{digits}e{int(power)}" if power else digits


def _durations(name: str, intervals: pa.ChunkedArray, language: str) -> pa.Array:
    """Intervals for Polars, which has no months."""
    values = intervals.to_pylist()
    if any(value is not None and value.months for value in values):
        problem = "{name}: an interval with months has no type in Polars; select CAST(… AS TEXT), or use to_arrow()"
        raise error(language, problem, "0A000", name=name)
    microseconds = [None if value is None else value.days * 86_400_000_000 + value.nanoseconds // 1000 for value in values]
    return pa.array(microseconds, pa.duration("us"))


def _interval(value: pa.MonthDayNano) -> str:
    parts = [f"{count} {unit}" + ("" if abs(count) == 1 else "s") for count, unit in ((value.months, "month"), (value.days, "day")) if count]
    if value.nanoseconds or not parts:
        seconds, sign = abs(value.nanoseconds) / 1e9, "-" if value.nanoseconds < 0 else ""
        parts.append(f"{sign}{int(seconds // 3600):02}:{int(seconds // 60 % 60):02}:{seconds % 60:09.6f}".removesuffix(".000000"))
    return " ".join(parts)


def _width(text: str) -> int:
    return sum(map(width, text))


def _padded(text: str, wide: int, is_right: bool) -> str:
    space = " " * (wide - _width(text))
    return space + text if is_right else text + space


class Chart:
    """A picture that the program has drawn. A notebook shows it."""

    def __init__(self, svg: str, language: str) -> None:
        self.svg = svg
        """The picture, as SVG."""
        self._language = language

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the picture to a file."""
        Path(path).write_text(self.svg, encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return told(self._language, "<portraitdb.Chart, {count:,} letters of SVG>", count=len(self.svg))


class Report:
    """A page that the program has written. A notebook shows it."""

    def __init__(self, page: str, profile: str, language: str) -> None:
        self.html = page
        """The page, as HTML."""
        self.profile = profile
        self._language = language

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the page to a file."""
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        # In a frame, where its styles reach nothing of the notebook.
        page = html.escape(self.html, quote=True)
        return f'<iframe srcdoc="{page}" sandbox="" style="width: 100%; height: 40em; border: 0"></iframe>'

    def __repr__(self) -> str:
        return told(self._language, "<portraitdb.Report of {profile}, {count:,} letters of HTML>", profile=self.profile, count=len(self.html))
