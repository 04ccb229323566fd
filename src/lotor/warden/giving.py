"""What a process hears of its warden before it gives up anything: what it is to do, with its descriptors."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from lotor.files.peers import cut
from lotor.privsep.living import GIVEN, Given, Lent
from lotor.privsep.serving import Denied, Handler, Reply


def giving(given: Given, lent: Lent) -> dict[int, Handler]:
    """The row by which one process hears what it is to do, once."""
    told = False
    if lent.peers is not None:
        cut(lent.peers)

    async def give(nothing: None) -> Reply:
        nonlocal told
        del nothing
        if told:
            raise Denied("it was told already")
        told = True
        return Reply(given, _copies(lent.all))

    return {GIVEN.number: give}


def _copies(descriptors: Iterable[int]) -> tuple[int, ...]:
    with contextlib.ExitStack() as undo:
        made = []
        for each in descriptors:
            made.append(os.dup(each))
            undo.callback(os.close, made[-1])
        undo.pop_all()
        return tuple(made)
