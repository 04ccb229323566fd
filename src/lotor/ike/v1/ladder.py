"""Exchanges as data: for each message who sends it, which payloads it must and may have, and whether it is
encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from lotor.ike.errors import Misplaced
from lotor.model.frozen import frozen
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import PayloadType as P
from lotor.wire.v1.payloads import Identification, Nonce, Payload


class Cover(Enum):
    """`EITHER`: some peers send this message in clear, some encrypted."""

    CLEAR = "clear"
    ENCRYPTED = "encrypted"
    EITHER = "either"


LEAST_NONCE, LONGEST_NONCE = 8, 256
"""Octets (RFC 2409 §5)."""

LONGEST_IDENTITY = 1024
"""Octets of an identity; a long name in a certificate has 300."""

ANYWHERE = frozenset({P.VENDOR_ID, P.NOTIFICATION})


@frozen
class Rung:
    """One message. `must`: payloads that come exactly once each; `may`: payloads that come in any number. Payloads of
    unknown numbers are ignored. Outgoing payloads are sorted as in `order`, or else as in `must` and `may`."""

    from_initiator: bool
    must: tuple[int, ...]
    may: tuple[int, ...] = ()
    cover: Cover = Cover.ENCRYPTED
    order: tuple[int, ...] = ()

    def check(self, chain: Chain, *, encrypted: bool) -> None:
        """Raises `Misplaced` that names what is missing, double, out of place or of a wrong size. Until then nothing
        costly has been done for the message."""
        if (self.cover is Cover.CLEAR and encrypted) or (self.cover is Cover.ENCRYPTED and not encrypted):
            raise Misplaced(f"message must be {self.cover.value}")
        types = chain.types()
        for wanted in self.must:
            if types.count(wanted) != 1:
                raise Misplaced(f"{P(wanted).name} stands {types.count(wanted)} times, wanted once")
        for found in types:
            if found in KNOWN and found not in self.must and found not in self.may and found not in ANYWHERE:
                raise Misplaced(f"{P(found).name} has no place in this message")
        _check_sizes(chain)

    def arrange(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The payloads in the order of the rung. Payloads that it does not list stay at the end."""
        places = {kind: place for place, kind in enumerate(self.order or (*self.must, *self.may))}
        return sorted(payloads, key=lambda payload: places.get(payload.payload_type, len(places)))


def _check_sizes(chain: Chain) -> None:
    for nonce in chain.all(Nonce):
        if not LEAST_NONCE <= len(nonce.data) <= LONGEST_NONCE:
            raise Misplaced(f"a nonce of {len(nonce.data)} octets; {LEAST_NONCE} to {LONGEST_NONCE} are allowed")
    for identity in chain.all(Identification):
        if len(identity.data) > LONGEST_IDENTITY:
            raise Misplaced(f"an identity of {len(identity.data)} octets; {LONGEST_IDENTITY} are the most")


KNOWN = frozenset(int(kind) for kind in P)


@frozen
class Ladder:
    """The rungs of one exchange."""

    name: str
    rungs: tuple[Rung, ...]

    def rung(self, position: int) -> Rung:
        if position >= len(self.rungs):
            raise Misplaced(f"{self.name} has no message {position + 1}")
        return self.rungs[position]
