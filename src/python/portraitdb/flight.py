"""Arrow Flight SQL, over pyarrow.flight.

Flight SQL is Flight whose commands are messages of protobuf. The few that are needed are put together here by hand, so that nothing but
pyarrow has to be installed. Source: Arrow's ``FlightSql.proto``.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import threading
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.flight as fl

from .errors import Error, of_text
from .language import of_environment

_TYPE = "type.googleapis.com/arrow.flight.protocol.sql."

# The options of a table that rows are put in: it is made, and takes the place of one that is there.
_CREATE, _REPLACE = 1, 3

# The action that gives the notes of statements that have ended; it is the program's own.
_NOTES = "TakeNotes"


# --- protobuf ---------------------------------------------------------------------------------------------------------------------------


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, value: int | str | bytes) -> bytes:
    """A field of a message: a number, or something with a length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    if isinstance(value, str):
        value = value.encode()
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _any(name: str, *fields: bytes) -> bytes:
    """A message with its name, as Flight SQL packs all of them."""
    return _field(1, _TYPE + name) + _field(2, b"".join(fields))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number, shift = 0, 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message, in their order."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == 0:
            number, at = _read_varint(data, at)
            yield key >> 3, number
            continue
        if kind == 2:
            size, at = _read_varint(data, at)
        else:
            size = {1: 8, 5: 4}[kind]
        yield key >> 3, data[at : at + size]
        at += size


def _message(data: bytes) -> dict[int, int | bytes]:
    return dict(_fields(data))


# --- errors -----------------------------------------------------------------------------------------------------------------------------


class _Headers(fl.ClientMiddleware):
    """Keeps the details of an error, which stand in the last headers of a call and in no exception of pyarrow."""

    def __init__(self, kept: threading.local) -> None:
        super().__init__()
        self._kept = kept

    def received_headers(self, headers: dict) -> None:
        for details in headers.get("grpc-status-details-bin", ()):
            self._kept.details = details if isinstance(details, bytes) else base64.b64decode(details + "==")


class _KeepHeaders(fl.ClientMiddlewareFactory):
    def __init__(self, kept: threading.local) -> None:
        super().__init__()
        self._kept = kept

    def start_call(self, info: object) -> _Headers:
        self._kept.details = None
        return _Headers(self._kept)


def _details(data: bytes | None) -> tuple[str | None, dict[str, str]]:
    """The text and the metadata of a ``google.rpc.Status``."""
    text, told = None, {}
    try:
        for number, value in _fields(data or b""):
            if number == 2 and isinstance(value, bytes):
                text = value.decode(errors="replace")
            elif number == 3 and isinstance(value, bytes):
                for key, entry in _fields(bytes(_message(value).get(2, b""))):
                    if key == 3 and isinstance(entry, bytes):
                        pair = _message(entry)
                        told[bytes(pair.get(1, b"")).decode()] = bytes(pair.get(2, b"")).decode()
    except (IndexError, KeyError, ValueError):
        pass
    return text, told


# --- a session --------------------------------------------------------------------------------------------------------------------------


