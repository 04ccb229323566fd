"""`vc` and `vd` of a client: which `remote` block a typed gateway means, what the person gives, how it came out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from math import inf

from lotor.client.addresses import resolve, typed
from lotor.client.persons import ClientPersons
from lotor.client.requests import Outcome, Prompter, Requests, Wish
from lotor.ike.intents import Connect, Disconnect
from lotor.model.network import NAT_T_PORT, Address, Path, Peer
from lotor.model.policy import RemotePolicy, Side
from lotor.model.prompt import Field
from lotor.model.reason import Cause, Reason
from lotor.model.reasons import ends
from lotor.model.reasons.local import BeingSetUp, NoClientBlock, NotBegun, NotResolved
from lotor.model.reasons.logins import NoLoginGiven
from lotor.model.secret import Secret
from lotor.runtime.driver import Driver
from lotor.runtime.follower import Follower
from lotor.runtime.sessions import Register, Session

GIVEN_UP = ends.GivenUp()
TOLD_AFTER = (5.0, 20.0, 35.0)
"""Seconds after which a person hears that nobody answers yet."""
QUIET = 6.0
"""Seconds after which it is odd that nothing follows phase 1."""
STUCK = f"nothing has come back at UDP port {NAT_T_PORT} yet: is it open on the way?"
SLOW = "it does not go on yet: it has not asked for a login, nor given an address"
IMPATIENT = 15.0
"""Seconds for an address while there are others to call."""
UNPROVED = frozenset({Cause.NO_ANSWER, Cause.NO_PROPOSAL, Cause.PROTOCOL})
"""How an attempt ends that another offer may save: nobody answered, or somebody who proved nothing refused it."""
TERMINATED = ends.ClosedHere()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a typed gateway leads. `host` is the name that was typed, None for an address; `others` are more addresses
    of that name; `also` are blocks to try where the gateway takes no offer of `remote`, as for another mode."""

    remote: RemotePolicy
    address: Address
    host: str | None
    others: tuple[Address, ...] = ()
    also: tuple[RemotePolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """What connections are made with."""

    driver: Driver
    register: Register
    requests: Requests
    persons: ClientPersons
    follower: Follower


@dataclass(frozen=True, slots=True)
class Ground:
    """What the configuration and the host say at this moment. `login` is `xauth_login` of a remote block; `way`
    the path to a gateway (`OSError` without a route); `patience` seconds that a silent gateway is called."""

    remotes: Callable[[], tuple[RemotePolicy, ...]]
    login: Callable[[str], str | None]
    way: Callable[[Peer], Awaitable[Path]]
    patience: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Unheard:
    """There is no way to an address, or nobody answers there; `refused`: somebody said no, and has proved nothing."""

    reason: Reason
    refused: bool = False


class RefusedRequest(Exception):  # noqa: N818 - an outcome, not an error of the program
    """A request that cannot even begin."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Connections:
    def __init__(self, parts: Parts, ground: Ground) -> None:
        self._parts = parts
        self._ground = ground
        self._beginning: set[tuple[str, Address]] = set()

    async def connect(self, gateway: str, user: str | None, prompter: Prompter) -> Session | Reason:
        """The session when it is up and the host is set up (also one that was up before), else why not. Cancelling
        gives the attempt up and leaves nothing behind."""
        try:
            target = await self.target(gateway)
        except RefusedRequest as error:
            return error.reason
        return await self.reach(target, user, prompter)

    async def reach(self, target: Target, user: str | None, prompter: Prompter) -> Session | Reason:
        """`connect` for a gateway that was found already. An address that does not answer is followed by the next."""
        if (session := self.existing(target)) is not None:
            return session
        key = (target.remote.name, target.address)
        if key in self._beginning:
            return BeingSetUp(target.address)
        self._beginning.add(key)
        try:
            return await self._attempt(target, user, prompter)
        finally:
            self._beginning.discard(key)

    async def disconnect(self, gateway: str) -> int:
        """How many sessions were ended; waits until the host is as it was."""
        address = typed(gateway)
        addresses = {address} if address is not None else set(await _resolve_or_nothing(gateway))
        gone = [
            each
            for each in self._clients()
            if addresses & {each.called, each.path.remote.address} or each.remote == gateway
        ]
        return await self._end(gone, TERMINATED)

    async def logout(self, user: str) -> int:
        """How many sessions of a login were ended, of clients here or of our own."""
        gone = [each for each in self._parts.register.all() if each.user == user]
        return await self._end(gone, ends.LoggedOut(user))

    async def close(self, number: int) -> int:
        """The same for the session of a number."""
        session = self._parts.register.get(number)
        return await self._end([session] if session is not None else [], TERMINATED)

    async def target(self, gateway: str) -> Target:
        """The block of that name (a word without dots is no host name then), else the one with the gateway's address,
        else an anonymous one; `RefusedRequest` when there is none."""
        remotes = [each for each in self._ground.remotes() if each.side is Side.CLIENT]
        address = typed(gateway)
        named = next((each for each in remotes if each.name == gateway and each.address is not None), None)
        if address is None and "." not in gateway and named is not None and named.address is not None:
            return Target(named, named.address, None)
        addresses = [address] if address is not None else await _resolve(gateway)
        host = gateway if address is None else None
        for remote in remotes:
            if remote.address is not None and remote.address in addresses:
                return Target(remote, remote.address, host)
        anonymous = next((each for each in remotes if each.address is None), None)
        if anonymous is None:
            shown = gateway if address is not None else f"{gateway} ({', '.join(map(str, addresses))})"
            raise RefusedRequest(NoClientBlock(shown, addresses[0]))
        return Target(anonymous, addresses[0], host, tuple(addresses[1:]))

    def existing(self, target: Target) -> Session | None:
        """A session with this gateway that is up."""
        names = {each.name for each in (target.remote, *target.also)}
        same = (each for each in self._clients() if each.up and each.remote in names)
        return next((each for each in same if each.called in (target.address, *target.others)), None)

    async def _attempt(self, target: Target, user: str | None, prompter: Prompter) -> Session | Reason:
        given = await self._ask_ahead(target.remote, user, prompter)
        if given is None:
            return NoLoginGiven()
        failed: list[Reason] = []
        for remote in (blocks := (target.remote, *target.also)):
            if remote is not target.remote:
                await prompter.tell(f"nothing came of {_modes(target.remote)}, trying {_modes(remote)}")
            for number, address in enumerate(addresses := (target.address, *target.others), 1):
                last = remote is blocks[-1] and number == len(addresses)
                patience = min(self._ground.patience(), inf if last else IMPATIENT)
                called = replace(target, remote=remote, address=address)
                found = await self._call(called, Wish(dict(given), prompter), patience)
                if not isinstance(found, Unheard):
                    return found
                failed.append(found.reason)
                if found.refused:
                    break
        return _most_telling(failed)

    async def _call(self, target: Target, wish: Wish, patience: float) -> Session | Reason | Unheard:
        """`patience`: seconds after which an address that was never heard of is given up."""
        remote = Peer(target.address, target.remote.port)
        try:
            path = await self._ground.way(remote)
        except OSError as error:
            return Unheard(ends.NoRoute(error.strerror or str(error)))
        number = self._parts.requests.new(wish)
        self._parts.driver.command(Connect(target.remote.name, path, number, target.host))
        try:
            if await self._silent(number, target, wish.prompter, patience):
                await self._give_up(number)
                return Unheard(ends.NoAnswer(target.address, round(patience)))
            return self._judged(number, await self._outcome_with_hint(number, target, wish.prompter))
        except asyncio.CancelledError:
            await self._give_up(number)
            raise
        finally:
            self._parts.requests.forget(number)

    def _judged(self, number: int, found: Session | Reason) -> Session | Reason | Unheard:
        """What was not said by the proved gateway does not end the search for it."""
        if isinstance(found, Reason) and found.cause in UNPROVED and not self._parts.requests.met(number):
            return Unheard(found, refused=found.cause is not Cause.NO_ANSWER)
        return found

    async def _silent(self, number: int, target: Target, prompter: Prompter | None, patience: float) -> bool:
        """Waits for an outcome, or a first answer, and tells the person how long that may take. Whether nothing was
        heard in an address's time although there are others to call."""
        requests, begun = self._parts.requests, self._parts.driver.now()
        outcome = asyncio.ensure_future(self._outcome(number))
        try:
            for at in (*(each for each in TOLD_AFTER if each < patience), patience):
                await asyncio.wait({outcome}, timeout=max(0.0, begun + at - self._parts.driver.now()))
                if outcome.done() or requests.heard(number):
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
            while not outcome.done() and not self._parts.requests.going(number):
                before = self._stuck(number)
                await asyncio.wait({outcome}, timeout=QUIET)
                if before and self._stuck(number) and prompter is not None:
                    what = SLOW if self._parts.requests.reached(number) else STUCK
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
        return floated and requests.met(number) and not requests.going(number)

    async def _ask_ahead(
        self, remote: RemotePolicy, user: str | None, prompter: Prompter
    ) -> dict[Field, Secret] | None:
        """Name and password before the first packet, so that no gateway waits for typing; nothing is sent by this.
        The saved password is that of `xauth_login`; who names a user is asked, as by racoonctl."""
        if not any(each.method.login for each in remote.proposals):
            return {}
        login = user or self._ground.login(remote.name)
        given = {Field.USER_NAME: Secret(login)} if login else {}
        if login and user is None and (saved := await self._parts.persons.saved(remote.name)) is not None:
            return given | {Field.PASSWORD: saved}
        wants = (Field.PASSWORD,) if login else (Field.USER_NAME, Field.PASSWORD)
        answers = await prompter.prompt(wants, "")
        if answers is None or not set(wants) <= answers.keys():
            return None
        return given | {field: answers[field] for field in wants}

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

    async def _end(self, sessions: list[Session], reason: Reason) -> int:
        for session in sessions:
            self._parts.driver.command(Disconnect(session.id, reason))
        for session in sessions:
            await self._parts.follower.finished(session.id)
        return len(sessions)

    def _clients(self) -> list[Session]:
        return [each for each in self._parts.register.all() if each.side is Side.CLIENT]


def _modes(remote: RemotePolicy) -> str:
    return " and ".join(f"{each.value} mode" for each in remote.exchange_modes)


def _most_telling(failed: list[Reason]) -> Reason:
    """A refusal, else all that was not answered."""
    refusal = next((each for each in failed if each.cause is not Cause.NO_ANSWER), None)
    silent = list(dict.fromkeys(failed))
    if refusal is not None or len(silent) == 1:
        return refusal or silent[0]
    return ends.NoAnswerAnywhere("; ".join(each.text for each in silent))


async def _resolve(host: str) -> list[Address]:
    try:
        return await resolve(host)
    except OSError as error:
        raise RefusedRequest(NotResolved(error.strerror or str(error))) from error


async def _resolve_or_nothing(host: str) -> list[Address]:
    try:
        return await resolve(host)
    except OSError:
        return []
