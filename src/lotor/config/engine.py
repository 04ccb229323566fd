"""What a configuration asks of the engine that the kernel does not do, where it wants the kernel's."""

from __future__ import annotations

from collections.abc import Iterator

from lotor.config import ikev2
from lotor.config.methods import is_gateway, side_of
from lotor.config.problem import Location, Problem
from lotor.config.settings import Settings
from lotor.model.engines import EngineWish
from lotor.model.policy import Side, Switch

PAGE = "docs/kernel.md"


def advice(settings: Settings) -> Iterator[Problem]:
    """At the line that asks for it; for DHCPINFORM, which is answered unasked, at the line that wants the kernel."""
    yield from _offload(settings)
    if not settings.engine.asks_kernel:
        return
    yield from _rates(settings)
    if informs(settings):
        text = (
            f"{settings.engine}: the kernel answers no DHCPINFORM, by which Windows asks for its routes: "
            f"give them with its settings (lotor profile) and write dhcp_inform off; in mode_cfg ({PAGE})"
        )
        yield Problem.at(place(settings), text)


def place(settings: Settings) -> Location:
    """Of the directive that asks for the kernel's engine."""
    auto = settings.engine.wish is EngineWish.AUTO
    return settings.places.of("engine_offload" if auto else "engine_wish")


def _offload(settings: Settings) -> Iterator[Problem]:
    """What the kernel never hands to a network device."""
    if not settings.engine.offload:
        return
    at = settings.places.of("engine_offload")
    if not settings.engine.asks_kernel:
        text = f"esp_offload is without effect with engine {settings.engine.wish.value}: it is of the kernel's engine"
        yield Problem.at(at, f"{text} ({PAGE})")
        return
    for remote in settings.remotes:
        if remote.nat_traversal is Switch.FORCE:
            text = f"nat_traversal force: ESP goes in UDP, of which the device of esp_offload takes nothing ({PAGE})"
            yield Problem.at(remote.places.of("nat_traversal"), text)


def informs(settings: Settings) -> bool:
    """Whether clients would ask for the routes of a split tunnel, and the configuration has them answered."""
    mode_cfg = settings.mode_cfg
    if mode_cfg is None or not is_gateway(settings) or not mode_cfg.dhcp_inform:
        return False
    split = any(not each.local for each in mode_cfg.split_networks)
    return split and any(side_of(each) is Side.GATEWAY and ikev2.speaks_2(each) for each in settings.remotes)


def _rates(settings: Settings) -> Iterator[Problem]:
    for sainfo in settings.sainfos:
        if sainfo.rate_limit is not None:
            text = f"rate_limit is not kept with {settings.engine}: the kernel carries as fast as it can"
            yield Problem.at(sainfo.places.of("rate_limit"), f"{text} ({PAGE})")
