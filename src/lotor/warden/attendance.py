"""What a warden does for its daemons, one after another: it answers their questions, and takes back what a dead one
held."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from lotor.config import resolve
from lotor.config.methods import admits_by_login_alone, side_of
from lotor.config.provision import Provision
from lotor.model.grants import Grants
from lotor.model.identity import Identity
from lotor.model.network import Address
from lotor.model.policy import RemotePolicy, Side
from lotor.privsep.backing import BACK_ENDS, Serving
from lotor.privsep.living import ABOUT, About
from lotor.privsep.serving import Handler, answering
from lotor.warden import carrying, configuring, files, hosting, opening, orders, recording, signing
from lotor.warden.about import about
from lotor.warden.accounting import HeldAccounts, new_session_ids
from lotor.warden.carrying import Carrying
from lotor.warden.files import Handouts
from lotor.warden.gateways import GatewayRows
from lotor.warden.hosting import Around, Hosting
from lotor.warden.identification import OwnIdentities, has_address
from lotor.warden.leases import HeldLeases
from lotor.warden.logins import HeldLogins
from lotor.warden.opening import Opening
from lotor.warden.pairs import Grounds
from lotor.warden.ticketing import HeldTickets
from lotor.warden.warden import Warden

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds in which the logins of a dead daemon, and its leases, are given back before the next one starts."""


