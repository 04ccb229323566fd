"""The head of a request (RFC 9112), as far as a page that is read and a file that is fetched need one."""

from __future__ import annotations

import re
from enum import IntEnum

from lotor.model.frozen import frozen

MOST_HEAD = 8_192
"""Octets of a head: browsers send less than two thousand."""
MOST_FIELDS = 64
LONGEST_AGENT = 512
END = b"\r\n\r\n"
LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]{0,511}) HTTP/1\.([01])")
"""Origin-form alone (§3.2.1): nobody needs a proxy here."""
FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([\t -~\x80-\xff]*)")
READS = frozenset({"GET", "HEAD"})


class Status(IntEnum):
    """Those that are answered."""

    OK = 200
    BAD_REQUEST = 400
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    GONE = 410
    FIELDS_TOO_LARGE = 431


class BadRequest(Exception):  # noqa: N818 - what it is
    """A head that gets no page, whatever it asks for."""

    def __init__(self, status: Status = Status.BAD_REQUEST) -> None:
        super().__init__(status.name)
        self.status = status


@frozen
class Request:
    """`target` is the path as it came, without a query: nothing in it is decoded, since no path of ours needs it.
    `agent`: what the browser calls itself."""

    method: str
    target: str
    host: str
    agent: str

    @property
    def reads(self) -> bool:
        return self.method in READS


def parsed(head: bytes) -> Request:
    """Of everything in front of the empty line. Raises `BadRequest`."""
    if len(head) > MOST_HEAD:
        raise BadRequest(Status.FIELDS_TOO_LARGE)
    first, *lines = head.decode("latin-1").split("\r\n")
    line = LINE.fullmatch(first)
    if line is None:
        raise BadRequest
    fields = _fields(lines)
    if _has_body(fields) or (line[3] == "1" and "host" not in fields):
        raise BadRequest
    agent = fields.get("user-agent", "")[:LONGEST_AGENT]
    return Request(line[1], line[2].split("?", 1)[0], fields.get("host", "").strip().lower(), agent)


def _fields(lines: list[str]) -> dict[str, str]:
    """By their names in small letters. Of one that comes twice the first counts, but of those that decide something."""
    if len(lines) > MOST_FIELDS:
        raise BadRequest(Status.FIELDS_TOO_LARGE)
    fields: dict[str, str] = {}
    for each in lines:
        field = FIELD.fullmatch(each)
        if field is None or (field[1].lower() == "host" and "host" in fields):
            raise BadRequest
        fields.setdefault(field[1].lower(), field[2])
    return fields


def _has_body(fields: dict[str, str]) -> bool:
    """Who reads sends none, and what follows one would be another request to somebody."""
    return "transfer-encoding" in fields or fields.get("content-length", "0").strip() != "0"
