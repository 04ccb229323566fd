"""One attempt at one address of a gateway: what the person hears while it goes on, and how it came out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import field, replace
from typing import TypeGuard

from lotor.client.elsewhere import way_to
from lotor.client.persons import ClientPersons
from lotor.client.requests import ConnectRequest, Outcome, Prompter, Requests
from lotor.client.targets import Target
from lotor.client.wallet import Wallet
from lotor.ike.intents import Connect, Disconnect
from lotor.model.frozen import frozen
from lotor.model.network import NAT_T_PORT, Path, Peer
from lotor.model.policy import RemotePolicy
from lotor.model.reason import Cause, Reason
from lotor.model.reasons import ends
from lotor.model.reasons.local import NotBegun, TicketRefused
from lotor.model.reasons.proofs import OtherTicketKey
from lotor.model.redirection import MOST_REDIRECTS, Detour
from lotor.runtime.driver import Driver
from lotor.runtime.follower import Follower
from lotor.runtime.sessions import Register, Session

GIVEN_UP = ends.GivenUp()
TOLD_AFTER = (5.0, 20.0, 35.0)
"""Seconds after which a person hears that no answer has come yet."""
SILENCE_AFTER_PHASE_ONE = 6.0
"""Seconds after which it is odd that nothing follows phase 1."""
NO_REPLY_AT_NAT_T = f"nothing has come back at UDP port {NAT_T_PORT} yet: is it open on the way?"
NOTHING_FOLLOWS = "it does not go on yet: it has not asked for a login, nor given an address"
UNPROVED = frozenset({Cause.NO_ANSWER, Cause.NO_PROPOSAL, Cause.PROTOCOL})
"""How an attempt ends after which another offer is worth a try: no answer, or a refusal without a proof."""


@frozen
class Parts:
    """What connections are made with."""

    driver: Driver
    register: Register
    requests: Requests
    persons: ClientPersons
    follower: Follower
    wallet: Wallet = field(default_factory=Wallet)


@frozen
class Ground:
    """What the configuration and the host say at this moment. `login` is `xauth_login` of a remote block; `way`
    the path to a gateway (`OSError` without a route); `patience` seconds that a silent gateway is called."""

    remotes: Callable[[], tuple[RemotePolicy, ...]]
    login: Callable[[str], str | None]
    way: Callable[[Peer], Awaitable[Path]]
    patience: Callable[[], float]


@frozen
class Unheard:
    """There is no route to an address, or no answer from it; `refused`: a peer there refused, without a proof;
    `spoke`: it agreed on keys, so it speaks this version of IKE."""

    reason: Reason
    refused: bool = False
    spoke: bool = False


class Calls:
    """Each call ends in exactly one outcome; a cancelled one leaves nothing behind."""

    def __init__(self, parts: Parts, ground: Ground) -> None:
        self._parts = parts
        self._ground = ground

    async def call(self, target: Target, request: ConnectRequest, patience: float) -> Session | Reason | Unheard:
        """`patience`: seconds after which an address that was never heard of is given up. Where the gateway sends this
        client to another one, that one is called, and so on a few times (RFC 5685 §7)."""
        try:
            path = await self._ground.way(Peer(target.address, target.remote.port))
        except OSError as error:
            return Unheard(ends.NoRoute(error.strerror or str(error)))
        found, times = await self._first(target, request, patience, path), 0
        while isinstance(found, ends.Redirected):
            if times == MOST_REDIRECTS:
                return ends.RedirectedTooOften(found.by, found.gateway, times)
            times += 1
            found = await self._elsewhere(target, request, patience, found)
        return found

    async def _first(
        self, target: Target, request: ConnectRequest, patience: float, path: Path
    ) -> Session | Reason | Unheard:
        """By the ticket, where there is one for this block. What the gateway says against that is no more than that it
        wants a login."""
        found = await self._one(target, request, patience, (path, None))
        if not _is_ticket_refused(found):
            return found
        if request.prompter is not None:
            await request.prompter.tell(f"{_reason(found).text}: logging in")
        return await self._one(target, replace(request, resumption=None), patience, (path, None))

    async def _elsewhere(
        self, target: Target, request: ConnectRequest, patience: float, sent: ends.Redirected
    ) -> Session | Reason | Unheard:
        """Whatever becomes of it, a gateway was there that speaks IKEv2."""
        if request.prompter is not None:
            await request.prompter.tell(sent.text)
        try:
            path = await way_to(sent.gateway, target.remote.port, self._ground.way)
        except OSError as error:
            return Unheard(ends.NoRoute(error.strerror or str(error)), spoke=True)
        detour = Detour(target.address, sent.by, sent.gateway if sent.proved else "")
        found = await self._one(target, request, patience, (path, detour))
        return replace(found, spoke=True) if isinstance(found, Unheard) else found

    async def _one(
        self, target: Target, request: ConnectRequest, patience: float, there: tuple[Path, Detour | None]
    ) -> Session | Reason | Unheard:
        (path, detour), remote = there, target.remote
        number = self._parts.requests.new(request)
        ticket = request.resumption if detour is None and remote.version == 2 else None
        resumption = ticket if ticket is not None and ticket.state.remote == remote.name else None
        self._parts.driver.command(Connect(remote.name, path, number, target.host, remote.version, detour, resumption))
        try:
            if await self._silent(number, target, request.prompter, patience):
                await self._give_up(number)
                return Unheard(ends.NoAnswer(path.remote.address, round(patience)))
            return self._judged(number, await self._outcome_with_hint(number, target, request.prompter))
        except asyncio.CancelledError:
            await self._give_up(number)
            raise
        finally:
            self._parts.requests.forget(number)

    def _judged(self, number: int, found: Session | Reason) -> Session | Reason | Unheard:
        """What was not said by the proved gateway does not end the search for it."""
        progress = self._parts.requests.progress(number)
        if isinstance(found, Reason) and found.cause in UNPROVED and not progress.met:
            return Unheard(found, refused=found.cause is not Cause.NO_ANSWER, spoke=progress.heard)
        return found

    async def _silent(self, number: int, target: Target, prompter: Prompter | None, patience: float) -> bool:
        """Waits for an outcome, or a first answer, and tells the person how long that may take. Whether nothing was
        heard in an address's time although there are others to call."""
        requests, begun = self._parts.requests, self._parts.driver.now()
        outcome = asyncio.ensure_future(self._outcome(number))
        try:
            for at in (*(each for each in TOLD_AFTER if each < patience), patience):
                await asyncio.wait({outcome}, timeout=max(0.0, begun + at - self._parts.driver.now()))
                if outcome.done() or requests.progress(number).heard:
                    return False
                if at < patience and prompter is not None:
                    left = f"trying {patience - at:.0f} s more"
                    await prompter.tell(f"no answer yet from {target.address} at UDP port {target.remote.port}, {left}")
            return patience < self._ground.patience()
        finally:
            outcome.cancel()

    async def _outcome_with_hint(self, number: int, target: Target, prompter: Prompter | None) -> Session | Reason:
        """Behind a NAT everything but the first messages goes to port 4500, which many a firewall stops."""
        outcome = asyncio.ensure_future(self._outcome(number))
        try:
            while not outcome.done() and not self._parts.requests.progress(number).going:
                before = self._stuck(number)
                await asyncio.wait({outcome}, timeout=SILENCE_AFTER_PHASE_ONE)
                if before and self._stuck(number) and prompter is not None:
                    what = NOTHING_FOLLOWS if self._parts.requests.progress(number).reached else NO_REPLY_AT_NAT_T
                    await prompter.tell(f"{target.address} answered, but {what}")
                    break
            return await outcome
        finally:
            outcome.cancel()

    def _stuck(self, number: int) -> bool:
        """Whether phase 1 is done, the session goes on at port 4500, and nothing has come of it since."""
        requests = self._parts.requests
        session = self._parts.register.get(requests.session(number) or 0)
        floated = session is not None and session.path.floated
        return floated and requests.progress(number).met and not requests.progress(number).going

    async def _outcome(self, number: int) -> Session | Reason:
        requests = self._parts.requests
        if requests.session(number) is None:
            requests.fail(number, NotBegun())
        outcome: Outcome = await requests.outcome(number)
        if isinstance(outcome, Reason):
            if (session := requests.session(number)) is not None:
                await self._parts.follower.finished(session)
            return outcome
        session_up = self._parts.register.get(outcome.session)
        return session_up or ends.EndedAtOnce()

    async def _give_up(self, number: int) -> None:
        session = self._parts.requests.session(number)
        if session is not None:
            self._parts.driver.command(Disconnect(session, GIVEN_UP))
            await self._parts.follower.finished(session)


def _reason(found: Reason | Unheard) -> Reason:
    return found.reason if isinstance(found, Unheard) else found


def _is_ticket_refused(found: Session | Reason | Unheard) -> TypeGuard[Reason | Unheard]:
    return isinstance(found, Reason | Unheard) and isinstance(_reason(found), TicketRefused | OtherTicketKey)
