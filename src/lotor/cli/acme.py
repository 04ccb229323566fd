"""`lotor pki acme`: a certificate of a public authority, and its renewal; `lotor pki status`: when they end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lotor.acme.process import MODULE
from lotor.acme.task import LOOK, READY, Challenge, Task
from lotor.cli import locate
from lotor.confinement.identity import unprivileged
from lotor.control.client import Connection, Unreachable
from lotor.control.messages import Done, Reload
from lotor.crypto.private.issuing import GatewayNames, make_challenge, request_octets
from lotor.crypto.private.jws import signed, thumbprint
from lotor.crypto.private.keypair import KeyPair, generate_key
from lotor.daemon.exits import Exit, StartError
from lotor.model.algorithms import Curve
from lotor.model.frozen import frozen
from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.pki.acme import (
    SERVER,
    STAGING,
    Place,
    Record,
    due,
    judged,
    kind_word,
    public_names,
    request_of,
    wants_renewal,
)
from lotor.pki.fault import PkiError
from lotor.privsep import errand
from lotor.privsep.certifying import (
    AGREE,
    ISSUED,
    REFUSED_BY,
    SHOW_CHALLENGE,
    SIGN_STATEMENT,
    Issued,
    Refusal,
    Showing,
    Statement,
)
from lotor.privsep.frames import Ended
from lotor.privsep.living import FAILED, StartFailure
from lotor.privsep.serving import Denied, Handler, Server, answering
from lotor.warden.spawning import Program, interpreter

if TYPE_CHECKING:
    from lotor.crypto.certificates import Certificate

CERTIFICATES = Path("/etc/lotor/certs")
PORTS = {Challenge.HTTP: 80, Challenge.TLS: 443}
SECONDS = 300.0
"""For one run, when no person reads terms."""
READING = 600.0
MOST_STATEMENTS = 1_000
"""Requests that are signed in one run: 100 names take some 500."""
BACKLOG = 64
DIGEST = 32


@frozen
class Wish:
    """What one run is to do. `again`: also what is not due. `agrees`: to the terms, by the command line. `waits`:
    whether an hour that the authority asked for is waited for. `keeps`: a failure is written down: no other order is
    what renewals go by."""

    again: bool = False
    agrees: bool = False
    waits: bool = False
    keeps: bool = True
    patience: float = 30.0
    reload: bool = True
    socket: Path | None = None
    file: Path | None = None


@dataclass(slots=True)
class Run:
    """One visit at an authority: what the process asks is answered here, and what it says is looked at. `allowed`: the
    payloads that are signed."""

    place: Place
    record: Record
    wish: Wish
    account: KeyPair
    names: GatewayNames
    keys: dict[str, KeyPair]
    allowed: frozenset[bytes] = frozenset({LOOK, READY})
    taken: list[tuple[str, tuple[Certificate, ...]]] = field(default_factory=list)
    failure: tuple[str, str, float | None] | None = None
    terms: str = ""
    statements: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def rows(self) -> dict[int, Handler]:
        return dict(
            (
                answering(self._sign, SIGN_STATEMENT),
                answering(self._show, SHOW_CHALLENGE),
                answering(self._agree, AGREE),
                answering(self._take, ISSUED),
                answering(self._refused, REFUSED_BY),
                answering(self._failed, FAILED),
            )
        )

    async def _sign(self, asked: Statement) -> bytes:
        self.statements += 1
        if self.statements > MOST_STATEMENTS:
            raise Denied("more requests than any order takes")
        if asked.payload not in self.allowed:
            raise Denied("a request that no order needs")
        told = {"kid": asked.account} if asked.account is not None else {}
        return signed(self.account, {"nonce": asked.nonce, "url": asked.url, **told}, asked.payload)

    async def _show(self, asked: Showing) -> Secret:
        if asked.name not in self.names.dns or len(asked.digest) != DIGEST:
            raise Denied("a name that was not ordered")
        key = generate_key(Curve.P256)
        shown = make_challenge(key, asked.name, asked.digest, datetime.now(UTC), timedelta(days=1))
        return Secret(shown + key.pem().reveal())

    async def _agree(self, terms: str) -> bool:
        """What is agreed to is written down, and not asked again."""
        told = clean(terms, longest=2_000)
        agreed = self.wish.agrees or told == self.record.terms
        if not agreed:
            with contextlib.suppress(click.Abort):
                agreed = await asyncio.to_thread(click.confirm, f"The authority's terms are at {told}. Do you agree?")
        if agreed:
            self.terms = told
        return agreed

    async def _take(self, issued: Issued) -> None:
        """Believed when it is what was ordered, whoever says so."""
        if not 0 <= issued.number < len(self.keys):
            raise Denied("a certificate that nobody ordered")
        stem = list(self.keys)[issued.number]
        try:
            chain = judged(issued.chain, self.keys[stem], self.names.dns, datetime.now(UTC))
            self.place.take(stem, issued.chain)
        except PkiError as error:
            self._end(str(error), "")
            raise Denied(str(error)) from None
        self.taken.append((stem, chain))
        if len(self.taken) == len(self.keys):
            self.over.set()

    async def _refused(self, refusal: Refusal) -> None:
        self._end(refusal.text, refusal.fix, refusal.after)

    async def _failed(self, failure: StartFailure) -> None:
        self._end(failure.text, failure.fix)

    def _end(self, text: str, fix: str, after: float | None = None) -> None:
        self.failure = self.failure or (clean(text), clean(fix), after)
        self.over.set()

    async def wait(self, line: socket.socket, seconds: float) -> None:
        server = Server(line, self.rows(), lambda _: self.over.set(), "process that speaks with the authority")
        try:
            async with asyncio.timeout(seconds):
                await self.over.wait()
        except TimeoutError:
            self._end(f"the authority was not done within {seconds:g} seconds", "try again later")
        finally:
            server.close()
        if len(self.taken) < len(self.keys):
            self._end("the process that speaks with the authority ended", "its last lines say why")


def certify(place: Place, record: Record, wish: Wish) -> list[tuple[str, tuple[Certificate, ...]]]:
    """What is due, or all of it: the new ones by the stems of their files. Raises `PkiError` and `StartError`."""
    with place.locked():
        now = datetime.now(UTC)
        held_back = datetime.fromisoformat(record.after) if record.after and wish.waits else now
        if held_back > now:
            click.echo(f"the authority wants nothing of this host before {_moment(held_back)}: {record.failure}")
            return []
        stems = dict(zip(record.stems(), record.kinds, strict=True))
        wanted = {stem: kind for stem, kind in stems.items() if wish.again or wants_renewal(place, record, stem, now)}
        if not wanted:
            return []
        place.make_room()
        if wish.keeps:
            place.note(record)
        keys = {stem: place.key(stem, kind) for stem, kind in wanted.items()}
        run = Run(place, record, wish, place.account(), public_names(record.names), keys)
        try:
            _visit(run)
        except StartError as error:
            if wish.keeps:
                place.came_out(record, now, str(error))
            raise
        after = now + timedelta(seconds=run.failure[2]) if run.failure and run.failure[2] else None
        done = replace(record, terms=run.terms or record.terms)
        if run.taken and wish.reload:
            _reload(wish)
        if wish.keeps or run.taken:
            place.came_out(done, now, run.failure[0] if run.failure else "", after)
        if run.failure:
            text, fix, _ = run.failure
            raise StartError(f"{text}{': ' * bool(fix)}{fix}", Exit.FAILED)
        return run.taken


def _visit(run: Run) -> None:
    challenge = Challenge(run.record.challenge)
    task = Task(
        identity=_identity(run.wish.file),
        server=run.record.server,
        root=run.record.root,
        contacts=run.record.contacts,
        names=run.names.dns,
        requests=tuple(request_octets(request_of(key, run.names)) for key in run.keys.values()),
        challenge=challenge,
        thumbprint=thumbprint(run.account),
        patience=run.wish.patience,
        seconds=SECONDS,
    )
    run.allowed = task.statements()
    with contextlib.closing(Program(interpreter(MODULE))) as program, _listening(PORTS[challenge]) as listening:
        try:
            started = program.take()
            with contextlib.ExitStack() as ending:
                ending.callback(started.abandon)
                errand.tell(started.line, task, listening)
                listening.close()
                asyncio.run(run.wait(started.line, SECONDS + READING))
        except (OSError, Ended) as error:
            raise StartError(f"the process that speaks with the authority ended: {error}", Exit.LOCAL_FAULT) from error


def _identity(file: Path | None) -> str:
    """As the gateway's daemon has it, where a configuration says so."""
    from lotor import config

    privsep = None
    with contextlib.suppress(config.ConfigError):
        privsep = config.load(locate.configuration(file)).settings.privsep
    try:
        return unprivileged(privsep).word
    except LookupError as error:
        raise StartError(str(error), Exit.CONFIGURATION) from error


