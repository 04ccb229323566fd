"""The ISAKMP SA: what a finished phase 1 leaves."""

from __future__ import annotations

from dataclasses import dataclass

from lotor.ike.v1.keymat import PhaseOneKeys
from lotor.model.algorithms import IkeSuite
from lotor.model.identity import Identity
from lotor.wire.v1.vendors import NatTraversal, Vendor


@dataclass(frozen=True, slots=True)
class PhaseOne:
    """`last_block` is where the IVs of phase 2 begin; `traversal` the version of NAT traversal both speak; `here` and
    `there` whether a NAT stands before this end or the peer."""

    suite: IkeSuite
    keys: PhaseOneKeys
    last_block: bytes
    peer: Identity
    vendors: frozenset[Vendor]
    traversal: NatTraversal | None = None
    here: bool = False
    there: bool = False
