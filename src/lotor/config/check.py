"""Whether settings can be carried out on this host by this version: everything `resolve` would refuse, at once."""

from __future__ import annotations

from lotor.config.problem import Problem
from lotor.config.settings import Settings


def check(settings: Settings) -> tuple[Problem, ...]:
    """Every reason why the daemon cannot start with these settings: directives that this version does not carry out,
    blocks that miss something, files that are missing or unreadable. Needs no credentials."""
    raise NotImplementedError(settings)
