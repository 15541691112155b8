"""A database, and the session that this process has with it."""

from __future__ import annotations

import collections
import contextlib
import datetime
import functools
import getpass
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

import pyarrow as pa

from . import program as programs
from .errors import Error, error, place_in, warn
from .flight import Prepared, Session
from .language import in_language, of_environment, told
from .results import Report, Result
from .statements import Statement, identifier, literal, split

# Every database that is open, for forks of this process.
_open: weakref.WeakSet[Database] = weakref.WeakSet()

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]

# Statements that tell how many rows they change, unless they give rows.
_COUNTED = {"INSERT", "UPDATE", "DELETE", "MERGE"}
# The steps that the program tells, for the catalogue of texts.
_STEPS = ("planning", "reading", "sorting", "grouping", "joining", "numbering")
# How often a statement is looked at while it runs.
_LOOK = 0.25
# A statement that was cancelled has so long to end.
_PATIENCE = 30.0
_WIDEST = 1 << 63


@dataclass(frozen=True)
class Progress:
    """How far a statement is."""

    step: str
    """What it does: ``planning``, ``reading``, ``sorting``, ``grouping`` …"""
    rows_read: int
    seconds: float
    language: str = "en"
    """The language of its text: ``en`` or ``zh``."""

    def __str__(self) -> str:
        step = in_language(self.language, self.step)
        return told(self.language, "{step}: {rows:,} rows read, {seconds:.1f} s", step=step, rows=self.rows_read, seconds=self.seconds)


def _after_fork() -> None:
    for database in list(_open):
        database._let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def connect(
    database: str | os.PathLike[str] | None = None,
    *,
    memory_limit: str | int | None = None,
    partitions: int | None = None,
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    program: str | os.PathLike[str] | None = None,
) -> Database:
    """Opens a database.

    ``database`` is its folder, which is made when it is not there; without one, or with ``":memory:"``, everything is in memory and gone
    at the end. Several processes may have one database open.

    ``memory_limit`` is what queries may use before they spill to disk (``"4GB"``, or bytes; by default 70 % of the machine's),
    ``partitions`` how many parts of a query are worked on at once (by default one for each processor).

    ``files`` names the folders and URLs that statements may read and write by name; by default they may do what this process may, and
    ``files=[]`` allows none. Paths that are not absolute begin in the folder in which Python was when the database was opened.

    ``program`` is another ``portrait`` than the one that came with this package.

    >>> with portraitdb.connect() as db:
    ...     db.sql("SELECT 1 + 1 AS two").fetchone()
    (2,)
    """
    return Database(database, memory_limit=memory_limit, partitions=partitions, files=files, program=program)