class Session:
    """A login to a server: temporary tables and settings are its own."""

    def __init__(self, location: str, user: str) -> None:
        self._kept = threading.local()
        self._owner = os.getpid()
        # The name that is called, where the address is a socket and has none.
        options = [("grpc.default_authority", "localhost")] if location.startswith("grpc+unix") else None
        self._client = fl.FlightClient(location, middleware=[_KeepHeaders(self._kept)], generic_options=options)
        try:
            token = self._client.authenticate_basic_token(user, "")
        except pa.ArrowException as error:
            failure = self._error(error)
            self._client.close()
            raise failure from None
        self._options = fl.FlightCallOptions(headers=[token])
        self.language = of_environment()
        """The language of its notes and errors, as of the last statement: ``en`` or ``zh``."""
        # Programs before notes have no such action.
        self._gives_notes = any(action.type == _NOTES for action in self._client.list_actions(self._options))

    def close(self) -> None:
        """Ends the session."""
        if os.getpid() == self._owner:
            self._client.close()

    def let_go(self) -> None:
        """In a fork of the process: the client is never taken down, which would wait for threads that are not there."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._client))

    def query(self, sql: str) -> pa.Table:
        """Runs a statement of any kind; the rows that it gives."""
        command = _any("CommandStatementQuery", _field(1, sql))
        try:
            return self._rows_of(command)
        except pa.ArrowException as error:
            raise self._error(error) from None

    def update(self, sql: str) -> int:
        """Runs a statement that changes rows; how many."""
        try:
            return self._put(_any("CommandStatementUpdate", _field(1, sql)), None)
        except pa.ArrowException as error:
            raise self._error(error) from None

    def prepare(self, sql: str) -> Prepared:
        """Prepares a statement that has parameters."""
        try:
            answer = self._act("CreatePreparedStatement", _any("ActionCreatePreparedStatementRequest", _field(1, sql)))
        except pa.ArrowException as error:
            raise self._error(error) from None
        told = _message(bytes(_message(answer).get(2, b"")))
        handle, columns, parameters = (bytes(told.get(number, b"")) for number in (1, 2, 3))
        return Prepared(self, handle, bool(columns), pa.ipc.read_schema(pa.py_buffer(parameters)) if parameters else pa.schema([]))

    def ingest(self, table: str, rows: pa.Table | pa.RecordBatchReader) -> int:
        """Makes a temporary table of rows; how many there are."""
        way = _field(1, _CREATE) + _field(2, _REPLACE)
        try:
            return self._put(_any("CommandStatementIngest", _field(1, way), _field(2, table), _field(5, 1)), rows)
        except pa.ArrowException as error:
            raise self._error(error) from None

    def take_notes(self) -> list[str]:
        """What was noted about the statements since the last call, such as rows that were left out."""
        if not self._gives_notes:
            return []
        try:
            answer = self._act(_NOTES, b"")
        except pa.ArrowException:
            # The session has ended, and its notes with it; the next statement says so.
            return []
        told = [(number, value.decode()) for number, value in _fields(answer) if isinstance(value, bytes)]
        self.language = next((text for number, text in told if number == 2), self.language)
        return [text for number, text in told if number == 1]

    def _rows_of(self, command: bytes) -> pa.Table:
        info = self._client.get_flight_info(fl.FlightDescriptor.for_command(command), self._options)
        return self._read(info.endpoints[0].ticket)

    def _read(self, ticket: fl.Ticket) -> pa.Table:
        # Not FlightStreamReader.read_all(): when a call is cancelled, it interrupts the main thread.
        return self._client.do_get(ticket, self._options).to_reader().read_all()

    def _act(self, name: str, body: bytes) -> bytes:
        answers = list(self._client.do_action(fl.Action(name, body), self._options))
        return answers[0].body.to_pybytes() if answers else b""

    def _put(self, command: bytes, rows: pa.Table | pa.RecordBatch | pa.RecordBatchReader | None) -> int:
        """Sends rows with a command; the count that comes back."""
        schema = pa.schema([]) if rows is None else rows.schema
        writer, answers = self._client.do_put(fl.FlightDescriptor.for_command(command), schema, self._options)
        count = -1
        with writer:
            try:
                for batch in _batches(rows):
                    writer.write_batch(batch)
                writer.done_writing()
            except pa.ArrowException:
                # Why the server wants no more is told by what it answers.
                pass
            while (answer := answers.read()) is not None:
                # A message leaves zero out.
                told = _message(answer.to_pybytes()).get(1, 0)
                if isinstance(told, int):
                    # Numbers below zero come in two's complement.
                    count = told - (1 << 64) if told >> 63 else told
        return count

    def _error(self, error: Exception) -> Error:
        """The error of a call."""
        text, told = _details(getattr(self._kept, "details", None))
        message, state = of_text(text if text is not None else str(error))
        position = told.get("position", "")
        failure = Error(message, told.get("sqlstate") or state, int(position) if position.isdigit() else None, self.language)
        failure.is_gone = isinstance(error, fl.FlightUnavailableError)  # type: ignore[attr-defined]
        return failure


def _batches(rows: pa.Table | pa.RecordBatch | pa.RecordBatchReader | None) -> Iterable[pa.RecordBatch]:
    """Rows in pieces that are no larger than the server takes."""
    if rows is None:
        return
    if isinstance(rows, pa.RecordBatch):
        rows = pa.Table.from_batches([rows])
    for batch in rows.to_batches() if isinstance(rows, pa.Table) else rows:
        # A row may be large, and a piece must not be.
        size = max(1, batch.num_rows * (4 << 20) // max(1, batch.nbytes))
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


class Prepared:
    """A statement with parameters, which the server keeps until it is closed."""

    def __init__(self, session: Session, handle: bytes, gives_rows: bool, parameters: pa.Schema) -> None:
        self._session, self._handle = session, handle
        self.gives_rows = gives_rows
        self.parameters = parameters

    def query(self, values: pa.RecordBatch) -> pa.Table:
        """Its rows with these values."""
        command = _any("CommandPreparedStatementQuery", _field(1, self._handle))
        try:
            self._session._put(command, values)
            return self._session._read(fl.Ticket(command))
        except pa.ArrowException as error:
            raise self._session._error(error) from None

    def update(self, values: pa.RecordBatch) -> int:
        """Runs it with these values; how many rows it changes."""
        try:
            return self._session._put(_any("CommandPreparedStatementUpdate", _field(1, self._handle)), values)
        except pa.ArrowException as error:
            raise self._session._error(error) from None

    def close(self) -> None:
        """Lets the server forget it."""
        # One that cannot be told goes with its session.
        with contextlib.suppress(pa.ArrowException):
            self._session._act("ClosePreparedStatement", _any("ActionClosePreparedStatementRequest", _field(1, self._handle)))
