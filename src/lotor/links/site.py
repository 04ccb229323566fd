"""What each request gets, and what becomes of the link by it. Pure: the time is told.

The path of everything begins with the token, which is the only proof that somebody may be here: whoever does not know
it gets the same answer whatever he asks for. Pages may be looked at by anybody who has it, above all by the programs
that look at a link before a person does. The first fetch of a file is what the link is for: from then on it belongs to
that address and that device.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import field
from ipaddress import IPv6Address, ip_address, ip_network

from lotor.links.requests import BadRequest, Request, Status
from lotor.links.task import Document, Shows
from lotor.model.frozen import frozen
from lotor.privsep.linking import Visit, What
from lotor.profiles.agents import recognised

GRACE = 60.0
"""Seconds in which a file that was fetched may be fetched again by the same address: some browsers ask twice."""
MOST_TOLD = 32
"""Visits that a person is told of: who has the token could write lines without end."""
IPV6_SUBSCRIBER = 64
"""Bits of an IPv6 address that belong to a place; the rest a device changes as it likes."""
PLAIN = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


@frozen
class Answer:
    """`body` is not sent for HEAD, but its length is. `told`: what the person at the terminal hears of it."""

    status: Status
    media: str = PLAIN
    body: bytes = field(default=b"", repr=False)
    fields: tuple[tuple[str, str], ...] = ()
    told: Visit | None = None
    head_only: bool = False


NOWHERE = Answer(Status.NOT_FOUND, body=b"There is nothing here.\n")
REFUSALS = {
    Status.BAD_REQUEST: Answer(Status.BAD_REQUEST, body=b"This is no request that a browser sends.\n"),
    Status.FIELDS_TOO_LARGE: Answer(Status.FIELDS_TOO_LARGE, body=b"The request is too long.\n"),
    Status.METHOD_NOT_ALLOWED: Answer(
        Status.METHOD_NOT_ALLOWED, body=b"Only GET and HEAD.\n", fields=(("Allow", "GET, HEAD"),)
    ),
}


def plain(address: str) -> str:
    """One of IPv4 as such, also where it came through a socket of IPv6."""
    found = ip_address(address.split("%", 1)[0])
    return str((found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found)


def place(address: str) -> str:
    """What counts as the same address: IPv4 as it is, and of IPv6 the network."""
    found = ip_address(plain(address))
    return str(ip_network((found, IPV6_SUBSCRIBER), strict=False) if isinstance(found, IPv6Address) else found)


def name_of(host: str) -> str:
    """Of the host of a request, in small letters; its port may be another one outside of a router."""
    name, _, port = host.rpartition(":")
    return name if name and port.isdecimal() else host


class Site:
    """`host` (its name alone) and `token` of the link. Times are of a clock that only goes on, in seconds."""

    def __init__(self, host: str, token: str, documents: Iterable[Document]) -> None:
        self._host, self._token = host, token.encode()
        documents = tuple(documents)
        self._shown = {each.path: each for each in documents if each.shows is not Shows.GONE}
        self._gone = next((each.body for each in documents if each.shows is Shows.GONE), b"")
        self._taker = ""
        self._device = ""
        self._fetched: dict[str, float] = {}
        self._told: set[tuple[str, str, str]] = set()

    def answer(self, request: Request | BadRequest, address: str, now: float) -> Answer:
        """`address` is the other end's."""
        if isinstance(request, BadRequest):
            return REFUSALS[request.status]
        if not request.reads:
            return REFUSALS[Status.METHOD_NOT_ALLOWED]
        found = self._found(request)
        if found is None:
            answer = NOWHERE
        elif found.shows is Shows.PAGE:
            answer = self._look(found, request, address)
        else:
            answer = self._fetch(found, request, address, now)
        return answer if request.method == "GET" else _head(answer)

    def is_over(self, now: float) -> bool:
        """Whether nobody can fetch anything any more: everything for the device is fetched, and the grace is over."""
        wanted = {path for path, each in self._shown.items() if each.device == self._device and _counts(each)}
        if not self._taker or wanted - self._fetched.keys():
            return False
        return now - max(self._fetched.values()) > GRACE

    def _found(self, request: Request) -> Document | None:
        """All of it in the same time for any token: where the host is wrong it is compared as well."""
        token, _, path = request.target[1:].partition("/")
        known = hmac.compare_digest(token.encode("latin-1"), self._token)
        if not known or name_of(request.host) != self._host:
            return None
        if not path and (device := recognised(request.agent)) is not None and device.value in self._shown:
            path = device.value
        return self._shown.get(path)

    def _look(self, page: Document, request: Request, address: str) -> Answer:
        told = self._tells(What.LOOKED, address, page.device if request.method == "GET" else "")
        return Answer(Status.OK, HTML, page.body, told=told)

    def _fetch(self, file: Document, request: Request, address: str, now: float) -> Answer:
        """A HEAD asks whether it is there, and takes nothing."""
        if not self._may(file, address, now):
            return Answer(Status.GONE, HTML, self._gone, told=self._tells(What.REFUSED, address, file.device))
        told = None
        if request.method == "GET":
            self._taker, self._device = place(address), file.device
            if file.path not in self._fetched:
                self._fetched[file.path] = now
                told = Visit(What.FETCHED, address, file.device, file.name)
        saved = (("Content-Disposition", f'attachment; filename="{file.name}"'),) if file.keep else ()
        return Answer(Status.OK, file.media, file.body, saved, told)

    def _may(self, file: Document, address: str, now: float) -> bool:
        if not self._taker:
            return True
        if place(address) != self._taker or file.device != self._device:
            return False
        return now - self._fetched.get(file.path, now) <= GRACE

    def _tells(self, what: What, address: str, device: str) -> Visit | None:
        """Each once."""
        row = (what.value, place(address), device)
        if row in self._told or len(self._told) >= MOST_TOLD:
            return None
        self._told.add(row)
        return Visit(what, address, device)


def _counts(document: Document) -> bool:
    return document.shows in {Shows.FILE, Shows.BESIDE}


def _head(answer: Answer) -> Answer:
    return Answer(answer.status, answer.media, answer.body, answer.fields, answer.told, head_only=True)