class Database:
    """An open database. Made by :func:`connect`.

    All its statements run in one session, one after another: what ``SET`` and ``CREATE TEMPORARY TABLE`` do lasts until it is closed. It
    may be used from several threads, which wait for one another.
    """

    def __init__(
        self,
        database: str | os.PathLike[str] | None = None,
        *,
        memory_limit: str | int | None = None,
        partitions: int | None = None,
        files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
        program: str | os.PathLike[str] | None = None,
    ) -> None:
        name = None if database is None else os.fspath(database)
        self.name = None if name in (None, "", ":memory:") else str(Path(name).expanduser())
        """Its folder, or None when it is in memory."""
        if isinstance(files, (str, os.PathLike)):
            files = [files]
        places = None if files is None else [os.fspath(place) for place in files]
        self._lock = threading.RLock()
        self._server = programs.Server(programs.find(program), self.name, memory_limit=memory_limit, partitions=partitions, files=places)
        self._end = weakref.finalize(self, self._server.stop)
        self._other: Session | None = None
        self._made = 0
        # Notes of statements that were not told yet.
        self._notes: list[str] = []
        self._is_closed = False
        _open.add(self)
        try:
            self._session = self._login()
            self._pid = int(self._session.query("SELECT pg_backend_pid() AS pid").column(0)[0].as_py())
            # With them comes the language of the session.
            self._notes += self._session.take_notes()
        except BaseException:
            self.close()
            raise

    @property
    def language(self) -> str:
        """The language of its notes and errors, ``en`` or ``zh``: that of the locale, until ``SET portrait.language`` chooses another."""
        session = getattr(self, "_session", None)
        return session.language if session else of_environment()

    def sql(self, text: str, parameters: Parameters | None = None) -> Result:
        """Runs statements, and gives the rows of the last one.

        Several statements are written with ``;`` between them; the first that fails ends the run.

        Values come in by parameters, never by putting text together: ``$1``, ``$2`` or ``?`` with a list, ``$name`` with a dictionary.

        >>> db.sql("SELECT * FROM orders WHERE city = $city AND amount > $least", {"city": "上海", "least": 100})
        >>> db.sql("INSERT INTO tags VALUES ($1, $2)", [42, "vip"]).changed
        1

        What the program notes, such as rows that were left out, is warned of (:class:`Note`), and in ``notes`` of the result.

        Ctrl-C (in a notebook, *Interrupt*) cancels the statement, and the session goes on.
        """
        return self._run(text, parameters)

    def register(self, name: str, data: Any) -> None:
        """Makes a temporary table of data: a DataFrame of pandas or Polars, an Arrow table, a result, a dictionary of columns, or anything
        else that exports Arrow. A temporary table of that name is replaced. Only this session sees it.

        >>> db.register("visits", frame)
        >>> db.sql("SELECT city, count(*) AS visits FROM visits GROUP BY ALL")
        """
        rows = _arrow(data, self.language)
        with self._lock:
            try:
                self._apart(lambda: self._session.ingest(name, rows), None)
            finally:
                self._tell(warn)

    def unregister(self, name: str) -> None:
        """Drops a temporary table that :meth:`register` has made."""
        self.sql(f"DROP TABLE {identifier(name)}")

    def report(self, profile: str, path: str | os.PathLike[str] | None = None, **options: Any) -> Report:
        """Writes the report of a profile: its tags, segments and how they changed, as one page of HTML.

        A notebook shows it; ``path`` keeps it in a file. Options are those of ``COPY REPORT``; times may be dates of Python.

        >>> db.report("customer", language="zh", compare_with=date(2025, 5, 31))
        """
        return Report(self._page(f"REPORT {_name(profile)}", options, path), profile, self.language)

    def card(self, profile: str, key: Any, path: str | os.PathLike[str] | None = None, **options: Any) -> Report:
        """Writes one member of a profile as a page: attributes, tags and why, orders, what to offer next.

        >>> db.card("customer", 42)
        """
        return Report(self._page(f"CARD {_name(profile)} FOR {literal(key)}", options, path), f"{profile} {key}", self.language)

    def close(self) -> None:
        """Ends the session and the program. A closed database stays closed."""
        self._is_closed = True
        for session in (getattr(self, "_session", None), self._other):
            if session is not None:
                session.close()
        self._end()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        named = "<portraitdb.Database {name}, closed>" if self._is_closed else "<portraitdb.Database {name}>"
        return told(self.language, named, name=self.name or in_language(self.language, "in memory"))

    def _let_go(self) -> None:
        """In a fork of the process: the database stays with the one that opened it."""
        self._is_closed = True
        self._server.let_go()
        for session in (getattr(self, "_session", None), self._other):
            if session is not None:
                session.let_go()

    # --- how statements run -------------------------------------------------------------------------------------------------------------

    def _login(self) -> Session:
        try:
            user = getpass.getuser()
        except (KeyError, OSError, ImportError):
            user = "portrait"
        return Session(self._server.location, user)

    def _run(
        self,
        text: str,
        parameters: Parameters | None = None,
        watch: Callable[[Progress], None] | None = None,
        find: Callable[[str], Any] | None = None,
        tell: Callable[[str], None] = warn,
    ) -> Result:
        """Runs statements. ``watch`` is told how far they are, and ``tell`` what is noted; ``find`` finds the values of parameters that
        ``parameters`` does not have.
        """
        statements = split(text)
        if not statements:
            raise error(self.language, "there is no statement to run", "42601")
        values = _named(parameters, self.language)
        _check_all_used(values, statements, self.language)
        needed = {name for statement in statements for name in statement.parameters}
        if find is not None:
            wanted = {name for name in needed if not name.isdigit() and name != "?"}
            values |= {name: find(name) for name in sorted(wanted - values.keys())}
        with self._lock:
            table, changed = pa.table({}), None
            try:
                for statement in statements:
                    try:
                        table, changed = self._apart(functools.partial(self._one, statement, values, needed), watch)
                    except Error as failure:
                        place = failure.position - 1 if failure.position else place_in(str(failure), statement.sent)
                        failure.position = None if place is None else statement.place(place) + 1
                        failure.language = self.language
                        raise failure.with_traceback(None) from None
            finally:
                # Also before an error: statements before the one that failed have run.
                notes = self._tell(tell)
        return Result(table, changed, self, notes)

    def _tell(self, tell: Callable[[str], None]) -> list[str]:
        """Tells the notes that were not told yet; which they are."""
        notes, self._notes = self._notes, []
        for note in notes:
            tell(note)
        return notes

    def _one(self, statement: Statement, values: dict[str, Any], needed: set[str]) -> tuple[pa.Table, int | None]:
        """Runs a statement: its rows, and how many it has changed. ``needed`` are the parameters of all statements that run with it."""
        session = self._session
        is_counted = statement.verb in _COUNTED and "RETURNING" not in statement.words
        _check_have_values(statement.parameters - {"?"}, values, self.language)
        given = [name for name in statement.own if name in values]
        if not statement.parameters and not given:
            if is_counted:
                return pa.table({}), session.update(statement.sent)
            return session.query(statement.sent), None
        sent = statement.sent
        if statement.verb == "INSERT" and not all(name.isdigit() or name == "?" for name in statement.parameters):
            # VALUES take numbers alone.
            sent, names = statement.numbered()
            values = {number: values[name] for number, name in names.items() if name in values}
        prepared = session.prepare(sent)
        try:
            # Only the program knows which parameters of a definition are its own; those take no value from outside.
            described = {field.name for field in prepared.parameters}
            if given:
                _check_have_values(described, values, self.language)
            _refuse([name for name in given if name not in described | needed], described, self.language)
            row = _row(prepared, values, self.language)
            if prepared.gives_rows:
                return prepared.query(row), None
            if "RETURNING" in statement.words and statement.verb in _COUNTED:
                problem = "RETURNING: gives no rows where values come by parameters; leave it out, or write the values in the statement"
                raise error(self.language, problem, "0A000")
            return (pa.table({}), prepared.update(row)) if is_counted else (prepared.query(row), None)
        finally:
            prepared.close()

    def _apart(self, work: Callable[[], T], watch: Callable[[Progress], None] | None) -> T:
        """Does work in a thread of its own, so that this one hears Ctrl-C."""
        if self._is_closed:
            problem = "{database}: was closed, or opened before this process was forked; connect again"
            raise error(self.language, problem, "08003", database=repr(self))
        begun, stopped, done = threading.Event(), threading.Event(), threading.Event()
        found: list[T] = []
        failed: list[BaseException] = []

        def run() -> None:
            begun.set()
            try:
                if stopped.is_set():
                    return
                try:
                    found.append(work())
                finally:
                    self._notes += self._session.take_notes()
            except BaseException as failure:
                failed.append(failure)
            finally:
                done.set()

        began = time.monotonic()
        try:
            threading.Thread(target=run, daemon=True, name="portrait statement").start()
            while not done.wait(_LOOK):
                if watch is not None and time.monotonic() - began >= 1.0:
                    progress = self._progress()
                    if progress is not None and not done.is_set():
                        watch(progress)
        except KeyboardInterrupt:
            # It may come while the thread starts.
            stopped.set()
            if begun.is_set():
                self._cancel(done)
            raise
        if failed:
            failure = failed[0]
            if getattr(failure, "is_gone", False) and not self._server.is_running:
                raise Error(self._server.last_words(), "57P01") from None
            raise failure
        return found[0]

    def _beside(self, sql: str) -> list[dict[str, Any]]:
        """Asks in a second session, while the first one is busy."""
        if self._other is None:
            self._other = self._login()
        return self._other.query(sql).to_pylist()

    def _cancel(self, done: threading.Event) -> None:
        """Ends what the session runs, and waits until it has ended."""
        until = time.monotonic() + _PATIENCE
        while not done.is_set() and time.monotonic() < until:
            # When the program is gone, the statement ends by itself.
            with contextlib.suppress(Error):
                self._beside(f"SELECT pg_cancel_backend({self._pid}) AS cancelled")
            done.wait(_LOOK)

    def _progress(self) -> Progress | None:
        try:
            found = self._beside(f"SELECT step, rows_read, milliseconds FROM system.queries WHERE pid = {self._pid}")
        except Error:
            return None
        if not found:
            return None
        return Progress(found[0]["step"] or "", found[0]["rows_read"] or 0, (found[0]["milliseconds"] or 0) / 1000, self.language)

    # --- files that the program writes ----------------------------------------------------------------------------------------------------

    def _page(self, what: str, options: dict[str, Any], path: str | os.PathLike[str] | None) -> str:
        """Has the program write a page."""
        words = [f"{name} = {_option(value)}" for name, value in options.items() if value is not None]
        return self._written(what, ".html", f" WITH ({', '.join(words)})" if words else "", path)

    def _written(self, what: str, ending: str, options: str, path: str | os.PathLike[str] | None) -> str:
        """Has the program write a file, and reads it."""
        with self._lock:
            self._made += 1
            target = os.path.join(self._server.folder, f"{self._made}{ending}") if path is None else os.path.abspath(path)
            self._run(f"COPY {what} TO {literal(target)}{options}")
            written = Path(target).read_text(encoding="utf-8")
            if path is None:
                os.unlink(target)
        return written

    def _chart(self, table: pa.Table, kind: str | None, options: dict[str, Any], path: str | os.PathLike[str] | None) -> str:
        """Has the program draw rows."""
        with self._lock:
            self._made += 1
            name = f"portraitdb_chart_{self._made}"
            self.register(name, table)
            try:
                asked = {"CHART": kind, **options}
                words = [f"{option} {_option(value)}" for option, value in asked.items() if value is not None]
                return self._written(f"(SELECT * FROM {name})", ".svg", f" ({', '.join(words)})" if words else "", path)
            finally:
                self.unregister(name)


