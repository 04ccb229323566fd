"""Blocks of a gateway that a client's first message cannot tell apart: found at load, not at the first login."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from lotor.config.methods import side_of
from lotor.config.problem import Problem
from lotor.config.settings import Proposal, RemoteSettings
from lotor.model.identity import IdKind
from lotor.model.policy import ExchangeMode, Side


def ambiguous(remotes: tuple[RemoteSettings, ...]) -> Iterator[Problem]:
    """Two blocks for the same address that both could answer the same client."""
    waiting = [remote for remote in remotes if side_of(remote) is Side.GATEWAY]
    for one, other in combinations(waiting, 2):
        mode = _undecided(one, other)
        if mode is not None:
            text = (
                f"in {mode.value} mode no client can tell this block from remote {one.name}, at {one.places.head}: "
                f"give them other proposals{_by_name(mode)}"
            )
            yield Problem.at(other.places.head, text)


def _by_name(mode: ExchangeMode) -> str:
    """Main mode chooses the block before the identity is known."""
    return ", or each its own peers_identifier with verify_identifier on" if mode is ExchangeMode.AGGRESSIVE else ""


def _undecided(one: RemoteSettings, other: RemoteSettings) -> ExchangeMode | None:
    """The mode in which the two cannot be told apart."""
    if one.address != other.address or not _suites(one) & _suites(other):
        return None
    shared = set(one.exchange_mode) & set(other.exchange_mode)
    if ExchangeMode.MAIN in shared:
        return ExchangeMode.MAIN
    if ExchangeMode.AGGRESSIVE in shared and not _distinct(_names(one), _names(other)):
        return ExchangeMode.AGGRESSIVE
    return None


def _suites(remote: RemoteSettings) -> set[tuple[object, ...]]:
    return {_suite(proposal) for proposal in remote.proposals}


def _suite(proposal: Proposal) -> tuple[object, ...]:
    cipher, method = proposal.encryption_algorithm, proposal.authentication_method
    return (cipher.value, cipher.key_bits, proposal.hash_algorithm.value, method.value, proposal.dh_group.value)


Names = frozenset[tuple[IdKind, str | None]]


def _names(remote: RemoteSettings) -> Names:
    """Who the client may say it is; empty when the block takes everybody."""
    if not remote.verify_identifier:
        return frozenset()
    return frozenset((each.kind, each.file.name if each.file else each.value) for each in remote.peers_identifiers)


def _distinct(one: Names, other: Names) -> bool:
    """Blocks with names go before the one that takes everybody; two with names must not share one."""
    return not one & other if one and other else bool(one) is not bool(other)