def _listening(port: int) -> socket.socket:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        other = "tls-alpn-01" if port == PORTS[Challenge.HTTP] else "http-01"
        text = f"cannot listen at TCP port {port}: {os.strerror(error.errno or 0)}; --challenge {other} takes another"
        code = Exit.NOT_ROOT if isinstance(error, PermissionError) else Exit.BUSY
        raise StartError(text, code) from error


def _reload(wish: Wish) -> None:
    """A daemon that runs takes the new one; its sessions go on."""
    place = locate.control_socket(wish.socket, wish.file)
    try:
        with Connection(place) as daemon:
            daemon.send(Reload())
            answer = daemon.receive()
    except (Unreachable, OSError):
        click.echo("no daemon runs here that could take it")
        return
    if isinstance(answer, Done):
        click.echo(f"the daemon has it: {answer.text}")
    else:
        click.echo("the daemon keeps what it had: lotor reload says why", err=True)


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


@frozen
class State:
    """Of a gateway's certificates, line by line for a person. `wrong`: clients refuse one of them, or will soon."""

    lines: tuple[str, ...]
    wrong: bool


def state(directory: Path) -> State:
    """When the certificates end, and how their renewal goes. Raises `PkiError`, also where there is none."""
    place, now = Place(directory), datetime.now(UTC)
    record = place.record()
    stems = record.stems() if record else tuple(sorted(path.stem for path in place.directory.glob("vpngw*.crt")))
    lines, wrong = [], bool(record and record.failure)
    for stem in stems:
        chain = place.chain(stem)
        if not chain:
            lines.append(f"{stem}.crt: there is none that can be read")
            wrong = True
            continue
        leaf = chain[0]
        left = (leaf.not_after - now).days
        wrong = wrong or left < 0
        ends = f"ends {_moment(leaf.not_after)}, in {left} days" if left >= 0 else f"ended {_moment(leaf.not_after)}"
        by = f"renewed by ACME from {_moment(due(leaf))} on" if record else "nothing renews it by itself"
        lines.append(f"{stem}.crt ({leaf.key_text}): {ends}; {by}")
    if not lines:
        hint = "lotor pki gateway makes one, lotor pki acme orders one, and -d names another directory"
        raise PkiError(f"there is no gateway's certificate in {place.directory}: {hint}")
    return State((*lines, *(_attempts(record) if record else ())), wrong)


