"""Whose inside is whose on a gateway, found without a walk through all sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from lotor.ike.session import Session
from lotor.model.network import Address, Network


@dataclass(slots=True)
class Holders:
    """Sessions that were given addresses are found by these: a pool gives none twice. Sessions that brought their own
    are looked at one by one, since a network may overlap any other; a gateway has the ones or the others."""

    _given: dict[Address, Session] = field(default_factory=dict)
    _brought: dict[Session, None] = field(default_factory=dict)

    def note(self, session: Session) -> None:
        """A session has another inside, or one at all."""
        self.forget(session)
        addresses = _given(session)
        self._given.update(dict.fromkeys(addresses, session))
        if not addresses:
            self._brought[session] = None

    def forget(self, session: Session) -> None:
        """It has ended, or another one has taken its place."""
        self._brought.pop(session, None)
        for address in _given(session):
            if self._given.get(address) is session:
                del self._given[address]

    def replace(self, old: Session, session: Session) -> None:
        """The same inside, under renewed keys."""
        held = old in self._brought or any(self._given.get(address) is old for address in _given(old))
        self.forget(old)
        if held:
            self.note(session)

    def other(self, session: Session, inside: Network) -> Session | None:
        """Another session with this inside or a part of it; first of all one that brought it."""
        brought = (each for each in self._brought if _brought(each, inside))
        return next((each for each in chain(brought, self._at(inside)) if each is not session), None)

    def _at(self, inside: Network) -> Iterator[Session]:
        if inside.num_addresses == 1:
            holder = self._given.get(inside.network_address)
            return iter((holder,) if holder is not None else ())
        return (holder for address, holder in self._given.items() if address in inside)


def _given(session: Session) -> tuple[Address, ...]:
    given = session.inner.configuration
    return given.addresses if given is not None else ()


def _brought(session: Session, inside: Network) -> bool:
    """Whether the peer brought an address there."""
    own = (session.inner.brought,) if session.inner.brought is not None else ()
    return any(map(inside.overlaps, (*(pair.selectors.remote for pair in session.children), *own)))
