"""The program: where it is, and one of it that serves this process."""

from __future__ import annotations

import collections
import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path

from .errors import Error, error, label
from .language import of_environment, told

_NAME = "portrait.exe" if os.name == "nt" else "portrait"
# Everything that statements may read and write when nobody says otherwise.
_EVERYWHERE = ("/", "s3://", "gs://", "az://", "abfs://", "abfss://", "http://", "https://")
# A year: a notebook is left overnight, and its session with it.
_LONG = "31536000"
# How long the program has to end.
_PATIENCE = 10.0
# The longest name of a socket.
_LONGEST_SOCKET = 100


def find(program: str | os.PathLike[str] | None = None) -> str:
    """The path of the program.

    It is looked for where pip has put it (the folder of scripts), beside Python, and on ``PATH``; the variable ``PORTRAIT_PROGRAM`` names
    another one.
    """
    given = program or os.environ.get("PORTRAIT_PROGRAM")
    if given:
        found = shutil.which(given) or shutil.which(Path(given).expanduser())
        if not found:
            way = "{program}: no such program; leave out program=… and PORTRAIT_PROGRAM to use the one that was installed with portraitdb"
            raise error(of_environment(), way, program=given)
        return os.path.abspath(found)
    schemes = ["", *(name for name in sysconfig.get_scheme_names() if name.endswith("_user"))]
    folders = [sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts") for scheme in schemes]
    folders.append(str(Path(sys.executable).parent))
    for folder in folders:
        found = shutil.which(_NAME, path=folder)
        if found:
            return found
    found = shutil.which(_NAME)
    if not found:
        way = "portrait: the program was not found; pip install portraitdb brings it along, and PORTRAIT_PROGRAM may name another one"
        raise error(of_environment(), way)
    return os.path.abspath(found)


@functools.lru_cache(maxsize=8)
def _help(program: str, changed_at: float) -> str:
    """What the program says of its options."""
    try:
        return subprocess.run([program, "serve", "--help"], capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL).stdout
    except OSError as problem:
        raise _cannot_run(program, problem) from None


def _cannot_run(program: str, problem: OSError) -> Error:
    return error(of_environment(), "{program}: cannot be run: {problem}", program=program, problem=problem.strerror)


class Server:
    """A program that serves this process, and ends with it."""

    def __init__(
        self,
        program: str,
        database: str | None,
        *,
        memory_limit: str | int | None = None,
        partitions: int | None = None,
        files: Iterable[str] | None = None,
    ) -> None:
        options = _help(program, os.stat(program).st_mtime)
        self._owner = os.getpid()
        self._watcher: subprocess.Popen[bytes] | None = None
        self._told: collections.deque[str] = collections.deque(maxlen=50)
        self.folder = _private_folder()
        watches_itself = "--stop-with-stdin" in options
        try:
            command = [program, *(["-d", database] if database else []), "serve", "--no-schedules", "--log-level", "error", "--grace", "1"]
            command += ["--flight", self._address(options), "--session-idle", _LONG, "--token-life", _LONG, "--max-message", "1GB"]
            for place in [*(_EVERYWHERE if files is None else files), self.folder]:
                command += ["--files", str(place)]
            if memory_limit is not None:
                command += ["--memory-limit", f"{memory_limit}B" if isinstance(memory_limit, int) else memory_limit]
            if partitions is not None:
                command += ["--partitions", str(partitions)]
            if watches_itself:
                command.append("--stop-with-stdin")
            # What is set for servers of this machine is not meant for this one.
            environment = {name: value for name, value in os.environ.items() if not name.startswith("PORTRAIT_")}
            # Ctrl-C is for statements: in a session of its own the program does not get it.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if watches_itself else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except OSError as problem:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise _cannot_run(program, problem) from None
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        try:
            if not watches_itself and os.name != "nt":
                self._watcher = _watch(self.process.pid, self.folder)
            self._listener = threading.Thread(target=self._listen, daemon=True, name="portrait")
            self._listener.start()
            self.location = self._ready()
        except BaseException:
            self.stop()
            raise

    def _address(self, options: str) -> str:
        """An address that nobody else reaches, where the program has it."""
        if "unix:" in options and os.name != "nt":
            return f"unix:{self.folder}/flight"
        danger = "this program listens on a port of this machine, which other people who use the machine can reach too; a newer one listens on a private socket"
        warnings.warn(told(of_environment(), danger), RuntimeWarning, stacklevel=5)
        return "127.0.0.1:0"

    def _listen(self) -> None:
        """Keeps the last lines that the program says of itself."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._told.append(line.decode(errors="replace").rstrip())

    def _ready(self) -> str:
        """Waits until the program serves; where."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = line.decode(errors="replace").strip()
            if said.startswith("ready: grpc"):
                return said.removeprefix("ready: ")
        self.process.wait()
        raise Error(self.last_words(), language=of_environment())

    def last_words(self) -> str:
        """Why the program has ended, as far as it said so."""
        self._listener.join(1.0)
        said = "\n".join(line for line in self._told if line)
        language = of_environment()
        if not said:
            return told(language, "portrait: the program has ended, with code {code}", code=self.process.poll())
        return said.removeprefix(label("error", "", language))

    @property
    def is_running(self) -> bool:
        """False once it has ended."""
        return self.process.poll() is None

    def let_go(self) -> None:
        """In a fork of the process that owns it: closes what holds the program while somebody has it open."""
        for process in (self.process, self._watcher):
            if process is not None and process.stdin:
                process.stdin.close()

    def stop(self) -> None:
        """Ends the program; calls after the first do nothing."""
        if os.getpid() != self._owner:
            # A fork of the process that owns it.
            return
        # Before the number of the program may be that of another.
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.wait()
            if self._watcher.stdin:
                self._watcher.stdin.close()
            self._watcher = None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _private_folder() -> str:
    """A new folder that nobody else may look into."""
    folder = tempfile.mkdtemp(prefix="portraitdb-")
    if len(folder) > _LONGEST_SOCKET and os.path.isdir("/tmp"):
        os.rmdir(folder)
        folder = tempfile.mkdtemp(prefix="portraitdb-", dir="/tmp")
    return folder


def _watch(pid: int, folder: str) -> subprocess.Popen[bytes]:
    """A shell that ends the program when this process is gone, also when it was killed: its input ends then."""
    script = 'read -r _; kill -TERM "$1"; rm -rf -- "$2"'
    return subprocess.Popen(
        ["/bin/sh", "-c", script, "portrait", str(pid), folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
