"""The error that every failure of the program becomes, and the warning that its notes become."""

from __future__ import annotations

import re
import sys
import unicodedata
import warnings

from .language import told

# What pyarrow writes around a message that came without details.
_AROUND = re.compile(r"^(?:Flight|gRPC) [^:]*, with message: ")
_CODE = re.compile(r" \(SQLSTATE ([0-9A-Z]{5})\)")
_LABELS = {"error": "error: {text}", "note": "note: {text}"}
_EXCERPT = re.compile(r"\nLINE (\d+): (.*)\n( *)\^\s*$")


class Error(Exception):
    """What went wrong with a statement, in the words of the program.

    ``str(error)`` is the whole text: what is wrong, what to write instead, and the line with a mark under the place.

    >>> try:
    ...     db.sql("SELECT nope FROM orders")
    ... except portraitdb.Error as error:
    ...     print(error.sqlstate, error.position)
    42703 8
    """

    message: str
    """What is wrong, without the line of SQL."""
    sqlstate: str | None
    """The code of the SQL standard, as PostgreSQL uses it: ``42P01`` is an unknown table, ``42601`` wrong syntax, ``57014`` cancelled."""
    position: int | None
    """Where in the text of the statements it is wrong: the first letter is 1. None when the program names no place."""
    language: str
    """The language of the text: ``en`` or ``zh``."""

    def __init__(self, text: str, sqlstate: str | None = None, position: int | None = None, language: str = "en") -> None:
        super().__init__(text)
        self.message = text.split("\nLINE ", 1)[0]
        self.sqlstate = sqlstate
        self.position = position
        self.language = language


def error(language: str, english: str, sqlstate: str | None = None, /, **values: object) -> Error:
    """An error of this package in a language, with these values in the holes of its text."""
    return Error(told(language, english, **values), sqlstate, language=language)


class Note(UserWarning):
    """What the program notes about a statement that has succeeded, such as rows that were left out.

    >>> warnings.simplefilter("ignore", portraitdb.Note)
    """


# A cell or a loop that runs again is told again, unless the user has said otherwise.
warnings.simplefilter("always", Note, append=True)


def warn(note: str) -> None:
    """Warns of a note, at the line that called the package."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame, level = frame.f_back, level + 1
    warnings.warn(note, Note, stacklevel=level)


def label(word: str, text: str, language: str) -> str:
    """An ``error`` or a ``note`` as the shell shows it."""
    return told(language, _LABELS[word], text=text)


def of_text(text: str) -> tuple[str, str | None]:
    """The message and the SQLSTATE of what a driver tells."""
    text = _AROUND.sub("", text)
    found = _CODE.search(text)
    if found:
        return text[: found.start()], found[1]
    return text.split(". gRPC client debug context:", 1)[0], None


def place_in(text: str, sql: str) -> int | None:
    """The place that an excerpt (``LINE 2: …`` and a mark below) shows in a text of SQL: 0 is its first letter."""
    found = _EXCERPT.search(text)
    if not found:
        return None
    number, shown = int(found[1]), found[2]
    lines = sql.split("\n")
    if not 1 <= number <= len(lines):
        return None
    # The mark stands under a column of the screen, where Chinese letters take two.
    column = len(found[3]) - len(f"LINE {number}: ")
    place, taken = 0, 0
    while taken < column and place < len(shown):
        taken += width(shown[place])
        place += 1
    place += max(0, column - taken)
    line = lines[number - 1]
    inner = shown.removeprefix("…").removesuffix("…")
    cut = len(shown) - len(shown.removeprefix("…"))
    begins = line.find(inner)
    if begins < 0:
        # Tabs and the like are shown as spaces.
        begins = re.sub(r"\s", " ", line).find(inner)
    if begins < 0:
        return None
    return sum(len(line) + 1 for line in lines[: number - 1]) + begins + place - cut


def width(letter: str) -> int:
    """The columns of the screen that a letter takes."""
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
