"""A PostgreSQL server of the tests' own: on loopback and a Unix socket, as an unprivileged child, with its own data."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import vacant
from lotor.config.servers import DatabaseTls, FleetSettings
from lotor.model.secret import Secret
from processes import await_stopped

NOBODY = 65534
STARTS_WITHIN = 60.0
USER, PASSWORD, DATABASE = "lotor", "fleet password", "lotor"
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "superuser_reserved_connections": "3",
    "log_min_messages": "warning",
    "deadlock_timeout": "100ms",
}
ACCESS = f"local all postgres trust\nlocal all {USER} scram-sha-256\nhost all {USER} 127.0.0.1/32 scram-sha-256\n"


def programs() -> Path:
    """Where the server's programs are: of the newest version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else Path(shutil.which("postgres") or "/usr/bin/postgres").parent


class Postgres:
    """One of them; `restart` and the signals are for tests of faults."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self.port = 0
        self._server: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        self._run("initdb", "--pgdata", self.data, "--username=postgres", "--auth=trust", "--no-sync", "-E", "UTF8")
        (self.data / "pg_hba.conf").write_text(ACCESS)
        self.start()
        self.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'", database="postgres")

    def database(self, name: str = DATABASE) -> FleetSettings:
        """An empty one of this name."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", database="postgres")
        self.sql(f"CREATE DATABASE {name} OWNER {USER}", database="postgres")
        return self.settings(name)

    def settings(self, name: str = DATABASE, port: int | None = None, host: str = "127.0.0.1") -> FleetSettings:
        return FleetSettings(host, port or self.port, name, USER, Secret(PASSWORD), DatabaseTls.OFF)

    def sql(self, *statements: str, database: str = DATABASE) -> str:
        """As the server's owner; what it answers, a row a line."""
        flags = ("-qAtX", "-v", "ON_ERROR_STOP=1", "-h", self.home, "-p", self.port, "-U", "postgres", "-d", database)
        given = (part for each in statements for part in ("-c", each))
        return self._run("psql", *flags, *given).strip()

    def start(self, **settings: str) -> None:
        self.port = self.port or vacant.port()
        options = {**SETTINGS, "port": str(self.port), "unix_socket_directories": str(self.home), **settings}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [programs() / "postgres", "-D", self.data, "-h", "127.0.0.1", *flags],
                stdout=log,
                stderr=log,
                **_owner(),
            )
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: at once, in order; SIGQUIT: as after a crash; SIGKILL: with all of its processes."""
        if self._server is None:
            return
        children = self.processes()
        self._server.send_signal(how)
        if how is signal.SIGKILL:
            for each in children:
                _signal(each, signal.SIGKILL)
        self._server.wait(STARTS_WITHIN)
        self._server = None

    def halt(self) -> None:
        """Nothing of it moves any more."""
        self._all(signal.SIGSTOP)
        for each in (*([self._server.pid] if self._server is not None else []), *self.processes()):
            await_stopped(each)

    def go_on(self) -> None:
        self._all(signal.SIGCONT)

    def processes(self) -> list[int]:
        """Those of the server that work for it."""
        if self._server is None or self._server.poll() is not None:
            return []
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text()
        return [int(each) for each in children.split()]

    def _all(self, what: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(what)
            for each in self.processes():
                _signal(each, what)

    def _wait(self) -> None:
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until and self._server is not None and self._server.poll() is None:
            if (
                subprocess.run(
                    [programs() / "pg_isready", "-q", "-h", self.home, "-p", str(self.port)], check=False
                ).returncode
                == 0
            ):
                return
            time.sleep(0.05)
        raise AssertionError((self.home / "log").read_text()[-2000:])

    def _run(self, program: str, *arguments: object) -> str:
        command = [str(programs() / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.home, **_owner())
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def served() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="lotor-pg-") as made:
        home = Path(made)
        home.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(home, NOBODY, NOBODY)
        server = Postgres(home)
        try:
            server.begin()
            yield server
        finally:
            server.go_on()
            server.stop()


def _owner() -> dict[str, int]:
    """The server refuses to run as root."""
    return {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}


def _signal(process: int, what: signal.Signals) -> None:
    try:
        os.kill(process, what)
    except ProcessLookupError:
        return
