"""The verbs of the two processes themselves: a daemon is ready, or could not start; what its warden is and may do."""

from __future__ import annotations

from dataclasses import dataclass

from lotor.privsep.verb import Verb

LONGEST_FAILURE = 8_192
"""Octets. Everything that is wrong with a configuration may be longer: the warden tells that itself."""


@dataclass(frozen=True, slots=True)
class StartFailure:
    """Why a daemon does not start: what a person reads, what may help, and the exit code of the program."""

    text: str
    fix: str
    code: int

    def __post_init__(self) -> None:
        if not 1 <= self.code <= 255:
            raise ValueError(f"{self.code} is no exit code of a failure")


@dataclass(frozen=True, slots=True)
class About:
    """`capabilities` by name, as capabilities(7) has them, without CAP_. `gains`: programs that this process starts may
    gain rights."""

    pid: int
    user: str
    capabilities: tuple[str, ...]
    gains: bool


READY: Verb[None, None] = Verb(
    number=50,
    name="be ready",
    request=type(None),
    answer=type(None),
    most_request=0,
    most_answer=0,
)
FAILED: Verb[StartFailure, None] = Verb(
    number=51,
    name="fail to start",
    request=StartFailure,
    answer=type(None),
    most_request=LONGEST_FAILURE,
    most_answer=0,
)
ABOUT: Verb[None, About] = Verb(
    number=52,
    name="tell about the warden",
    request=type(None),
    answer=About,
    most_request=0,
    most_answer=4_096,  # 64 capabilities with names of at most 32 octets, and one of a user
)
