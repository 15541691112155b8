"""Where the statements of a text begin and end, and which parameters they have.

The program itself reads the SQL. What is needed here is no more than texts, comments and quoted names, in which a semicolon ends nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PART = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*|/\*)
    | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))
    | (?P<text>'(?:[^']|'')*(?:'|\Z)|"(?:[^"]|"")*(?:"|\Z)|`[^`]*(?:`|\Z))
    | (?P<dollars>\$(?:[^\W\d]\w*)?\$)
    | (?P<parameter>\$\w+)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d\w*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")
# What CREATE makes out of plain SQL: its parameters are those of any query.
_OF_SQL = {"TABLE", "VIEW"}


@dataclass
class Statement:
    """A statement of a text."""

    text: str
    start: int
    """Where it begins in the text: 0 is the first letter."""
    lines_before: int = 0
    words: list[str] = field(default_factory=list)
    """Its words in capitals, without names in quotes."""
    parameters: set[str] = field(default_factory=set)
    """What is written ``$name`` in it and gets its value from who runs it, without the dollar; ``?`` when there are question marks."""
    own: set[str] = field(default_factory=set)
    """Of a definition: what is written ``$name`` in it, and is part of it unless a value is given."""
    places: list[tuple[int, str]] = field(default_factory=list)
    """Where ``$name`` stands in the whole text."""

    @property
    def verb(self) -> str:
        """The word that it begins with."""
        return self.words[0] if self.words else ""

    @property
    def sent(self) -> str:
        """As the program gets it: on the lines where it stands, so that errors count them as the reader does."""
        return "\n" * self.lines_before + self.text

    def forget_own(self) -> None:
        """Leaves out parameters that are the statement's own: those of PREPARE, and of what CREATE defines, such as ``$as_of`` and the options of
        a tag, what a function takes, what a schedule runs with. Only tables and views, which are plain SQL, take all values from outside.
        """
        if self.verb == "PREPARE":
            self.parameters.clear()
        elif self.verb == "CREATE" and not _OF_SQL & set(self.words[:5]):
            self.own, self.parameters = self.parameters, set()

    def numbered(self) -> tuple[str, dict[str, str]]:
        """As it is sent, with ``$1`` in the place of ``$name``, as long as that was; and the names of the numbers."""
        numbers: dict[str, str] = {}
        text, end = "", 0
        for place, name in self.places:
            place -= self.start
            number = numbers.setdefault(name, str(len(numbers) + 1))
            text += self.text[end:place] + f"${number}".ljust(len(name) + 1)
            end = place + len(name) + 1
        sent = "\n" * self.lines_before + text + self.text[end:]
        return sent, {number: name for name, number in numbers.items()}

    def place(self, sent: int) -> int:
        """A place of what was sent, in the whole text."""
        return self.start + sent - self.lines_before


def split(sql: str) -> list[Statement]:
    """The statements of a text; pieces that are empty, or comments alone, are none."""
    statements: list[Statement] = []
    piece = Statement("", 0)
    begins: int | None = None
    is_there = False
    # The statements of a schedule stand between BEGIN and END.
    is_in_script, is_at_start = False, False
    at = 0

    def end(to: int) -> None:
        nonlocal piece, begins, is_there, is_in_script
        if is_there and begins is not None:
            piece.start, piece.text = begins, sql[begins:to].rstrip()
            piece.lines_before = sql.count("\n", 0, begins)
            piece.forget_own()
            statements.append(piece)
        piece, begins, is_there, is_in_script = Statement("", to), None, False, False

    while at < len(sql):
        found = _PART.match(sql, at)
        assert found is not None
        kind, here, part = found.lastgroup, at, found.group()
        at = found.end()
        if kind == "space":
            continue
        if kind == "comment":
            if part == "/*":
                at = _after_comment(sql, at)
            # A comment before a statement belongs to it.
            begins = here if begins is None else begins
            continue
        if kind == "dollars":
            closed = sql.find(part, at)
            at = len(sql) if closed < 0 else closed + len(part)
        if part == ";":
            if is_in_script:
                is_at_start = True
            else:
                end(here)
            continue
        begins = here if begins is None else begins
        is_there = True
        if kind == "word":
            word = part.upper()
            if is_in_script and is_at_start and word == "END":
                is_in_script = False
            elif word == "BEGIN" and piece.words[-1:] == ["AS"] and "SCHEDULE" in piece.words[:4]:
                is_in_script, is_at_start = True, True
                piece.words.append(word)
                continue
            piece.words.append(word)
        elif kind == "parameter":
            piece.parameters.add(part[1:])
            piece.places.append((here, part[1:]))
        elif part == "?":
            piece.parameters.add("?")
        is_at_start = False
    end(len(sql))
    return statements


def _after_comment(sql: str, at: int) -> int:
    """Where a comment ends, which may have others in it."""
    depth = 1
    while depth:
        found = _COMMENT.search(sql, at)
        if not found:
            return len(sql)
        depth += 1 if found.group() == "/*" else -1
        at = found.end()
    return at


def literal(value: object) -> str:
    """A value as it is written in SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as it is written in SQL, whatever letters it has."""
    return '"' + name.replace('"', '""') + '"'
