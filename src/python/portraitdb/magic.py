"""Cells of a notebook in SQL: ``%load_ext portraitdb``."""

from __future__ import annotations

import os
import sys
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import clear_output

from .connection import Database, Progress, connect
from .errors import Error, error, label
from .language import in_language, of_environment
from .results import Result

_USAGE = """%portrait DIR                 use the database in this folder; :memory: is one in memory
%%portrait                     run the SQL of the cell, and show the rows of its last statement
%%portrait --database DIR      in this database, for this cell
%%portrait name <<             keep the result in the variable name, and show nothing"""

_HELP = """SQL in cells.

``%portrait DIR`` uses the database in a folder, ``%%portrait`` runs the SQL of a cell. ``$name`` in SQL is the variable ``name`` of
the notebook. ``%%portrait --database DIR`` runs in another database, ``%%portrait name <<`` keeps the result in a variable.
"""


def _named(database: str | None) -> str | None:
    """The folder of a database, however it is written."""
    return None if database in (None, "", ":memory:") else os.path.abspath(os.path.expanduser(database))


@magics_class
class Magic(Magics):
    """``%portrait`` and ``%%portrait``."""

    shell: Any

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        Magic.portrait.__doc__ = in_language(of_environment(), _HELP)
        self._open: dict[str | None, Database] = {}
        self._current: str | None = None

    @no_var_expand
    @line_cell_magic
    def portrait(self, line: str, cell: str | None = None) -> Any:
        # What `%portrait?` shows is set when the magic is loaded, in the language of the reader.
        try:
            if cell is None:
                return self._use(line.strip())
            return self._cell(line, cell)
        except Error as failure:
            # As the program prints it; where Python was does not matter to who writes SQL.
            shown = label("error", str(failure), failure.language)
            failure._render_traceback_ = lambda: shown.split("\n")  # type: ignore[attr-defined]
            raise

    @property
    def _language(self) -> str:
        """That of the database in use, once it is open."""
        found = self._open.get(self._current)
        return found.language if found else of_environment()

    def _use(self, database: str) -> Database:
        if not database:
            return self._database(self._current)
        if len(database) > 1 and database[0] == database[-1] and database[0] in "'\"":
            database = database[1:-1]
        if database.startswith("-"):
            problem = "%portrait takes the folder of a database, got {given}\n{usage}"
            raise error(self._language, problem, given=database, usage=in_language(self._language, _USAGE))
        name = _named(database)
        found = self._database(name)
        self._current = name
        return found

    def _cell(self, line: str, cell: str) -> Result | None:
        database, variable = self._current, None
        words = line.split()
        while words:
            word = words.pop(0)
            if word in ("--database", "-d") and words:
                database = _named(words.pop(0).strip("'\""))
            elif word.startswith("--database="):
                database = _named(word.partition("=")[2].strip("'\""))
            elif (word.endswith("<<") and word[:-2].isidentifier()) and not words:
                variable = word[:-2]
            elif word.isidentifier() and words == ["<<"]:
                variable, words = word, []
            else:
                raise error(self._language, "%%portrait: what does {word} mean?\n{usage}", word=word, usage=in_language(self._language, _USAGE))
        watch, used = _Watch(), self._database(database)
        notes: list[str] = []
        try:
            result = used._run(cell, watch=watch, find=self._variable, tell=notes.append)
        finally:
            # Clears what stands below the cell.
            watch.end()
            for note in notes:
                print(label("note", note, used.language), file=sys.stderr, flush=True)
        if variable is None:
            return result
        self.shell.user_ns[variable] = result
        return None

    def _database(self, name: str | None) -> Database:
        """The database of a name, opened when it is not yet."""
        found = self._open.get(name)
        if found is None or found._is_closed or not found._server.is_running:
            found = self._open[name] = connect(name)
        return found

    def _variable(self, name: str) -> Any:
        """The value that the notebook has for a parameter."""
        if name not in self.shell.user_ns:
            raise error(self._language, "${name}: the parameter has no value; there is no variable {name}", "42P02", name=name)
        return self.shell.user_ns[name]

    def close(self) -> None:
        """Closes all databases."""
        for database in self._open.values():
            database.close()
        self._open.clear()


class _Watch:
    """Tells how far a statement is, in the place of what it will give."""

    def __init__(self) -> None:
        self._has_told = False

    def __call__(self, progress: Progress) -> None:
        self._clear()
        self._has_told = True
        print(progress, file=sys.stderr, flush=True)

    def end(self) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._has_told:
            clear_output(wait=False)


def unload(shell: Any) -> None:
    """Takes the magics back."""
    magic = shell.magics_manager.registry.pop("Magic", None)
    if isinstance(magic, Magic):
        magic.close()
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("portrait", None)
