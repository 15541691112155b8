"""Drives real clients against `portrait serve`, and against PostgreSQL beside it: the same checks, the values compared.

    python tests/clients/run.py --program target/debug/portrait [--only psycopg] [--no-control]

Clients that are not installed are skipped, and said to be. PostgreSQL is started on a free port with a data folder of its own, when
`initdb` is found. Exit code 1 when a check fails that PostgreSQL passes, or gives another value.
"""

import argparse
import glob
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import checks  # noqa: E402
import flight  # noqa: E402, F401: adds its clients

TABLES = [
    """CREATE TABLE customers (id BIGINT NOT NULL, name TEXT, city TEXT, joined DATE, spend DECIMAL(12, 2), score DOUBLE PRECISION,
       vip BOOLEAN, seen TIMESTAMP, level SMALLINT, age INT)""",
    """INSERT INTO customers VALUES
       (1, 'Ada', '上海', DATE '2024-01-05', 1234.50, 0.5, true, TIMESTAMP '2025-03-01 10:00:00.25', 3, 36),
       (2, '李雷', '北京', DATE '2024-02-10', 99.99, -1.25, false, TIMESTAMP '2025-03-02 11:30:00', 1, 41),
       (3, 'O''Neil', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
       (4, 'Eva "E"', '上海', DATE '2024-12-31', 0.00, 1e100, true, TIMESTAMP '1999-12-31 23:59:59', 2, 18)""",
    "CREATE VIEW by_city AS SELECT city, count(*) AS customers, sum(spend) AS spend FROM customers GROUP BY city",
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Portrait:
    name = "portrait"

    def __init__(self, program, more=()):
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="clients-")
        script = ";".join([*TABLES, *more])
        subprocess.run([program, "-d", self.folder, "-c", script], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        doors = ["--listen", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        self.process = subprocess.Popen([program, "-d", self.folder, "serve", *doors], stdout=subprocess.PIPE, text=True)
        # Each door says where it is, in this order.
        self.port, self.flight, self.http = (int(self.process.stdout.readline().split("127.0.0.1:")[1].split("/")[0]) for _ in range(3))

    def with_passwords(self):
        """Another server with the same tables, into which nobody comes without a password."""
        roles = ["CREATE ROLE ada LOGIN SUPERUSER PASSWORD 'pencil'", "CREATE ROLE bob LOGIN PASSWORD 'rubber'", "GRANT SELECT ON customers TO bob"]
        return Portrait(self.program, roles)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgreSQL:
    name = "postgresql"
    flight = http = None

    def __init__(self):
        places = sorted(glob.glob("/usr/lib/postgresql/*/bin")) + [os.path.dirname(shutil.which("initdb") or "")]
        self.bin = next((place for place in reversed(places) if os.path.exists(os.path.join(place, "initdb"))), None)
        if not self.bin:
            raise FileNotFoundError("PostgreSQL is not installed")
        self.folder = tempfile.mkdtemp(prefix="control-")
        self.port = free_port()
        # It refuses to be run by the administrator.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
        run = lambda *words: subprocess.run([*self.user, *words], check=True, stdout=subprocess.DEVNULL, cwd="/")  # noqa: E731
        run(f"{self.bin}/initdb", "-D", f"{self.folder}/data", "-U", "ada", "-A", "trust", "-E", "UTF8", "--no-locale")
        options = f"-p {self.port} -k {self.folder} -c timezone=UTC -c fsync=off"
        run(f"{self.bin}/pg_ctl", "-D", f"{self.folder}/data", "-o", options, "-w", "-l", f"{self.folder}/log", "start")
        psql = ["psql", "-q", "-X", "-h", "127.0.0.1", "-p", str(self.port), "-U", "ada"]
        subprocess.run([*psql, "-d", "postgres", "-c", "CREATE DATABASE portrait"], check=True)
        for table in TABLES:
            subprocess.run([*psql, "-d", "portrait", "-v", "ON_ERROR_STOP=1", "-c", table], check=True)

    def stop(self):
        subprocess.run([*self.user, f"{self.bin}/pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/debug/portrait")
    parser.add_argument("--only", default="", help="clients whose names contain this")
    parser.add_argument("--no-control", action="store_true", help="without PostgreSQL beside it")
    parser.add_argument("--verbose", action="store_true", help="show the checks that pass")
    asked = parser.parse_args()

    servers = [Portrait(asked.program)]
    if not asked.no_control:
        try:
            servers.append(PostgreSQL())
        except FileNotFoundError as missing:
            print(f"skipped: the control, as {missing}")
    failed = passed = 0
    try:
        for client, run in checks.CLIENTS:
            if asked.only not in client:
                continue
            results = []
            for server in servers:
                began = time.time()
                found = checks.run(run, server)
                if found is None:
                    break
                results.append((found, time.time() - began))
            if not results:
                print(f"skipped: {client} is not installed")
                continue
            ours, control = results[0][0], results[1][0] if len(results) > 1 else {}
            bad = 0
            for check, (is_right, value) in ours.items():
                expected = control.get(check)
                if is_right and (expected is None or not expected[0] or expected[1] == value):
                    passed += 1
                    if asked.verbose:
                        print(f"    pass {client}: {check}: {value}")
                    continue
                if not is_right and expected is not None and not expected[0]:
                    passed += 1
                    continue
                bad += 1
                print(f"    FAIL {client}: {check}\n         portrait:   {value}")
                if expected is not None:
                    print(f"         postgresql: {expected[1]}")
            failed += bad
            print(f"{client:24} {len(ours) - bad:3} pass {bad:3} fail   {results[0][1]:.1f} s")
    finally:
        for server in servers:
            server.stop()
    print(f"{passed} pass, {failed} fail")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
