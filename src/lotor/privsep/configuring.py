"""The verbs of the configuration: what a daemon gets of it, when it is taken over, and the files of authorities and
revocation lists."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from lotor.config.problem import Problem
from lotor.files.public import Content, Kind, Stamp, Unreadable
from lotor.model.frozen import frozen
from lotor.privsep.faults import MOST_FAULT, Fault
from lotor.privsep.verb import Verb

LARGEST_PROVISION = 1 << 26
"""Octets. A `remote` block has about one thousand."""
MOST_ITEMS = 1 << 17
"""Of each tuple and mapping of a provision: a daemon believes its warden."""
LONGEST_TEXT = 60_000
"""Octets of what is wrong with a configuration, or of what a change of it came to."""
INLINE = 32_768
"""Octets of a file that stand in the answer itself: nearly all files are smaller."""
LONGEST_PATH = 4_096
"""Octets (PATH_MAX)."""
PAGE = 150
"""Files of a directory in one answer: names of at most 255 octets with their stamps."""


class Which(Enum):
    """Which configuration is asked for: the one in force, or the one that the files have now."""

    IN_FORCE = "in force"
    READ_AGAIN = "read again"


@frozen
class Provided:
    """The descriptor that comes with this answer holds a `Provision` of so many octets."""

    octets: int


@frozen
class Faulty:
    """Everything that is wrong with the configuration, as far as it fits."""

    problems: tuple[Problem, ...]


@frozen
class TakenOver:
    """What changed with it, ready to be read."""

    told: tuple[str, ...]


@frozen
class Wanted:
    """A file by its name and by what should be in it; `known`: the stamp of what the daemon has of it."""

    path: Path
    kind: Kind
    known: Stamp | None


@frozen
class Sealed:
    """The descriptor that comes with this answer holds the file."""

    stamp: Stamp


@frozen
class Contents:
    """Which files of a directory are wanted: those whose names come behind `after`."""

    directory: Path
    kind: Kind
    after: bytes


@frozen
class Page:
    """Names and stamps in the order of the names; None: the file cannot be looked at. `more` follow the last one."""

    files: tuple[tuple[bytes, Stamp | None], ...]
    more: bool


PROVISION: Verb[Which, Provided | Faulty | Fault] = Verb(
    number=40,
    name="give a configuration",
    request=Which,
    answer=Provided | Faulty | Fault,
    most_request=1,
    most_answer=LONGEST_TEXT + 16,  # what stands around the problems
    descriptors=1,
    most_asked=1,
)
TAKE_OVER: Verb[None, TakenOver | Fault] = Verb(
    number=41,
    name="take a configuration over",
    request=type(None),
    answer=TakenOver | Fault,
    most_request=0,
    most_answer=LONGEST_TEXT + 1_536,  # the lengths of 256 sentences
    most_asked=1,
)
WITHDRAW: Verb[None, Fault | None] = Verb(
    number=44,
    name="withdraw a configuration",
    request=type(None),
    answer=None | Fault,
    most_request=0,
    most_answer=MOST_FAULT,
    most_asked=1,
)
PUBLIC_FILE: Verb[Wanted, Content | Sealed | Unreadable | None] = Verb(
    number=42,
    name="read a file of whom to trust",
    request=Wanted,
    answer=Content | Sealed | Unreadable | None,
    most_request=LONGEST_PATH + 256,
    most_answer=INLINE + 256,
    descriptors=1,
    most_asked=8,
)
PUBLIC_FILES: Verb[Contents, Page] = Verb(
    number=43,
    name="list files of whom to trust",
    request=Contents,
    answer=Page,
    most_request=LONGEST_PATH + 512,
    most_answer=61_440,  # PAGE names of 255 octets, each with a stamp of three numbers
    most_asked=8,
)
