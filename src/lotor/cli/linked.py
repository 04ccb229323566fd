"""`lotor profile --link`: a process without rights has a page for one fetch; this one signs for it, tells who came."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import signal
import socket
import time
from base64 import b32encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from lotor.cli import qr
from lotor.cli.terminal import Style, say
from lotor.confinement.identity import unprivileged
from lotor.crypto.private.keypair import KeyPair
from lotor.daemon.exits import Exit, StartError
from lotor.keys.handshakes import signed_handshake, tls_key
from lotor.links.process import MODULE
from lotor.links.task import Document, Shows, Task
from lotor.model.frozen import frozen
from lotor.model.text import clean
from lotor.privsep import errand
from lotor.privsep.budget import Budget
from lotor.privsep.frames import Ended
from lotor.privsep.linking import SIGN_HANDSHAKE, VISITED, Handshake, Visit, What
from lotor.privsep.living import FAILED, READY, StartFailure
from lotor.privsep.serving import Handler, Server, answering
from lotor.profiles.facts import Device, File
from lotor.profiles.page import CALLED, POLICY, Offer, gone, page
from lotor.warden.spawning import Program, interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lotor.cli.profiled import Own

TOKEN_OCTETS = 20
"""160 bits: 32 letters and digits, which no program that shows a link cuts or changes."""
SECONDS = 3600.0
HTTPS = 443
AT_ONCE, PAUSE = 128, 0.02
"""Signatures for the process, and seconds until another one."""
MOST_LINES = 100
"""That the process may write on the terminal: three times what one does that nobody owns."""
PATIENCE = 5.0
"""Seconds beyond the hour, in which the process ends by itself."""
BACKLOG = 64
DIED = "the process of the link ended: its last lines say why"
APPLE = "application/x-apple-aspen-config"
MEDIA = {Device.IOS: APPLE, Device.MACOS: APPLE, Device.ANDROID: "application/vnd.strongswan.profile"}
"""By which a device knows what to do with the file; all others are saved."""


@frozen
class Linked:
    """What a link is made of. `known`: browsers know the authority. `where`: address (empty: all of them) and port."""

    own: Own
    key: KeyPair
    gateway: str
    user: str
    known: bool
    files: Mapping[Device, File]
    where: tuple[str, int]


def offer(linked: Linked) -> None:
    """Until it is fetched, an hour is over, or Ctrl-C. Raises `StartError`."""
    token = b32encode(secrets.token_bytes(TOKEN_OCTETS)).decode().lower()
    host = host_of(linked.gateway)
    until = datetime.fromtimestamp(time.time() + SECONDS, UTC)
    offered = Offer(linked.gateway, linked.user, f"/{token}", f"{until:at %H:%M} UTC", linked.known, linked.files)
    pages = documents(offered)
    whom, chain = _identity(linked.own), tuple(each.der for each in linked.own.chain)
    task = Task(whom, host, token, chain, tls_key(linked.key), POLICY, SECONDS, len(pages))
    with contextlib.closing(Program(interpreter(MODULE))) as program, _listening(linked.where) as listening:
        try:
            started = program.take()
            with contextlib.ExitStack() as ending:
                ending.callback(started.abandon)
                errand.tell(started.line, task, listening, tuple(pages))
                listening.close()
                attendance = Attendance(linked, link_of(host, linked.where[1], token), until)
                with asyncio.Runner() as runner:
                    runner.run(attendance.run(started.line))
        except (OSError, ValueError) as error:
            raise StartError(f"no process of the link: {error}", Exit.LOCAL_FAULT) from error
        except Ended as error:
            raise StartError(DIED, Exit.LOCAL_FAULT) from error


def host_of(gateway: str) -> str:
    """As it stands in a link, and in what a browser asks for."""
    name = gateway.lower()
    return f"[{name}]" if ":" in name else name


def link_of(host: str, port: int, token: str) -> str:
    """What a person opens."""
    return f"https://{host}/{token}" if port == HTTPS else f"https://{host}:{port}/{token}"


def documents(offered: Offer) -> list[Document]:
    """Every page and file that there is. Of one device alone nobody is asked which it is."""
    only = next(iter(offered.files)) if len(offered.files) == 1 else None
    first = Document("", Shows.PAGE, only.value if only else "", "", page(offered, only))
    made = [first, Document("gone", Shows.GONE, "", "", gone(offered))]
    for device, file in offered.files.items():
        made.append(Document(device.value, Shows.PAGE, device.value, "", page(offered, device)))
        made += [_file(offered, device, each) for each in (file, file.beside) if each is not None]
    return made


def _file(offered: Offer, device: Device, file: File) -> Document:
    shows = Shows.FILE if file is offered.files[device] else Shows.BESIDE
    media = MEDIA.get(device, "application/octet-stream")
    keep = media != APPLE
    return Document(offered.path(device, file), shows, device.value, media, file.content, file.name, keep)


def _identity(own: Own) -> str:
    try:
        return unprivileged(own.settings.privsep).word
    except LookupError as error:
        raise StartError(str(error), Exit.CONFIGURATION) from error


def _listening(where: tuple[str, int]) -> socket.socket:
    """Everywhere: over IPv6 and IPv4, where this host has both."""
    address, port = where
    both = not address and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        where_not = f"{address} {port}" if address else f"port {port}"
        text = f"cannot listen at {where_not}: {os.strerror(error.errno or 0)}; --listen takes another port"
        raise StartError(text, Exit.BUSY) from error


class Attendance:
    """What the command does for its process: signs handshakes, and tells the person who came. What the process says is
    believed by nobody but the person, who reads it cleaned."""

    def __init__(self, linked: Linked, link: str, until: datetime) -> None:
        self._linked, self._link, self._until = linked, link, until
        self._budget, self._lines = Budget(AT_ONCE, PAUSE), Budget(MOST_LINES, SECONDS)
        self._over = asyncio.Event()
        self._ready = self._fetched = self._interrupted = False
        self._failure: StartFailure | None = None

    async def run(self, line: socket.socket) -> None:
        """Raises `StartError` where nobody fetched it."""
        server = Server(line, self.rows(), lambda _: self._over.set(), "process of the link")
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._interrupt)
        try:
            async with asyncio.timeout(SECONDS + PATIENCE):
                await self._over.wait()
        except TimeoutError:
            pass
        finally:
            server.close()
        self._end()

    def rows(self) -> dict[int, Handler]:
        """What the process may ask."""
        return dict(
            (
                answering(self._sign, SIGN_HANDSHAKE),
                answering(self._visited, VISITED),
                answering(self._show, READY),
                answering(self._fail, FAILED),
            )
        )

    def _end(self) -> None:
        if self._failure is not None:
            raise StartError(clean(self._failure.text), Exit.LOCAL_FAULT)
        if not self._ready:
            raise StartError(DIED, Exit.LOCAL_FAULT)
        if not self._fetched:
            code = Exit.INTERRUPTED if self._interrupted else Exit.FAILED
            raise StartError("the link is over, and nobody fetched anything", code)
        click.echo("the link is over")

    def _interrupt(self) -> None:
        self._interrupted = True
        self._over.set()

    async def _sign(self, asked: Handshake) -> bytes | None:
        if not self._budget.take(asyncio.get_running_loop().time()):
            return None
        return signed_handshake(self._linked.key, asked.scheme, asked.message)

    async def _show(self, nothing: None) -> None:
        """Once."""
        del nothing
        if self._ready:
            return
        self._ready = True
        if drawn := qr.shown(self._link):
            click.echo(drawn)
        click.echo(self._link)
        local = self._until.astimezone()
        port = self._linked.where[1]
        click.echo(f"good for one device, until {local:%H:%M}; TCP port {port} has to reach this host; Ctrl-C ends it")
        if not self._linked.known:
            click.echo("browsers do not know its authority, and warn of it. Read this to the person, who compares it:")
            click.echo(f"SHA-256 {fingerprint(self._linked.own)}")

    async def _fail(self, failure: StartFailure) -> None:
        self._failure = self._failure or failure

    async def _visited(self, visit: Visit) -> None:
        self._fetched = self._fetched or visit.what is What.FETCHED
        if not self._lines.take(asyncio.get_running_loop().time()):
            return
        style = Style.WARNING if visit.what is What.REFUSED else Style.PLAIN
        say(f"{datetime.now().astimezone():%H:%M:%S} {told(visit)}", style)


def told(visit: Visit) -> str:
    """A line for the person."""
    called = {device.value: name for device, name in CALLED.items()}
    address, name = clean(visit.address, longest=64), clean(visit.name, longest=200)
    device = f" ({called[visit.device]})" if visit.device in called else ""
    match visit.what:
        case What.LOOKED:
            return f"looked at from {address}{device}"
        case What.FETCHED:
            return f"{name} fetched from {address}{device}; the same address may fetch it again for a minute"
        case What.REFUSED:
            return f"refused to {address}{device}: somebody else has it, or it was fetched more than a minute ago"


def fingerprint(own: Own) -> str:
    """Of the gateway's certificate, as browsers show it."""
    return hashlib.sha256(own.chain[0].der).digest().hex(":").upper()
