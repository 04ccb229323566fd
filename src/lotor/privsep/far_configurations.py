"""The configuration that the warden reads (the port `privsep.privileged.Configurations`)."""

from __future__ import annotations

import asyncio

from lotor.config.problem import ConfigError
from lotor.config.provision import Provision
from lotor.privsep.asking import Answered, Asker
from lotor.privsep.codec import decode
from lotor.privsep.configuring import (
    LARGEST_PROVISION,
    MOST_ITEMS,
    PROVISION,
    TAKE_OVER,
    WITHDRAW,
    Faulty,
    Provided,
    Which,
)
from lotor.privsep.far import ask, descriptor
from lotor.privsep.sealed import unseal


class FarConfigurations:
    """The daemon's end. Each verb also raises `OSError` where the warden refuses, or is gone."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def present(self) -> Provision:
        """What is in force: a daemon begins with it."""
        return await self._provision(Which.IN_FORCE)

    async def prepare(self) -> Provision:
        return await self._provision(Which.READ_AGAIN)

    async def take_over(self) -> tuple[str, ...]:
        return (await ask(self._asker, TAKE_OVER, None)).value.told

    async def withdraw(self) -> None:
        await ask(self._asker, WITHDRAW, None)

    async def _provision(self, which: Which) -> Provision:
        answered: Answered[Provided | Faulty] = await ask(self._asker, PROVISION, which)
        if isinstance(answered.value, Faulty):
            answered.close()
            raise ConfigError(answered.value.problems)
        return await asyncio.to_thread(_read, answered)  # a large configuration takes a while


def _read(answered: Answered[Provided | Faulty]) -> Provision:
    found: Provision = decode(Provision, unseal(descriptor(answered), LARGEST_PROVISION), MOST_ITEMS)
    return found
