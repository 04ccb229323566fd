"""The ISAKMP SA: what a finished phase 1 leaves, and what the peer owes after it."""

from __future__ import annotations

from lotor.ike.gates import Gate
from lotor.ike.v1.keymat import PhaseOneKeys
from lotor.model.algorithms import AuthMethod, IkeSuite
from lotor.model.frozen import frozen
from lotor.model.identity import Identity
from lotor.model.policy import RemotePolicy, Side
from lotor.wire.v1.vendors import NatTraversal, Vendor


@frozen
class PhaseOne:
    """`last_block`: where the IVs of phase 2 begin. `traversal`: the version of NAT traversal that both speak. `here`,
    `there`: whether a NAT stands in front of this end or the peer."""

    suite: IkeSuite
    keys: PhaseOneKeys
    last_block: bytes
    peer: Identity
    vendors: frozenset[Vendor]
    traversal: NatTraversal | None = None
    here: bool = False
    there: bool = False


def owed(remote: RemotePolicy, method: AuthMethod) -> tuple[Gate, ...]:
    """The gates that are shut after phase 1. Without XAUTH the peer is proved already. A peer may bring its own address
    only where the gateway gives none: by naming an address of the pool it would get another's traffic."""
    login = (Gate.LOGIN,) if method.login else ()
    given = remote.mode_cfg or (method.login and remote.side is Side.GATEWAY)
    return (*login, Gate.ADDRESS) if given else login
