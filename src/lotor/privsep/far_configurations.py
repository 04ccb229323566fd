"""The configuration that the warden loaded, as the daemon asks for it and has it taken over."""

from __future__ import annotations

import asyncio

from lotor.config.provision import Provision
from lotor.privsep.asking import Answered, Asker
from lotor.privsep.codec import decode
from lotor.privsep.configuring import (
    LARGEST_PROVISION,
    MOST_ITEMS,
    PROVISION,
    TAKE_OVER,
    Faults,
    NotTaken,
    Provided,
    TakenOver,
    Which,
)
from lotor.privsep.far import descriptor
from lotor.privsep.sealed import unseal


class FarConfiguration:
    """The daemon's end. Both raise `Refused` and `Ended`."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def provision(self, which: Which) -> Provision | Faults:
        """What is in force, or what the files say now: then the warden keeps that, to be taken over. Raises `OSError`
        and `Malformed` for an answer that is none."""
        answered = await self._asker.ask(PROVISION, which)
        if isinstance(answered.value, Faults):
            answered.close()
            return answered.value
        return await asyncio.to_thread(_provision, answered)

    async def take_over(self) -> TakenOver | NotTaken:
        return (await self._asker.ask(TAKE_OVER, None)).value


def _provision(answered: Answered[Provided | Faults]) -> Provision:
    """A large configuration takes a while."""
    found: Provision = decode(Provision, unseal(descriptor(answered), LARGEST_PROVISION), MOST_ITEMS)
    return found
