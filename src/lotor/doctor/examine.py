"""Runs checks side by side, each within a time limit: none keeps the others from telling what they found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from inspect import iscoroutinefunction

from lotor.doctor.check import Check
from lotor.doctor.finding import Finding, Grade, unknown
from lotor.doctor.subject import Subject
from lotor.model.frozen import frozen
from lotor.names.aside import aside

LIMIT = 6.0
"""Seconds for each check: more than the bounded waits in any of them."""

Progress = Callable[[int, int], None]
"""How many of how many checks are done."""


@frozen
class Result:
    check: Check
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Grade:
        return max((each.grade for each in self.findings), key=GRAVITY.index, default=Grade.OK)


GRAVITY = (Grade.OK, Grade.UNKNOWN, Grade.WARN, Grade.WRONG)


async def examine(subject: Subject, checks: Iterable[Check], progress: Progress | None = None) -> list[Result]:
    """In the order of the checks; those that are not for the subject's sides are left out."""
    chosen = [each for each in checks if each.sides & subject.sides]
    done = 0

    async def one(check: Check) -> Result:
        nonlocal done
        result = Result(check, tuple(await _findings(check, subject)))
        done += 1
        if progress is not None:
            progress(done, len(chosen))
        return result

    return list(await asyncio.gather(*map(one, chosen)))


async def _findings(check: Check, subject: Subject) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(LIMIT):
            facts = await (
                check.look(subject) if iscoroutinefunction(check.look) else aside(partial(check.look, subject))
            )
        return list(check.judge(facts))
    except TimeoutError as error:
        return [unknown(str(error.strerror or f"nothing was seen within {LIMIT:g} s"))]
    except OSError as error:
        return [_unseen(error, subject)]
    except Exception as error:  # noqa: BLE001 - a fault in one check hides what the others found from nobody
        return [unknown(f"could not be looked at: {type(error).__name__}: {error}")]


def _unseen(error: OSError, subject: Subject) -> Finding:
    why = str(error.strerror or error)
    if subject.root:
        return unknown(f"could not be looked at: {why}")
    return unknown(f"root may see this: {why}", "sudo lotor doctor")
