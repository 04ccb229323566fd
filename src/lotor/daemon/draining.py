"""A gateway whose clients are sent elsewhere, as an administrator asks for it and sees it."""

from __future__ import annotations

from collections.abc import Callable

from lotor.control.messages import Done, Drain, Failed, Response
from lotor.daemon.active_config import ActiveConfig
from lotor.ike import events, intents
from lotor.ike.events import Event
from lotor.ike.v2.redirects import called
from lotor.model.policy import Side
from lotor.model.quantity import quantity
from lotor.model.redirection import MOST_GATEWAYS, Occasion, named

NOT_DRAINING = "this gateway is not draining: it takes clients in"
NO_GATEWAY = "no client can be sent anywhere: this is no gateway"
ITSELF = "a gateway sends nobody to itself: that is what its own certificate is called"
NOWHERE = "the configuration does not say where to"
NOWHERE_FIX = 'name a gateway, like lotor drain gw2.example.net, or write redirect_to "GATEWAY"; into remote'


class DrainAdministration:
    """A subscriber of the driver: `follow`. `command` gives the core an intent, and what comes of it is told before it
    returns."""

    def __init__(self, command: Callable[[intents.SendElsewhere], None], active: Callable[[], ActiveConfig]) -> None:
        self._command = command
        self._active = active
        self._now: events.Draining | None = None

    def follow(self, event: Event) -> None:
        match event:
            case events.Draining():
                self._now = event
            case events.Drained():
                self._now = None

    def drain(self, request: Drain) -> Response:
        if request.over:
            return self._end()
        wrong = self._wrong(request.gateways)
        if wrong is not None:
            return wrong
        self._command(intents.SendElsewhere(request.gateways))
        now = self._now
        return Done(_told(now)) if now is not None else Failed("internal error: nothing came of it")

    def remarks(self) -> list[str]:
        """A sentence of `status` while it lasts."""
        if self._now is None:
            return []
        return [f"draining: clients are sent to {self._now.gateways} until lotor drain --end"]

    def _end(self) -> Response:
        if self._now is None:
            return Failed(NOT_DRAINING)
        self._command(intents.SendElsewhere(over=True))
        return Done("clients are taken in again")

    def _wrong(self, gateways: tuple[str, ...]) -> Failed | None:
        blocks = [each for each in self._active().policy.remotes if each.side is Side.GATEWAY and each.v2 is not None]
        if not blocks:
            return Failed(NO_GATEWAY)
        if len(gateways) > MOST_GATEWAYS:
            return Failed(f"at most {MOST_GATEWAYS} gateways")
        for each in gateways:
            try:
                named(each)
            except ValueError as error:
                return Failed(str(error))
        if gateways and all(each.lower() in called(block) for block in blocks for each in gateways):
            return Failed(ITSELF)
        redirects = [each.v2.redirect for each in blocks if each.v2 is not None]
        if not gateways and not any(each is not None and Occasion.DRAINING in each.when for each in redirects):
            return Failed(NOWHERE, fix=NOWHERE_FIX)
        return None


def _told(now: events.Draining) -> str:
    """What it came to."""
    where = str(now.gateways)
    first = f"whoever comes is sent to {where}, until lotor drain --end"
    if not now.asked and not now.stay:
        return first
    asked = f"{quantity(now.asked, 'connected client')} {'is' if now.asked == 1 else 'are'} asked to go there"
    left = f"{now.stay} cannot be asked (IKEv1, Windows, or they do not follow): lotor logout ends their connections"
    return "\n".join([first, asked, *([left] if now.stay else [])])
