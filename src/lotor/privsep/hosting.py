"""The verbs of what a connection changes on the host, and of the administrator's scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from lotor.config.settings import RemoteSettings
from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.ports.hooks import HookContext, HookEvent
from lotor.ports.host import Attachment, Leaving
from lotor.privsep.codec import MOST_ITEMS
from lotor.privsep.faults import MOST_FAULT, Fault
from lotor.privsep.frames import MOST_OCTETS
from lotor.privsep.verb import Verb

LONGEST_PORTAL: Final = 600
"""Seconds in which a login page may be reached."""
MOST_CHANGES: Final = 8
"""Questions of each verb of the host, which makes one change after the other anyway."""
MOST_HOOKS = 64
"""Scripts that are asked for and have not ended: those of one block run one after the other."""


@frozen
class Hook:
    """An event of a `remote` block."""

    remote: str
    event: HookEvent
    context: HookContext


@frozen
class Detachment:
    """A session, and how it leaves the host."""

    session: int
    leaving: Leaving


ADMIT: Verb[Attachment, Fault | None] = Verb(
    number=30,
    name="look at what a gateway gave",
    request=Attachment,
    answer=None | Fault,
    most_request=MOST_OCTETS,  # a mode configuration without its banner: as long as a payload may be
    most_answer=MOST_FAULT,
    most_asked=MOST_CHANGES,
)
ATTACH: Verb[Attachment, Fault | None] = Verb(
    number=31,
    name="attach a connection to the host",
    request=Attachment,
    answer=None | Fault,
    most_request=MOST_OCTETS,
    most_answer=MOST_FAULT,
    most_asked=MOST_CHANGES,
)
DETACH: Verb[Detachment, Fault | None] = Verb(
    number=32,
    name="detach a connection from the host",
    request=Detachment,
    answer=None | Fault,
    most_request=16,
    most_answer=MOST_FAULT,
    most_asked=MOST_CHANGES,
)
RUN_HOOK: Verb[Hook, None] = Verb(
    number=33,
    name="run a script",
    request=Hook,
    answer=type(None),
    most_request=MOST_OCTETS,
    most_answer=0,
    most_asked=MOST_HOOKS,
)


CHANGED: Verb[int, int | Fault] = Verb(
    number=34,
    name="wait for a change of the network",
    request=int,
    answer=int | Fault,
    most_request=8,
    most_answer=MOST_FAULT,
    most_asked=1,
)
CLOSED: Verb[None, tuple[str, ...] | Fault] = Verb(
    number=35,
    name="tell which gateways the host is closed for",
    request=type(None),
    answer=tuple[str, ...] | Fault,
    most_request=0,
    most_answer=MOST_OCTETS,
    most_asked=MOST_CHANGES,
)
OPEN: Verb[tuple[str, ...], int | Fault] = Verb(
    number=36,
    name="open the host for gateways",
    request=tuple[str, ...],
    answer=int | Fault,
    most_request=MOST_OCTETS,
    most_answer=MOST_FAULT,
    most_asked=MOST_CHANGES,
)
PORTAL: Verb[int, int | Fault] = Verb(
    number=37,
    name="let a login page be reached",
    request=int,
    answer=int | Fault,
    most_request=8,
    most_answer=MOST_FAULT,
    most_asked=1,
)


def shown(configuration: ModeConfiguration) -> ModeConfiguration:
    """What the host and a script need of it. Raises `ValueError` for more than crosses."""
    lists = (configuration.dns, configuration.wins, configuration.split_include, configuration.split_local)
    more = (configuration.split_dns, configuration.dns6, configuration.split_include6)
    if any(len(each) > MOST_ITEMS for each in (*lists, *more)):
        raise ValueError(f"the gateway sent more than {MOST_ITEMS} networks, servers or domains of one kind")
    return replace(configuration, banner=b"", application_version=b"")


def addresses_of(configuration: ModeConfiguration) -> ModeConfiguration:
    """What a script of a gateway hears of it: the client's addresses alone."""
    return ModeConfiguration(configuration.address, address6=configuration.address6)


def scripts_of(remotes: tuple[RemoteSettings, ...]) -> Mapping[tuple[str, HookEvent], Path]:
    """By the name of the block and the event."""
    return {(each.name, HookEvent(one.event)): one.file.path for each in remotes for one in each.scripts}