def _option(value: Any) -> str:
    """The value of an option of COPY."""
    if isinstance(value, (list, tuple)):
        return literal(", ".join(map(str, value)))
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMP {literal(value.isoformat(sep=' '))}"
    if isinstance(value, datetime.date):
        return f"DATE {literal(value.isoformat())}"
    return literal(value)


def _name(name: str) -> str:
    """A name, in quotes where it needs them."""
    return name if name.isascii() and name.isidentifier() and name == name.lower() else identifier(name)


# --- values -----------------------------------------------------------------------------------------------------------------------------


def _named(parameters: Parameters | None, language: str) -> dict[str, Any]:
    """Values with the names of their parameters: those of a list are numbers."""
    if parameters is None:
        return {}
    if isinstance(parameters, Mapping):
        return {str(name).removeprefix("$"): value for name, value in parameters.items()}
    if isinstance(parameters, (str, bytes)):
        raise TypeError(told(language, "parameters must be a list or a dictionary, got {value}; write [{value}]", value=repr(parameters)))
    return {str(number): value for number, value in enumerate(parameters, 1)}


def _check_all_used(values: dict[str, Any], statements: list[Statement], language: str) -> None:
    """A value that no statement has a parameter for is a mistake."""
    used = {name for statement in statements for name in statement.parameters | statement.own}
    if "?" not in used:
        _refuse([name for name in values if name not in used], used, language)


