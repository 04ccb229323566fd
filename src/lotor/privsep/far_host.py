"""The host of a client, which the warden changes (the port `ports.host.Host`)."""

from __future__ import annotations

import errno
import logging
from dataclasses import replace

from lotor.ports.host import Attachment, Leaving
from lotor.privsep.asking import Asker
from lotor.privsep.far import ask
from lotor.privsep.faults import Fault
from lotor.privsep.hosting import ADMIT, ATTACH, CHANGED, CLOSED, DETACH, OPEN, PORTAL, Detachment, shown
from lotor.privsep.verb import Verb

log = logging.getLogger(__name__)


class FarHost:
    """The daemon's end."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def admit(self, attachment: Attachment) -> None:
        await self._ask(ADMIT, attachment)

    async def attach(self, attachment: Attachment) -> None:
        await self._ask(ATTACH, attachment)

    async def detach(self, session: int, leaving: Leaving = Leaving.OPEN) -> None:
        """Returns also where the warden did not: its successor undoes everything at its start."""
        try:
            await ask(self._asker, DETACH, Detachment(session, leaving))
        except OSError as error:
            log.warning("%s", error.strerror)

    async def closed(self) -> tuple[str, ...]:
        return (await ask(self._asker, CLOSED, None)).value

    async def open(self, gateways: tuple[str, ...]) -> int:
        return (await ask(self._asker, OPEN, gateways)).value

    async def changed(self, seen: int) -> int:
        return (await ask(self._asker, CHANGED, seen)).value

    async def portal(self, seconds: int) -> int:
        return (await ask(self._asker, PORTAL, seconds)).value

    async def release(self) -> None:
        """Nothing to do: the warden is the program that ends."""

    async def recover(self) -> int:
        """Nothing to do: the warden undid what was left before it started this process."""
        return 0

    async def _ask(self, verb: Verb[Attachment, Fault | None], attachment: Attachment) -> None:
        try:
            slim = replace(attachment, configuration=shown(attachment.configuration))
            await ask(self._asker, verb, slim)
        except ValueError as error:
            raise OSError(errno.EINVAL, f"{error}: ask its administrator to correct its mode_cfg section") from error
