"""The database of a fleet, as a URL names it: what it says, what it should not say, and whether its driver is there."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from lotor.config.file_name import FileName
from lotor.config.servers import DatabaseTls, FleetSettings
from lotor.model.secret import Secret

SCHEMES = ("postgresql", "postgres")
PORT = 5432
LONGEST_URL = 1024
LONGEST_NAME = 63
"""Octets of a user or a database: PostgreSQL cuts longer ones."""
LONGEST_HOST = 253
LONGEST_SOCKET = 90
"""Octets of the directory of a Unix socket, so that the name of the socket fits into an address (unix(7))."""
EXAMPLE = '"postgresql://lotor:PASSWORD@db.example.net/lotor"'
MISSING = (
    "PostgreSQL is asked by asyncpg, which is not installed: apt install lotor-postgresql, "
    "or pip install 'lotor[postgresql]'"
)
_OPTIONS = frozenset({"sslmode", "sslrootcert", "host"})
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[A-Za-z0-9_.:-]+")
_CLEAR = frozenset({"disable", "allow", "prefer"})


class DatabaseUrlError(ValueError):
    """The text says what is wrong and what to write instead; nothing of the URL that could be its password."""


class _Where(NamedTuple):
    host: str
    port: int


def is_database(text: str) -> bool:
    """Whether a person means a database and no file."""
    return "://" in text


def database_of(url: str) -> FleetSettings:
    """What the URL says, like postgresql://user:password@host:port/database?sslmode=verify-full. Raises
    `DatabaseUrlError`."""
    parts = _split(url)
    options = _options(parts.query)
    user, password = _login(parts.netloc)
    where = _where(parts.netloc.rpartition("@")[2], options.get("host", ""))
    database = _name(parts.path.removeprefix("/"), f"which database: add its name at the end, like {EXAMPLE}")
    tls = _tls(where.host, options.get("sslmode", ""))
    return FleetSettings(
        where.host, where.port, database, user, password, tls, _authorities(options.get("sslrootcert", ""), tls)
    )


def advice(settings: FleetSettings) -> Iterator[str]:
    """What a person should know of settings that work."""
    if settings.tls is DatabaseTls.UNPROVED:
        yield (
            f"sslmode=require looks at no certificate: whoever is on the way to {settings.host} can read and change "
            "everything; sslmode=verify-full is better"
        )
    if settings.tls is DatabaseTls.AUTHORITY:
        yield (
            f"sslmode=verify-ca takes any certificate of the authority for that of {settings.host}; "
            "sslmode=verify-full is better"
        )


def driver_missing() -> str:
    """What to do so that a database can be asked; empty where it can."""
    return "" if importlib.util.find_spec("asyncpg") is not None else MISSING


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise DatabaseUrlError(
            f"the URL of a database has at most {LONGEST_URL} characters of ASCII and no blanks: write any other "
            "character percent-encoded, a blank as %20"
        )
    try:
        parts = urlsplit(url)
    except ValueError:
        raise DatabaseUrlError(f"this is no URL: write it like {EXAMPLE}") from None
    if parts.scheme not in SCHEMES:
        raise DatabaseUrlError(f"the only databases are those of PostgreSQL: write it like {EXAMPLE}")
    if parts.fragment or "#" in url:
        raise DatabaseUrlError("a # in the URL of a database is written %23")
    if _ESCAPE.search(url):
        raise DatabaseUrlError("a % in the URL of a database is written %25")
    return parts


def _options(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in filter(None, query.split("&")):
        name, equals, value = each.partition("=")
        if name not in _OPTIONS or not equals:  # maybe a part of a password with a question mark in it
            known = ", ".join(sorted(_OPTIONS))
            raise DatabaseUrlError(f"behind the ? stand {known} only; a ? in a password is written %3F")
        if name in found:
            raise DatabaseUrlError(f"{name} stands there twice: leave one of both out")
        found[name] = _decoded(value)
    return found


def _login(netloc: str) -> tuple[str, Secret | None]:
    login, at, _ = netloc.rpartition("@")
    user, _, password = login.partition(":")
    if not at or not user:
        wanted = "the user is missing before the @ (a / in a password is written %2F)"
        raise DatabaseUrlError(f"{wanted}: write it like {EXAMPLE}")
    if "@" in login or ":" in password:
        raise DatabaseUrlError("in a user or a password a @ is written %40, and a : is written %3A")
    name = _name(user, f"the user: write it like {EXAMPLE}")
    return name, Secret(_decoded(password)) if password else None


def _where(host_and_port: str, directory: str) -> _Where:
    """Of a host and maybe a port; `directory` is that of a Unix socket, or empty."""
    parts = urlsplit(f"//{host_and_port}")
    try:
        port = PORT if parts.port is None else parts.port
    except ValueError:
        port = 0
    if not 0 < port < 65536 or host_and_port.endswith(":"):
        raise DatabaseUrlError(f"a port is a number from 1 to 65535 behind the host: leave it out for {PORT}")
    host = _decoded(parts.hostname or "")
    if host and directory:
        raise DatabaseUrlError("there are two hosts: leave the one before the database out, or host= behind the ?")
    host = host or directory
    if host.startswith("/"):
        return _Where(_socket(host), port)
    if not host or directory:
        wanted = "add host=/run/postgresql behind the ? for the Unix socket there"
        raise DatabaseUrlError(f"where is the database? Write it like {EXAMPLE}, or {wanted}")
    if not _HOST.fullmatch(host) or len(host) > LONGEST_HOST:
        raise DatabaseUrlError(f"that is no host: a name or an address stands there, one, like {EXAMPLE}")
    return _Where(host, port)


def _socket(directory: str) -> str:
    if len(directory.encode()) > LONGEST_SOCKET or not directory.isprintable():
        raise DatabaseUrlError(f"the directory of a Unix socket has at most {LONGEST_SOCKET} octets")
    return directory


def _name(text: str, wanted: str) -> str:
    name = _decoded(text)
    if not name or "/" in text:
        raise DatabaseUrlError(wanted if not name else "a / in the name of a database is written %2F")
    if len(name.encode()) > LONGEST_NAME:
        raise DatabaseUrlError(f"the name of a user or a database has at most {LONGEST_NAME} octets")
    return name


def _tls(host: str, mode: str) -> DatabaseTls:
    here = is_here(host)
    if host.startswith("/") and mode not in {"", *_CLEAR}:
        raise DatabaseUrlError("there is no TLS in a Unix socket: leave sslmode out")
    if mode in _CLEAR:
        if not here:
            raise DatabaseUrlError(
                f"sslmode={mode} would send passwords and addresses in clear to another host: leave it out "
                "(verify-full), or name the server's authority, sslrootcert=/etc/lotor/db-ca.pem"
            )
        return DatabaseTls.OFF
    if not mode:
        return DatabaseTls.OFF if here else DatabaseTls.FULL
    try:
        return DatabaseTls(mode)
    except ValueError:
        raise DatabaseUrlError("sslmode is verify-full, verify-ca, require or, on this host, disable") from None


def is_here(host: str) -> bool:
    """Whether nobody else is on the way."""
    if host.startswith("/") or host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _authorities(name: str, tls: DatabaseTls) -> FileName | None:
    if name in {"", "system"}:
        return None
    if not name.startswith("/"):
        raise DatabaseUrlError(
            "sslrootcert is the whole name of a file, from the / on, or system for those of the host"
        )
    if tls in {DatabaseTls.OFF, DatabaseTls.UNPROVED}:
        raise DatabaseUrlError(f"nobody looks at sslrootcert with sslmode={tls.value}: write sslmode=verify-full")
    return FileName(name, Path(name))


def _decoded(text: str) -> str:
    try:
        told = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise DatabaseUrlError("what is percent-encoded in the URL of a database is UTF-8") from None
    if any(ord(each) < 32 or ord(each) == 127 for each in told):
        raise DatabaseUrlError("there is a control character in the URL of the database: leave it out")
    return told
