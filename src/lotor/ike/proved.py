"""What a session knows for certain of its peer."""

from __future__ import annotations

from lotor.model.frozen import frozen
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.identity import Identity


@frozen
class ProvedPeer:
    """What the keys prove of the peer, in any version. `login`: a login follows, and only the login names the person.
    `person`: the identity is of one person; that of a shared key alone is of a group. `probed`: the peer answers probes
    (dead peer detection). `translated`: a NAT stands in front of the peer. `grants`: what the login brought along."""

    identity: Identity
    login: bool
    person: bool
    probed: bool
    translated: bool
    grants: Grants = NO_GRANTS
