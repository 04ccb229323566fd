"""Identities of phase 1: which one this end sends, and how one reads for people."""

from __future__ import annotations

from lotor.ike.errors import PeerFault
from lotor.model.identity import Identity, IdKind
from lotor.model.network import ISAKMP_PORT, Path
from lotor.model.policy import RemotePolicy
from lotor.model.reasons.protocol import IdentityTooLong
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import NotifyType
from lotor.wire.v1.payloads import Identification

UDP = 17

LONGEST_FIRST_IDENTITY = 512
"""Octets of the identity in a first message. A distinguished name of a dozen parts has some 400."""


def mine(remote: RemotePolicy, path: Path) -> Identity:
    """The configured identity, or the local address as racoon sends it: protocol 17, port 500."""
    if remote.my_identity is not None:
        return remote.my_identity
    address = path.local.address
    kind = IdKind.IPV4_ADDR if address.version == 4 else IdKind.IPV6_ADDR
    return Identity(kind, address.packed, UDP, ISAKMP_PORT)


def stranger(message1: Chain) -> Identity:
    """The identity that a first message claims; it is kept until more is known. `PeerFault` where it is too long."""
    claimed = message1.only(Identification).identity
    if len(claimed.data) > LONGEST_FIRST_IDENTITY:
        raise PeerFault(IdentityTooLong(len(claimed.data), LONGEST_FIRST_IDENTITY), NotifyType.INVALID_ID_INFORMATION)
    return claimed
