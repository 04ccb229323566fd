"""Blocks of a gateway that a client's first message cannot tell apart: found at load, not at the first login."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from lotor.config import ikev2
from lotor.config.methods import side_of, signs
from lotor.config.problem import Problem
from lotor.config.settings import IdentifierSetting, Proposal, RemoteSettings
from lotor.model.algorithms import AuthMethod, Cipher, Group, Hash
from lotor.model.identity import TEXT_KINDS, IdKind, folded
from lotor.model.policy import ExchangeMode, Side

Suite = tuple[Cipher | None, int, Hash | None, AuthMethod | None, Group | None]


def ambiguous(remotes: tuple[RemoteSettings, ...]) -> Iterator[Problem]:
    """Pairs of blocks for the same address that could both answer the same client."""
    waiting = [each for each in remotes if side_of(each) is Side.GATEWAY and ikev2.speaks_1(each)]
    for one, other in combinations(waiting, 2):
        mode = _undecided(one, other)
        if mode is not None:
            text = (
                f"in {mode.value} mode no client can tell this block from remote {one.name}, at {one.places.head}: "
                "give them other proposals, or each its own peers_identifier with verify_identifier on, or "
                "certificates of different authorities"
            )
            yield Problem.at(other.places.head, text)


def undecided_2(one: RemoteSettings, other: RemoteSettings) -> bool:
    """Whether a client of IKEv2 could mean either block: by its way to prove itself, its name, and whom it asks for."""
    gateways = (one, other)
    ways = [set(ikev2.peer_proofs(each, Side.GATEWAY)) for each in gateways]
    own = [(_certified(each), each.my_identifier) for each in gateways]
    told = not ways[0] & ways[1] or _distinct(_names(one), _names(other)) or own[0] != own[1]
    return one.address == other.address and not told


def _undecided(one: RemoteSettings, other: RemoteSettings) -> ExchangeMode | None:
    """The mode in which two blocks cannot be told apart by address, proposal, identity of the client or requested
    issuer."""
    shared = _suites(one) & _suites(other)
    if one.address != other.address or not shared:
        return None
    keyed = any(method is not None and method.pre_shared_key for _, _, _, method, _ in shared)
    named, certified = _distinct(_names(one), _names(other)), _differently_certified(one, other) and not keyed
    # a shared key is chosen in main mode before the name is known
    told = {ExchangeMode.AGGRESSIVE: named or certified, ExchangeMode.MAIN: certified or (named and not keyed)}
    return next(
        (mode for mode in told if mode in one.exchange_mode and mode in other.exchange_mode and not told[mode]), None
    )


def _differently_certified(one: RemoteSettings, other: RemoteSettings) -> bool:
    """Whether a client can ask for the certificate of one of them. The issuers are not known here."""
    return signs(one) and signs(other) and _certified(one) != _certified(other)


def _certified(remote: RemoteSettings) -> frozenset[Path]:
    return frozenset(each.certificate.path for each in remote.certificates)


def _suites(remote: RemoteSettings) -> set[Suite]:
    return {_suite(proposal) for proposal in remote.proposals}


def _suite(proposal: Proposal) -> Suite:
    cipher, method = proposal.encryption_algorithm, proposal.authentication_method.value
    known = method.method if method else None
    return (cipher.value, cipher.key_bits, proposal.hash_algorithm.value, known, proposal.dh_group.value)


Names = frozenset[tuple[IdKind, str | None]]


def _names(remote: RemoteSettings) -> Names:
    """The identities that the block admits; empty when it admits any."""
    if not remote.verify_identifier:
        return frozenset()
    return frozenset((each.kind, _folded(each)) for each in remote.peers_identifiers)


def _folded(identifier: IdentifierSetting) -> str | None:
    """An identity as it is compared: names of hosts and persons in any case, with or without a dot at the end."""
    if identifier.file is not None:
        return identifier.file.name
    if identifier.value is None or identifier.kind not in TEXT_KINDS:
        return identifier.value
    return folded(identifier.value)


def _distinct(one: Names, other: Names) -> bool:
    """A block with names goes before the one that admits anybody. Two blocks with names must not share one."""
    return not one & other if one and other else bool(one) is not bool(other)
