"""Tickets of RFC 5723: what a gateway seals into one, and what a client keeps to come back with it."""

from __future__ import annotations

from dataclasses import field

from lotor.model.algorithms import Ike2Suite
from lotor.model.frozen import frozen
from lotor.model.identity import Identity
from lotor.model.secret import Secret

LONGEST_TICKET = 4096
"""Octets of one, of either end: a certificate chain may stand in one of another gateway's."""


@frozen
class Resumable:
    """What goes on in another IKE SA: the suite, SK_d, and how both ends are called. `remote`: the block. `ppk`: what
    the PPK is called that is in SK_d, None: none is."""

    remote: str
    suite: Ike2Suite
    d: Secret = field(repr=False)
    initiator: Identity
    responder: Identity
    ppk: str | None = None


@frozen
class Sealing:
    """What a gateway wants a ticket of: the login of `user` that was accepted for the session with this account."""

    account: str
    user: str
    state: Resumable


@frozen
class Opened:
    """What a ticket shows."""

    user: str
    state: Resumable


@frozen
class Ticket:
    """`seconds` that it is good for, at most once."""

    octets: bytes = field(repr=False)
    seconds: int


@frozen
class Resumption:
    """What a client comes back with."""

    ticket: bytes = field(repr=False)
    state: Resumable
