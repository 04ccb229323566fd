"""A message of this end as datagrams, and in smaller ones where large ones are lost (RFC 7383 §2.5)."""

from __future__ import annotations

from lotor.ike.v2 import seal
from lotor.ike.v2.seal import Protections
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads
from lotor.model.frozen import frozen
from lotor.wire.header import Header
from lotor.wire.v2.numbers import ExchangeType

IN_CLEAR = frozenset({ExchangeType.IKE_SA_INIT, ExchangeType.IKE_SESSION_RESUME})
"""Those that make keys, and have none."""


@frozen
class Written:
    """`under`: the keys of the time when it was written. A message keeps them when the session has others."""

    session: V2Session
    header: Header
    payloads: Payloads
    under: Protections | None

    @classmethod
    def now(cls, session: V2Session, header: Header, payloads: Payloads) -> Written:
        return cls(session, header, payloads, session.protections)

    @property
    def _cuttable(self) -> bool:
        return self.session.abilities.fragments and self.header.exchange not in IN_CLEAR

    def datagrams(self) -> tuple[bytes, ...]:
        """`ValueError` for what cannot be written."""
        if self.header.exchange in IN_CLEAR:
            return (seal.clear(self.header, self.payloads),)
        if self.under is None:
            raise ValueError("no keys yet")
        address, small = self.session.path.remote.address, self.session.small
        most = seal.room(address, small=small) if self._cuttable else None
        return seal.sealed(self.under.own, self.header, self.payloads, most)

    def smaller(self, *, lost: bool) -> tuple[bytes, ...] | None:
        """Other datagrams, where large ones seem to be `lost` and smaller ones can be made; the session keeps to that
        size."""
        if not lost or self.session.small or not self._cuttable:
            return None
        self.session.small = True
        datagrams = self.datagrams()
        if len(datagrams) == 1:
            self.session.small = False
            return None
        return datagrams
