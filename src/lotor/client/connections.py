"""`vc` and `vd` of a client: what the person gives, which addresses and blocks are tried, how it came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Protocol

from lotor.client import targets
from lotor.client.calls import Calls, Ground, Parts, Unheard
from lotor.client.persons import Given
from lotor.client.requests import ConnectRequest, Prompter
from lotor.client.targets import RefusedRequest, Target
from lotor.ike.intents import Disconnect
from lotor.model.network import Address
from lotor.model.policy import RemotePolicy, Side
from lotor.model.prompt import Field
from lotor.model.reason import Cause, Reason
from lotor.model.reasons import ends
from lotor.model.reasons.local import BeingSetUp, NotResolved
from lotor.model.reasons.logins import NoLoginGiven
from lotor.model.secret import Secret
from lotor.model.ticket import Resumption
from lotor.runtime.sessions import Session

SECONDS_FOR_ONE_OF_MANY = 15.0
"""Seconds for an address while there are others to call."""
SECONDS_FOR_IKEV2 = 8.0
"""The same for a gateway that may speak IKEv1 alone, and is silent then: it is asked six times."""
TERMINATED = ends.ClosedHere()


class Keeper(Protocol):
    """Brings connections back that are to stay."""

    def came_up(self, target: Target, session: Session) -> None: ...

    def known(self, host: str) -> Target | None:
        """Where a connection that stays was with a gateway of that name; None without one."""
        ...

    async def let_go(self, meant: Callable[[Target], bool]) -> int:
        """A person ends connections. How many were on their way back."""
        ...


@dataclass(slots=True)
class Tried:
    """What came of an attempt so far. `speakers`: addresses where somebody speaks IKEv2. IKEv1 is not tried there:
    whoever can make an attempt fail could otherwise choose the older version."""

    failed: list[Reason] = field(default_factory=list)
    speakers: list[Address] = field(default_factory=list)

    def add(self, remote: RemotePolicy, address: Address, found: Unheard) -> None:
        self.failed.append(found.reason)
        if found.spoke and remote.version > 1:
            self.speakers.append(address)

    def left(self, remote: RemotePolicy, addresses: Sequence[Address]) -> list[Address]:
        return [each for each in addresses if remote.version > 1 or each not in self.speakers]

    @property
    def kept(self) -> str:
        return f"{' and '.join(map(str, self.speakers))} speaks IKEv2: IKEv1 is not tried"


class Connections:
    """`keeper`: None where no connection stays."""

    def __init__(self, parts: Parts, ground: Ground, keeper: Keeper | None = None) -> None:
        self._keeper = keeper
        self._parts = parts
        self._ground = ground
        self._calls = Calls(parts, ground)
        self._beginning: set[tuple[str, Address]] = set()

    async def connect(self, gateway: str, user: str | None, prompter: Prompter) -> Session | Reason:
        """The session when it is up and the host is set up (also one that was up before), else why not. Cancelling
        gives the attempt up and leaves nothing behind."""
        try:
            target = await targets.find(gateway, self._ground.remotes())
        except RefusedRequest as error:
            known = self._known(gateway) if isinstance(error.reason, NotResolved) else None
            if known is None:
                return error.reason
            target = known
        return await self.reach(target, user, prompter)

    def _known(self, host: str) -> Target | None:
        """Where a connection was with a gateway of that name, by the blocks as they are now: on a host that is closed
        its name servers may be inside of the tunnel."""
        known = self._keeper.known(host) if self._keeper is not None else None
        return known.by(self._ground.remotes()) if known is not None else None

    async def reach(self, target: Target, user: str | None, prompter: Prompter) -> Session | Reason:
        """`connect` for a gateway that was found already. An address that does not answer is followed by the next."""
        if (session := self.existing(target)) is not None:
            return session
        key = (target.remote.name, target.address)
        if key in self._beginning:
            return BeingSetUp(target.address)
        self._beginning.add(key)
        try:
            given = await self._ask_ahead(target.remote, user, prompter)
            asked = ConnectRequest(dict(given), prompter) if given is not None else None
            found = NoLoginGiven() if asked is None else await self._attempt(target, asked)
        finally:
            self._beginning.discard(key)
        if self._keeper is not None and not isinstance(found, Reason):
            self._keeper.came_up(target, found)
        return found

    async def again(
        self,
        target: Target,
        given: Given,
        patience: float,
        prompter: Prompter,
        resumption: Resumption | None = None,
    ) -> Session | Reason:
        """The same for a connection that comes back: `given` opened it; empty: what is saved opens it. `patience`:
        seconds for an address that is silent. `resumption`: a ticket, which is tried first."""
        if (session := self.existing(target)) is not None:
            return session
        key = (target.remote.name, target.address)
        if key in self._beginning:
            return BeingSetUp(target.address)
        self._beginning.add(key)
        try:
            known = given or await self._ask_ahead(target.remote, None, prompter)
            if known is None and resumption is None:
                return NoLoginGiven()
            return await self._attempt(target, ConnectRequest(dict(known or {}), prompter, resumption), patience)
        finally:
            self._beginning.discard(key)

    async def disconnect(self, gateway: str) -> int:
        """How many sessions were ended; waits until the host is as it was."""
        addresses = await targets.meant(gateway)
        gone = [
            each
            for each in self._clients()
            if addresses & {each.called, each.path.remote.address} or each.remote == gateway
        ]
        ended = await self._end(gone, TERMINATED)

        def meant(target: Target) -> bool:
            return gateway in (target.remote.name, target.host) or _is_of(target, addresses)

        return ended + await self._let_go(meant)

    async def _let_go(self, meant: Callable[[Target], bool]) -> int:
        return await self._keeper.let_go(meant) if self._keeper is not None else 0

    async def logout(self, user: str) -> int:
        """How many sessions of a login were ended, of clients here or of our own."""
        gone = [each for each in self._parts.register.all() if each.user == user]
        return await self._end(gone, ends.LoggedOut(user))

    async def close(self, number: int) -> int:
        """The same for the session of a number."""
        session = self._parts.register.get(number)
        return await self._end([session] if session is not None else [], TERMINATED)

    def existing(self, target: Target) -> Session | None:
        """A session with this gateway that is up."""
        names = {each.name for each in (target.remote, *target.also)}
        same = (each for each in self._clients() if each.up and each.remote in names)
        return next((each for each in same if each.called in (target.address, *target.others)), None)

    async def _attempt(self, target: Target, request: ConnectRequest, longest: float = inf) -> Session | Reason:
        """`longest`: seconds for the last address, if it is silent."""
        tried, before, prompter = Tried(), None, request.prompter
        for remote in (blocks := target.blocks):
            left = tried.left(remote, (target.address, *target.others))
            if before is not None and prompter is not None:
                await prompter.tell(_next(before, remote) if left else tried.kept)
            before = remote
            for number, address in enumerate(left, 1):
                last = remote is blocks[-1] and number == len(left)
                patience = min(self._ground.patience(), longest if last else _seconds(remote), longest)
                found = await self._calls.call(replace(target, remote=remote, address=address), request, patience)
                if not isinstance(found, Unheard):
                    return found
                tried.add(remote, address, found)
                if found.refused:
                    break
        return _most_telling(tried.failed)

    async def _ask_ahead(
        self, remote: RemotePolicy, user: str | None, prompter: Prompter
    ) -> dict[Field, Secret] | None:
        """Name and password before the first packet, so that no gateway waits for typing; nothing is sent by this.
        The saved password is that of `xauth_login`; who names a user is asked, as by racoonctl."""
        if not remote.logs_in:
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

    async def _end(self, sessions: list[Session], reason: Reason) -> int:
        for session in sessions:
            self._parts.driver.command(Disconnect(session.id, reason))
        for session in sessions:
            await self._parts.follower.finished(session.id)
        return len(sessions)

    def _clients(self) -> list[Session]:
        return [each for each in self._parts.register.all() if each.side is Side.CLIENT]


def _is_of(target: Target, addresses: set[Address]) -> bool:
    return not addresses.isdisjoint((target.address, *target.others))


def _seconds(remote: RemotePolicy) -> float:
    """For a silent address, while others or another version are still to be called."""
    return SECONDS_FOR_ONE_OF_MANY if remote.version == 1 else SECONDS_FOR_IKEV2


def _next(before: RemotePolicy, remote: RemotePolicy) -> str:
    """What a person hears between two attempts."""
    if before.version != remote.version:
        return f"nothing came of IKEv{before.version}, trying IKEv{remote.version}"
    return f"nothing came of {_modes(before)}, trying {_modes(remote)}"


def _modes(remote: RemotePolicy) -> str:
    return " and ".join(f"{each.value} mode" for each in remote.exchange_modes)


def _most_telling(failed: list[Reason]) -> Reason:
    """A refusal, else all that was not answered."""
    refusal = next((each for each in failed if each.cause is not Cause.NO_ANSWER), None)
    silent = list(dict.fromkeys(failed))
    if refusal is not None or len(silent) == 1:
        return refusal or silent[0]
    return ends.NoAnswerAnywhere("; ".join(each.text for each in silent))
