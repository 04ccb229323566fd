"""The verbs of the kernel's ESP: its device, the SA pairs that end there, and what the kernel tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Final

from lotor.model.child import Child, Counters
from lotor.model.network import Path
from lotor.ports.esp import Expired, Moved
from lotor.ports.host_esp import KernelDevice
from lotor.privsep.codec import MOST_ITEMS
from lotor.privsep.faults import MOST_FAULT, Fault
from lotor.privsep.frames import MOST_ASKED, MOST_OCTETS
from lotor.privsep.verb import Verb

MOST_AT_ONCE: Final = MOST_ITEMS
"""SA pairs that one question for counters asks about, and notices of one answer."""
MOST_LOOKS = 8
"""Questions for counters."""
LONGEST_DEVICE = 8_192
"""Octets: 256 suites that the kernel lacks take 5 KiB."""
LONGEST_CHILD = 4_096
"""Octets: 32 networks of IPv6 at each side take 1.2 KiB, four keys and salts 0.3."""


@dataclass(frozen=True, slots=True)
class Move:
    """An SA pair, and the path that it takes from now on."""

    child: int
    path: Path


OPEN_CARRIER: Verb[None, KernelDevice | Fault] = Verb(
    number=140,
    name="make the device of the kernel's ESP",
    request=NoneType,
    answer=KernelDevice | Fault,
    most_request=0,
    most_answer=LONGEST_DEVICE,
    most_asked=1,
)
CLOSE_CARRIER: Verb[None, Fault | None] = Verb(
    number=141,
    name="take the device of the kernel's ESP away",
    request=NoneType,
    answer=None | Fault,
    most_request=0,
    most_answer=MOST_FAULT,
    most_asked=1,
)
INSTALL_PAIR: Verb[Child, Fault | None] = Verb(
    number=142,
    name="install an SA pair",
    request=Child,
    answer=None | Fault,
    most_request=LONGEST_CHILD,
    most_answer=MOST_FAULT,
    most_asked=MOST_ASKED,
)
ACTIVATE_PAIR: Verb[int, Fault | None] = Verb(
    number=143,
    name="send by an SA pair",
    request=int,
    answer=None | Fault,
    most_request=8,
    most_answer=MOST_FAULT,
    most_asked=MOST_ASKED,
)
REMOVE_PAIR: Verb[int, Counters | Fault | None] = Verb(
    number=144,
    name="remove an SA pair",
    request=int,
    answer=Counters | None | Fault,
    most_request=8,
    most_answer=MOST_FAULT,
    most_asked=MOST_ASKED,
)
MOVE_PAIR: Verb[Move, Fault | None] = Verb(
    number=145,
    name="move an SA pair",
    request=Move,
    answer=None | Fault,
    most_request=64,
    most_answer=MOST_FAULT,
    most_asked=MOST_ASKED,
)
COUNT_PAIRS: Verb[tuple[int, ...], Mapping[int, Counters] | Fault] = Verb(
    number=146,
    name="tell what SA pairs carry",
    request=tuple[int, ...],
    answer=Mapping[int, Counters] | Fault,
    most_request=8 * MOST_AT_ONCE + 4,
    most_answer=MOST_OCTETS,
    most_asked=MOST_LOOKS,
)
PAIRS_TOLD: Verb[None, tuple[Expired | Moved, ...] | Fault] = Verb(
    number=147,
    name="wait for news of SA pairs",
    request=NoneType,
    answer=tuple[Expired | Moved, ...] | Fault,
    most_request=0,
    most_answer=MOST_OCTETS,
    most_asked=1,
)
