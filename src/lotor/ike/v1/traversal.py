"""NAT traversal in phase 1 (RFC 3947): the version that both ends speak, NAT-D payloads, and whether a NAT stands
between the ends."""

from __future__ import annotations

from collections.abc import Collection

from lotor.crypto import hashes
from lotor.ike.session import Spis
from lotor.ike.v1.phase1 import may_fragment
from lotor.ike.v1.session import V1Session
from lotor.model.algorithms import Hash, IkeSuite
from lotor.model.frozen import frozen
from lotor.model.network import ISAKMP_PORT, NAT_T_PORT, Path, Peer
from lotor.model.policy import Switch
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import PayloadType as P
from lotor.wire.v1.payloads import NatDiscovery
from lotor.wire.v1.vendors import NatTraversal, Vendor, choose_nat_traversal

NAT_D = (P.NAT_D, P.NAT_D_DRAFT)

USUAL_PORTS = (ISAKMP_PORT, NAT_T_PORT)
"""vpnc and libreswan hash port 500 in a message that travels on 4500."""


@frozen
class Discovery:
    """The input of the NAT-D hashes of one session."""

    hash: Hash
    spis: Spis
    switch: Switch

    def payloads(self, version: NatTraversal, path: Path) -> tuple[NatDiscovery, ...]:
        """Our NAT-D payloads: the remote end first, then the local one. With `force` addresses are hashed as zeros, as
        racoon does, so that each end sees a NAT and ESP goes in UDP."""
        return tuple(version.discovery(self._digest(self._shown(end), end.port)) for end in (path.remote, path.local))

    def finds(self, chain: Chain, path: Path) -> tuple[bool, bool]:
        """Whether this end, and whether the peer, is behind a NAT; both when we force it."""
        digests = [payload.data for payload in chain.all(NatDiscovery)]
        if self.switch is Switch.FORCE or not digests:
            forced = self.switch is Switch.FORCE
            return forced, forced
        here = digests[0] not in self._candidates(path.local)
        there = not set(digests[1:]) & self._candidates(path.remote)
        return here, there

    def _candidates(self, end: Peer) -> set[bytes]:
        return {self._digest(end.address.packed, port) for port in (end.port, *USUAL_PORTS)}

    def _shown(self, end: Peer) -> bytes:
        return bytes(len(end.address.packed)) if self.switch is Switch.FORCE else end.address.packed

    def _digest(self, address: bytes, port: int) -> bytes:
        cookies = self.spis.initiator + self.spis.responder
        return hashes.digest(self.hash, cookies, address, port.to_bytes(2, "big"))


@frozen
class Found:
    """The version that both ends speak, and whether a NAT stands in front of this end or the peer."""

    version: NatTraversal | None
    here: bool
    there: bool


def shown(session: V1Session, suite: IkeSuite, version: NatTraversal | None) -> tuple[NatDiscovery, ...]:
    """Our NAT-D payloads; none where either end does not speak NAT traversal."""
    return _discovery(session, suite).payloads(version, session.path) if version is not None else ()


def found(session: V1Session, suite: IkeSuite, version: NatTraversal | None, chain: Chain) -> tuple[bool, bool]:
    """Whether a NAT stands in front of this end, and in front of the peer."""
    return _discovery(session, suite).finds(chain, session.path) if version is not None else (False, False)


def settle(session: V1Session, suite: IkeSuite, vendors: frozenset[Vendor], chain: Chain) -> Found:
    """The initiator's conclusion from the peer's NAT-D payloads. With a NAT, all further messages use the other
    ports."""
    session.fragment = session.fragment or may_fragment(session, vendors)
    spoken = version(session.remote.nat_traversal, vendors)
    here, there = found(session, suite, spoken, chain)
    if here or there:
        session.path = floated(session.path)
    return Found(spoken, here, there)


def _discovery(session: V1Session, suite: IkeSuite) -> Discovery:
    return Discovery(suite.hash, session.spis, session.remote.nat_traversal)


def version(switch: Switch, vendors: Collection[Vendor]) -> NatTraversal | None:
    """The version that both ends speak; None when either speaks none."""
    return None if switch is Switch.OFF else choose_nat_traversal(vendors)


def floated(path: Path) -> Path:
    """The path on the NAT traversal ports (RFC 3947 §4)."""
    if path.floated:
        return path
    return Path(Peer(path.local.address, NAT_T_PORT), Peer(path.remote.address, NAT_T_PORT), floated=True)
