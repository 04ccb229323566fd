"""The verbs of inner addresses: a session has one for as long as it lasts."""

from __future__ import annotations

from types import NoneType

from lotor.model.frozen import frozen
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.ports.leases import Lease
from lotor.privsep.logging_in import LONGEST_GRANTS
from lotor.privsep.verb import Verb

LONGEST_USER = 1_024
"""Octets of a user's name: 256 characters, in whatever script."""


@frozen
class Wish:
    """An address for a session of this daemon. `grants`: what the back end granted when it accepted the login."""

    session: int
    user: str
    grants: Grants


ACQUIRE_LEASE: Verb[Wish, Lease | Failure] = Verb(
    number=12,
    name="acquire_lease",
    request=Wish,
    answer=Lease | Failure,
    most_request=LONGEST_GRANTS + 2_048,  # with the user's name
    most_answer=8_192,
)
RELEASE_LEASE: Verb[int, None] = Verb(
    number=13,
    name="release_lease",
    request=int,
    answer=NoneType,
    most_request=8,
    most_answer=0,
)