def _check_have_values(names: set[str], values: dict[str, Any], language: str) -> None:
    """Every parameter needs a value."""
    missing = sorted(names - values.keys())
    if missing:
        problem = "${name}: the parameter has no value; give it with sql(…, {example})"
        raise error(language, problem, "42P02", name=missing[0], example=_example(missing[0]))


def _refuse(names: list[str], there: set[str], language: str) -> None:
    """Fails when values were given to parameters that are not there."""
    if names:
        others = ", ".join(f"${name}" for name in sorted(there)) or in_language(language, "none")
        raise error(language, "${name}: the statements have no such parameter; there is {there}", "42P02", name=names[0], there=others)


def _row(prepared: Prepared, values: dict[str, Any], language: str) -> pa.RecordBatch:
    """A row of values for the parameters of a statement."""
    names = [field.name for field in prepared.parameters]
    if any(name not in values for name in names) or (len(values) > len(names) and all(name.isdigit() for name in values)):
        raise error(language, "the statement takes {count} parameters, got {given}", "42P02", count=len(names), given=len(values))
    arrays = [_array(values[field.name], field, language) for field in prepared.parameters]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _example(name: str) -> str:
    return "[…]" if name.isdigit() else f"{{{name!r}: …}}"


def _array(value: Any, field: pa.Field, language: str) -> pa.Array:
    """A value as Arrow has it."""
    if value is None:
        return pa.nulls(1, field.type)
    if isinstance(value, UUID):
        value = str(value)
    elif isinstance(value, int) and not isinstance(value, bool) and not -_WIDEST <= value < _WIDEST:
        value = Decimal(value)
    try:
        found = pa.array([value])
    except (pa.ArrowException, TypeError) as failure:
        problem = "${name}: takes numbers, texts, dates, times, truth values, bytes and lists of them, got {value}"
        raise error(language, problem, "22023", name=field.name, value=repr(value)) from failure
    # NaN and NaT of pandas are no values.
    return pa.nulls(1, field.type) if pa.types.is_null(found.type) else found