class Attendance:
    """`begin` and `let_go` are what a supervisor does for each daemon. `close` comes after the last daemon's end."""

    def __init__(self, warden: Warden) -> None:
        self._warden = warden
        ports, settings = warden.privileged, lambda: warden.settings
        self._opening = Opening(warden.sockets, ports.tunnels, settings, lambda: self._carrying.device)
        self._carrying = Carrying(ports.esp, self._around_pairs())
        self._hosting = Hosting(ports.host, ports.hooks, self._around())
        self._handouts = Handouts(settings)
        self._lasting = {
            **opening.rows(self._opening),
            **carrying.rows(self._carrying),
            **hosting.rows(self._hosting),
            **configuring.rows(warden),
            **files.rows(self._handouts),
            **dict([_back_ends(warden)]),
            **recording.rows(warden.records),
            **orders.rows(warden.orders),
            **GatewayRows(warden.gateways).rows(),
        }
        self._numbers = itertools.count(1)
        self._began, self._begun = time.monotonic(), itertools.count()
        self._known: tuple[Provision, Mapping[str, RemotePolicy]] | None = None
        self._logins: HeldLogins | None = None
        self._leases: HeldLeases | None = None
        self._accounts: HeldAccounts | None = None
        self._giving_back: set[asyncio.Task[None]] = set()

    def begin(self) -> Mapping[int, Handler]:
        """For one daemon."""
        ports = self._warden.privileged
        self._leases = HeldLeases(self._warden.leases(self._proved), self._numbers)
        in_auth = OwnIdentities(self._identity_in_auth, certified=self._certified).in_auth
        signer = signing.rows(ports.signer, OwnIdentities(self._identity), in_auth)
        session_ids = new_session_ids()
        self._logins = HeldLogins(ports.logins, session_ids)
        self._accounts = HeldAccounts(self._warden.accounts, session_ids, self._may_have_a_session)
        tickets = HeldTickets(ports.tickets, session_ids).rows()
        own = {**signer, **self._logins.rows(), **self._leases.rows(), **self._accounts.rows(), **tickets}
        told = dict([_about(self._began, next(self._begun), session_ids)])
        return {**self._lasting, **told, **own}

    def _proved(self, user: str, grants: Grants) -> bool:
        """Whether this daemon's login of a user was accepted, with these grants."""
        return self._logins is not None and self._logins.granted(user, grants)

    def _may_have_a_session(self, user: str) -> bool:
        """A certificate alone makes a user where some block admits whoever has one."""
        blocks = [remote for settings in self._warden.settings for remote in settings.remotes]
        gateways = [each for each in blocks if side_of(each) is Side.GATEWAY]
        proved = self._logins is not None and self._logins.accepted(user) is not None
        return proved or not all(map(admits_by_login_alone, gateways))

    async def let_go(self) -> None:
        """Of everything that the daemon held, which is dead. Leases stay in the pool's memory, guesses in the
        throttle's. What cannot be given back keeps nothing else: the next daemon would never have a device. Changes of
        the host are waited for, since the next daemon begins with a clean one; a login or a lease that takes too long
        goes on beside the next daemon, which has others."""
        self._warden.orders.over()
        self._opening.let_go()
        await _let_go(self._carrying)
        await _let_go(self._hosting)
        own = [each for each in (self._logins, self._leases, self._accounts) if each is not None]
        await asyncio.gather(*map(self._begin_to_let_go, own))
        await _let_go(self._warden)

    async def _begin_to_let_go(self, held: _Held) -> None:
        work = asyncio.get_running_loop().create_task(_let_go(held))
        self._giving_back.add(work)
        work.add_done_callback(self._giving_back.discard)
        if not (await asyncio.wait({work}, timeout=PATIENCE))[0]:
            log.error("%s was not given back within %g s: that goes on", type(held).__name__, PATIENCE)

    def _around(self) -> Around:
        warden = self._warden

        def accepted(user: str) -> frozenset[str] | None:
            return self._logins.accepted(user) if self._logins is not None else None

        def device() -> str | None:
            return self._opening.device or self._carrying.device

        return Around(lambda: warden.settings, device, warden.holder, accepted)

    def _around_pairs(self) -> carrying.Surroundings:
        def leased(address: Address) -> bool:
            return self._leases is not None and self._leases.has(address)

        grounds = Grounds(
            settings=lambda: self._warden.settings,
            leased=leased,
            inside=lambda: self._hosting.inside,
            is_local=has_address,
            ports=lambda: self._opening.ports,
        )
        return carrying.Surroundings(
            wanted=lambda: any(each.engine.asks_kernel for each in self._warden.settings),
            tunnel=lambda: self._opening.device,
            leases=lambda: len(self._leases) if self._leases is not None else 0,
            grounds=grounds,
        )

    async def close(self) -> None:
        await self._hosting.settled()
        self._handouts.close()

    def _identity(self, remote: str) -> Identity | None:
        block = self._block(remote)
        return block.my_identity if block else None

    def _identity_in_auth(self, remote: str) -> Identity | None:
        block = self._block(remote)
        return block.v2.identity if block and block.v2 else None

    def _certified(self, remote: str) -> tuple[Identity, ...]:
        block = self._block(remote)
        return block.certified if block else ()

    def _block(self, remote: str) -> RemotePolicy | None:
        """As the core's policy has it, which is made of the same values."""
        provision = self._warden.present()
        if self._known is None or self._known[0] is not provision:
            blocks = resolve(provision.checked, provision.credentials).remotes
            self._known = provision, {each.name: each for each in blocks}
        return self._known[1].get(remote)


def _about(began: float, restarts: int, session_ids: str) -> tuple[int, Handler]:
    """What this process may do stays as it is for as long as a daemon runs. `began` as `time.monotonic` has it."""
    found = replace(about(), seconds=time.monotonic() - began, restarts=restarts, session_ids=session_ids)

    async def tell(nothing: None) -> About:
        del nothing
        return found

    return answering(tell, ABOUT)


def _back_ends(warden: Warden) -> tuple[int, Handler]:
    async def tell(nothing: None) -> Serving | None:
        del nothing
        return warden.back_ends.serving()

    return answering(tell, BACK_ENDS)


class _Held(Protocol):
    async def let_go(self) -> None: ...


async def _let_go(held: _Held) -> None:
    try:
        await held.let_go()
    except Exception as error:  # noqa: BLE001 - its text may quote a peer
        log.error("not all of %s was given back: %s", type(held).__name__, type(error).__name__)  # noqa: TRY400
