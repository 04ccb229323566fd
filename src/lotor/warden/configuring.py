"""The warden's rows for the configuration: what a daemon gets of it, and when the next one is taken over."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from lotor.auth.clock import SYSTEM, Clock
from lotor.config.problem import LONGEST_LINE, ConfigError, Problem
from lotor.config.provision import Provision
from lotor.privsep.codec import encode
from lotor.privsep.configuring import (
    LARGEST_PROVISION,
    LONGEST_TEXT,
    MOST_ITEMS,
    PROVISION,
    TAKE_OVER,
    WITHDRAW,
    Faulty,
    Provided,
    TakenOver,
    Which,
)
from lotor.privsep.sealed import seal
from lotor.privsep.serving import Handler, Reply, handling
from lotor.warden.pace import Pace

AT_ONCE, ANOTHER_AFTER = 16, 2.0
"""So many times in a row a configuration is given, or read again; then once in so many seconds. A daemon asks as it
starts, and a person reloads seldom."""
MOST_TOLD = 200
"""Problems, or sentences, in one answer."""
LONGEST_PROBLEM = 6_000
"""Octets of one problem: a sentence with names of files in it."""


class Source(Protocol):
    """Holds the configuration in force."""

    def present(self) -> Provision: ...

    async def prepare(self) -> Provision:
        """Raises `ConfigError` with everything that is wrong."""
        ...

    async def take_over(self) -> tuple[str, ...]:
        """Raises `OSError`, and nothing has changed."""
        ...

    async def withdraw(self) -> None: ...


def rows(source: Source) -> dict[int, Handler]:
    """Handlers by the number of the verb, for one daemon after another."""
    reading = pace()

    async def provision(which: Which) -> Reply:
        await reading.take()
        if which is Which.IN_FORCE:
            return await _reply(source.present())
        try:
            return await _reply(await source.prepare())
        except ConfigError as error:
            return Reply(_faulty(error.problems))

    async def taken(nothing: None) -> Reply:
        del nothing
        told = (await source.take_over())[:MOST_TOLD]
        return Reply(TakenOver(tuple(_cut(each, LONGEST_TEXT // len(told)) for each in told)))

    async def withdrawn(nothing: None) -> Reply:
        del nothing
        await source.withdraw()
        return Reply(None)

    return dict((handling(provision, PROVISION), handling(taken, TAKE_OVER), handling(withdrawn, WITHDRAW)))


def pace(clock: Clock = SYSTEM) -> Pace:
    """How often a daemon has files read again, or a configuration written: loading of keys takes time, and reads
    disks."""
    return Pace(1 / ANOTHER_AFTER, AT_ONCE, clock)


async def _reply(provision: Provision) -> Reply:
    octets = await asyncio.to_thread(encode, Provision, provision, MOST_ITEMS)
    if len(octets) > LARGEST_PROVISION:
        text = f"the configuration takes {len(octets)} octets in memory, {LARGEST_PROVISION} may be: make it smaller"
        raise OSError(errno.EFBIG, text)
    return Reply(Provided(len(octets)), (seal(octets),))


def _faulty(problems: Sequence[Problem]) -> Faulty:
    """In their order, as many as fit; where some do not, the last one says so."""
    told, left = [], LONGEST_TEXT - LONGEST_PROBLEM
    for each in map(_fitting, problems[:MOST_TOLD]):
        left -= len(encode(Problem, each))
        if left < 0:
            break
        told.append(each)
    if len(told) < len(problems):
        text = f"there are {len(problems) - len(told)} more problems from here on: lotor check tells them all"
        told.append(_fitting(replace(problems[len(told)], text=text)))
    return Faulty(tuple(told))


def _fitting(problem: Problem) -> Problem:
    """Of bounded size, and with texts that any process can write."""
    line = problem.source_line if len(problem.source_line) <= LONGEST_LINE else ""
    path, text, line = (_cut(each, LONGEST_PROBLEM // 3) for each in (problem.path, problem.text, line))
    return Problem(path, problem.line, problem.column, text, line)


def _cut(text: str, longest: int) -> str:
    """At most so many octets."""
    octets = text.encode("utf-8", "replace")
    return octets.decode() if len(octets) <= longest else octets[: longest - 3].decode("utf-8", "ignore") + "…"
