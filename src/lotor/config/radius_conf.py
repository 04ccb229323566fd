"""/etc/radius.conf as racoon's library has it: `auth|acct HOST[:PORT] SECRET [TIMEOUT [TRIES]]`, a server on each line.

Messages never show a line: it has the secret in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from lotor.config.problem import Location, Problem
from lotor.config.settings import RadiusServer
from lotor.files.private import FileError, read_private
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

RADIUS_CONF = Path("/etc/radius.conf")
SERVICES = ("auth", "acct")
MOST_SERVERS = 10
"""Of a kind, as many as racoon's library takes."""
LONGEST_SECRET = 128
LONGEST_HOST = 253
LONGEST_TIMEOUT, MOST_TRIES = 60, 20

_FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)|([^\s"#]\S*)')
_HOST = re.compile(r"\[([0-9A-Fa-f:.%\w]+)\](?::(\d{1,5}))?|([^:\[\]]+)(?::(\d{1,5}))?|([0-9A-Fa-f:.]+)")


@frozen
class RadiusConf:
    auth: tuple[RadiusServer, ...]
    acct: tuple[RadiusServer, ...]
    problems: tuple[Problem, ...]


def read(path: Path) -> RadiusConf:
    """What is wrong with the file itself is a problem at its first line; one that is not there has no servers. Root
    alone may read it, as all secrets."""
    if not os.path.lexists(path):
        return RadiusConf((), (), ())
    try:
        octets = read_private(path)
    except FileError as fault:
        return RadiusConf((), (), (Problem(str(path), 1, 1, str(fault)),))
    return parse(octets.decode("utf-8", "surrogateescape"), str(path))


def parse(text: str, path: str) -> RadiusConf:
    found: dict[str, list[RadiusServer]] = {service: [] for service in SERVICES}
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            service, server = _server(list(_fields(line, path, number)), path, number)
        except _NothingError:
            continue
        except _MistakeError as mistake:
            problems.append(mistake.problem)
            continue
        if len(found[service]) < MOST_SERVERS:
            found[service].append(server)
        else:
            problems.append(Problem(path, number, 1, f"there are more than {MOST_SERVERS} {service} servers"))
    return RadiusConf(tuple(found["auth"]), tuple(found["acct"]), tuple(problems))


class _NothingError(Exception):
    """A line without a server."""


class _MistakeError(Exception):
    def __init__(self, path: str, line: int, column: int, text: str) -> None:
        self.problem = Problem.at(Location(path, line, column), text)
        super().__init__(text)


@frozen
class _Field:
    text: str
    column: int


def _fields(line: str, path: str, number: int) -> Iterator[_Field]:
    """Words, or strings in quotes in which a backslash stands before a quote and a backslash. A `#` at the beginning of
    a field begins a comment."""
    place = 0
    while (place := len(line) - len(line[place:].lstrip())) < len(line) and line[place] != "#":
        match = _FIELD.match(line, place)
        if match is None:
            text = 'a string is not closed, or something stands right behind it: write "…" with blanks around it'
            raise _MistakeError(path, number, place + 1, text)
        quoted, word = match.groups()
        yield _Field(word if quoted is None else re.sub(r"\\(.)", r"\1", quoted), place + 1)
        place = match.end()


def _server(fields: list[_Field], path: str, number: int) -> tuple[str, RadiusServer]:
    if not fields:
        raise _NothingError
    service = fields.pop(0).text if fields[0].text in SERVICES else "auth"
    if not 2 <= len(fields) <= 4:
        text = "a line is auth or acct, the host, the secret, and maybe a timeout in seconds and how often to try"
        raise _MistakeError(path, number, 1, text)
    host, port = _host(fields[0], path, number)
    secret = _secret(fields[1], path, number)
    timeout = _number(fields[2:3], LONGEST_TIMEOUT, "a timeout in seconds", (path, number))
    tries = _number(fields[3:4], MOST_TRIES, "a number of tries", (path, number))
    return service, RadiusServer(host, port, Secret(secret), timeout, tries)


def _host(field: _Field, path: str, number: int) -> tuple[str, int | None]:
    """HOST, HOST:PORT, an IPv6 address, or [ADDRESS]:PORT."""
    match = _HOST.fullmatch(field.text)
    if match is None or len(field.text) > LONGEST_HOST:
        raise _MistakeError(path, number, field.column, "this is no host: write HOST, HOST:PORT or [ADDRESS]:PORT")
    port = match[2] or match[4]
    if port and not 0 < int(port) < 65536:
        raise _MistakeError(path, number, field.column, "a port is a number from 1 to 65535")
    return match[1] or match[3] or match[5], int(port) if port else None


def _secret(field: _Field, path: str, number: int) -> bytes:
    secret = field.text.encode("utf-8", "surrogateescape")
    if not 0 < len(secret) <= LONGEST_SECRET:
        raise _MistakeError(path, number, field.column, f"a secret has 1 to {LONGEST_SECRET} octets")
    return secret


def _number(fields: list[_Field], most: int, what: str, at: tuple[str, int]) -> int | None:
    if not fields:
        return None
    text = fields[0].text
    if not text.isascii() or not text.isdigit() or not 0 < int(text[-9:]) <= most or len(text) > 9:
        raise _MistakeError(*at, fields[0].column, f"{what} is expected here, from 1 to {most}")
    return int(text)
