"""What `status` says of accounting records that wait."""

from __future__ import annotations

from lotor.model.quantity import quantity
from lotor.ports.accounting import Backlog


def waits(backlog: Backlog) -> str:
    """A sentence for a person."""
    wait = "waits" if backlog.records == 1 else "wait"
    told = f"accounting {backlog.keeper}: {quantity(backlog.records, 'record')} {wait}"
    if backlog.records:
        told += f", the oldest for {quantity(backlog.seconds, 'second')}"
    if backlog.silent is not None:
        told += f"; nobody has taken any for {quantity(backlog.silent, 'second')}"
    return told