def _attempts(record: Record) -> list[str]:
    names = ", ".join(record.names)
    lines = [f"ACME: {names} of {record.server} by {record.challenge}"]
    if record.failure:
        lines.append(f"the last attempt, {record.tried}, failed: {record.failure}")
        if record.after:
            lines.append(f"no sooner than {record.after} another one is made")
    elif record.tried:
        lines.append(f"the last attempt, {record.tried}, was a success")
    return lines


def certified(directory: Path, names: tuple[str, ...], kinds: tuple[int | Curve, ...], options: Any) -> list[str]:
    """What was done, for a person. Raises `PkiError` and `StartError`."""
    place, wish = Place(directory), wish_of(options)
    known = place.record()
    if options["renew"]:
        if known is None:
            raise PkiError(f"nothing was ordered in {directory}: type lotor pki acme with the names of this gateway")
        record = known
    else:
        record = _ordered(place, known, names, kinds, options)
    renews = options["renew"]
    done = certify(place, record, replace(wish, again=wish.again or not renews, keeps=renews or known is None))
    if not done:
        return ["nothing is due"]
    lines = [f"{directory / stem}.crt: ends {_moment(chain[0].not_after)}" for stem, chain in done]
    return lines if options["renew"] else [*lines, *_next_steps(record, directory)]


def _ordered(
    place: Place, known: Record | None, names: tuple[str, ...], kinds: tuple[int | Curve, ...], options: Any
) -> Record:
    """What is ordered now. Raises `PkiError`."""
    root = options["root"]
    server = STAGING if options["staging"] else options["server"] or SERVER
    record = Record(
        server=server,
        root=str(root.absolute()) if root else "",
        contacts=tuple(each if ":" in each else f"mailto:{each}" for each in options["contacts"]),
        names=public_names(names).dns,
        kinds=tuple(map(kind_word, kinds)),
        challenge=options["challenge"] or Challenge.HTTP.value,
        terms=known.terms if known is not None and known.server == server else "",
    )
    mine = known.stems() if known is not None else ()
    others = [stem for stem in record.stems() if place.chain(stem) and stem not in mine]
    if others and not options["force"]:
        there = " and ".join(f"{place.directory / stem}.crt" for stem in others)
        raise PkiError(f"{there} exists already, and not by ACME: --force replaces it and keeps its key")
    return record


def _next_steps(record: Record, directory: Path) -> list[str]:
    lines = ["In the remote block of the gateway:" if len(record.kinds) == 1 else "In the remote block, best first:"]
    lines += [f'    certificate_type x509 "{stem}.crt" "{stem}.key";' for stem in record.stems()]
    here = "" if directory == CERTIFICATES else f" -d {directory}"
    lines.append(f"Renew it: systemctl enable --now lotor-acme.timer, or twice a day lotor pki acme --renew{here}")
    return lines


def wish_of(options: dict[str, Any]) -> Wish:
    return Wish(
        again=options["force"],
        agrees=options["agree_terms"],
        waits=options["renew"] and not options["force"],
        patience=options["patience"],
        reload=options["reload"],
        socket=options["socket"],
        file=options["file"],
    )
