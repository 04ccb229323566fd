"""A PostgreSQL on a node: its data in the node's own memory, TLS, a role with a password, one database."""

from __future__ import annotations

from pathlib import Path

from lab import pki
from lab.node import LabError, Node, Running, wait_until

USER, PASSWORD, DATABASE = "lotor", "MyDirtySecret", "lotor"
HOME = "/run/postgresql"
PORT = 5432
_OWNER = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
_RULES = f"local all postgres trust\nhostssl all {USER} 0.0.0.0/0 scram-sha-256\n"
_SETTINGS = ("-c", "fsync=off", "-c", "max_connections=60", "-c", "shared_buffers=16MB", "-c", "ssl=on")
AUTHORITY = "/etc/lotor/database-ca.crt"
"""Where a gateway has the authority of the server."""


def programs() -> Path:
    """Where the newest one of this host lies. Raises `LabError`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda each: int(each.parts[-3]))
    if not found:
        raise LabError("there is no PostgreSQL: sudo make fleet-packages installs one")
    return found[-1].parent


class Server:
    """Listens at `address` of the node; `url` is what the `store` of a gateway says that has `authority` in the file
    AUTHORITY."""

    def __init__(self, node: Node, address: str) -> None:
        self.node, self.address = node, address
        node.run("install", "-d", "-o", "postgres", HOME)
        self._run(str(programs() / "initdb"), "-D", f"{HOME}/data", "-U", "postgres", "--auth=trust", "--no-sync")
        node.path(f"{HOME}/data/pg_hba.conf").write_text(_RULES)
        self.authority = pki.authority("Database CA")
        made = pki.gateway(self.authority, address)
        node.write(f"{HOME}/data/server.crt", made.certificate)
        node.write(f"{HOME}/data/server.key", made.key, 0o600)
        node.run("chown", "postgres", f"{HOME}/data/server.key")
        self.running = self.start()
        self.ask(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'", database="postgres")
        self.ask(f"CREATE DATABASE {DATABASE} OWNER {USER}", database="postgres")

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{PASSWORD}@{self.address}/{DATABASE}?sslrootcert={AUTHORITY}"

    def start(self) -> Running:
        words = (str(programs() / "postgres"), "-D", f"{HOME}/data", "-h", self.address, "-k", HOME, *_SETTINGS)
        self.running = self.node.start("postgresql", *_OWNER, *words)
        if not wait_until(self._answers, 60):
            raise LabError(f"PostgreSQL does not start:\n{self.running.text()[-2000:]}")
        return self.running

    def ask(self, statement: str, database: str = DATABASE) -> list[list[str]]:
        """Rows of the answer to the owner of the server, as text."""
        words = ("psql", "-qAtX", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-h", HOME, "-U", "postgres", "-d", database)
        lines = self._run(str(programs() / words[0]), *words[1:], "-c", statement).splitlines()
        return [line.split("\x1f") for line in lines if line]

    def _answers(self) -> bool:
        return not self.node.run(*_OWNER, str(programs() / "pg_isready"), "-q", "-h", HOME, check=False).code

    def _run(self, *words: str) -> str:
        return self.node.run(*_OWNER, "env", f"--chdir={HOME}", *words).stdout
