"""Connections beside each other on one host: which networks others lead to, whichever process they are of, and what
one that ends leaves to the rest."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from ipaddress import collapse_addresses

from lotor.hosts import routing
from lotor.hosts.changes import Change, LinkUp, ReversePath
from lotor.hosts.journal import Journal
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Network

TABLES = range(routing.FIRST_TABLE, routing.FIRST_TABLE + routing.SLOTS)
MOST_TOLD = 8


def beside(configuration: ModeConfiguration, taken: AbstractSet[Network]) -> list[str]:
    """A note for each network that stays with another connection. A part of a network, or one around it, is no matter:
    the more specific one is asked first. Raises `OSError` where nothing would be left to reach."""
    networks: list[Network] = [
        *collapse_addresses(configuration.split_include),
        *collapse_addresses(configuration.split_include6),
    ]
    known = [each for each in networks if each in taken]
    told = ", ".join(map(str, known[:MOST_TOLD]))
    if known and len(known) == len(networks):
        what = f"another connection of this host leads to {told} already: disconnect it first"
        raise OSError(errno.EBUSY, what)
    notes = [f"{told}: reached by the connection that was there before"] if known else []
    servers = [each for each in routing.servers(configuration) if each in taken and each not in known]
    return notes + [f"the DNS server {each.network_address}: asked through the connection before" for each in servers]


def handed_over(gone: Journal, heirs: Sequence[Journal]) -> list[Change]:
    """What of the changes of a connection that ends stays for one of the others, which undoes it when it ends."""
    stays: list[Change] = []
    for change in gone.changes:
        if isinstance(change, ReversePath) and heirs:
            heirs[0].record(change)
            stays.append(change)
        if isinstance(change, LinkUp) and (heir := next((each for each in heirs if _own(each, change)), None)):
            heir.keep([change if each == _own(heir, change) else each for each in heir.changes])
            stays.append(change)
    return stays


def _own(journal: Journal, link: LinkUp) -> LinkUp | None:
    """The same of another journal: it knows only how the device was in between."""
    return next((each for each in journal.changes if isinstance(each, LinkUp) and each.index == link.index), None)