def _arrow(data: Any, language: str) -> pa.Table | pa.RecordBatchReader:
    """Data as Arrow."""
    if isinstance(data, Result):
        data = data.to_arrow()
    elif isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    elif isinstance(data, Mapping):
        data = pa.table(dict(data))
    elif isinstance(data, list):
        data = pa.Table.from_pylist(data)
    elif type(data).__module__.split(".")[0] == "pandas" and hasattr(data, "columns"):
        data = pa.Table.from_pandas(data, preserve_index=False)
    elif not isinstance(data, (pa.Table, pa.RecordBatchReader)):
        if type(data).__name__ == "LazyFrame" and hasattr(data, "collect"):
            data = data.collect()
        if not hasattr(data, "__arrow_c_stream__"):
            problem = "register takes a DataFrame, an Arrow table or a dictionary of columns, got {type}"
            raise TypeError(told(language, problem, type=type(data).__name__))
        data = pa.RecordBatchReader.from_stream(data)
    twice = [name for name, count in collections.Counter(data.schema.names).items() if count > 1]
    if twice:
        raise error(language, "{name}: two columns have this name; rename one of them", "42701", name=twice[0])
    if isinstance(data, pa.Table):
        # A column without any value has no type either: text takes what comes.
        for place, field in enumerate(data.schema):
            if pa.types.is_null(field.type):
                data = data.set_column(place, field.name, pa.nulls(data.num_rows, pa.string()))
    return data
