"""The figures of a running daemon, gathered when somebody asks for them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import fields, replace

from lotor import __version__
from lotor.crypto.certificates import read_certificates
from lotor.daemon.active_config import ActiveConfig
from lotor.daemon.processes import Processes
from lotor.daemon.status import is_stranger, state_of
from lotor.daemon.wiring import Wiring
from lotor.ike.admission import Tally
from lotor.metrics.view import SCHEMA, MetricsView, SampleView, counted, figure, filled, labelled
from lotor.model.child import Counters
from lotor.model.own_certificate import OwnCertificate
from lotor.model.policy import Side
from lotor.ports.accounting import Backlog
from lotor.runtime.sessions import NOTHING, Register

AT_ONCE = 200
"""SA pairs that the engine counts before others have their turn: a millisecond of work."""
LOOKED_FOR = 3.0
"""Seconds in which the fleet's database tells of its gateways."""
STATE_LABELS = {"connecting": "connecting", "phase 1 established": "phase1", "logged in": "logged_in", "up": "up"}


class Measuring:
    """`figures` each time somebody asks. Counters never go down while the program runs."""

    def __init__(self, wiring: Wiring, processes: Processes) -> None:
        self._wiring = wiring
        self._processes = processes
        self._started = time.time()
        self._told = NOTHING

    async def figures(self) -> MetricsView:
        """Without the traffic where the engine does not tell it."""
        wiring = self._wiring
        families = counted(wiring.counting)
        families |= _sessions(wiring.register)
        families |= _first_messages(wiring.admissions())
        families |= await self._traffic()
        families |= await self._records()
        families |= await self._fleet()
        families |= _certificates(wiring.present.now)
        families |= _pool(wiring.present.now)
        families |= _accounting(await wiring.backlog())
        families |= {
            "lotor_engine_info": [figure(1, wiring.choice.engine.value)],
            "lotor_start_time_seconds": [figure(self._started)],
            "lotor_internal_errors_total": [figure(wiring.driver.tally.internal_errors)],
            "lotor_datagrams_shed_total": [figure(wiring.driver.waiting.dropped)],
            "lotor_waiting": filled(
                "lotor_waiting",
                {("datagrams",): len(wiring.driver.waiting), ("questions",): wiring.driver.open_questions},
            ),
        }
        pids = {each["name"]: each["pid"] for each in (await self._processes.look())[0]}
        return MetricsView(schema=SCHEMA, version=__version__, processes=pids, families=families)

    async def _traffic(self) -> dict[str, list[SampleView]]:
        try:
            total = await self._carried()
        except OSError:
            return {}
        self._told = _highest(self._told, total)
        sums = self._told
        return {
            "lotor_octets_total": [figure(sums.octets_in, "in"), figure(sums.octets_out, "out")],
            "lotor_packets_total": [figure(sums.packets_in, "in"), figure(sums.packets_out, "out")],
            "lotor_packets_dropped_total": labelled(
                "lotor_packets_dropped_total", sums, self._wiring.capabilities.untold
            ),
        }

    async def _records(self) -> dict[str, list[SampleView]]:
        """Nothing where the warden does not tell it."""
        records = self._wiring.records
        try:
            bans, store = await records.bans(), await records.store()
        except OSError:
            return {}
        return {"lotor_bans": [figure(len(bans))], "lotor_store_fault": [figure(int(bool(store.fault)))]}

    async def _fleet(self) -> dict[str, list[SampleView]]:
        """A monitoring system waits no longer than for anything else; how many gateways there are is left out while
        the database does not say it."""
        try:
            async with asyncio.timeout(LOOKED_FOR):
                look = await self._wiring.gateways.look()
        except OSError:
            return {"lotor_fleet_up": [figure(0)]}
        if look is None:
            return {}
        told = {"lotor_fleet_up": [figure(int(not look.fault))], "lotor_fleet_rows_waiting": [figure(look.waiting)]}
        if look.fault:
            return told
        alive = sum(each.alive for each in look.gateways)
        states: dict[tuple[str, ...], float] = {("alive",): alive, ("not_seen",): len(look.gateways) - alive}
        return told | {"lotor_fleet_gateways": filled("lotor_fleet_gateways", states)}

    async def _carried(self) -> Counters:
        """By SA pairs that are gone, first: one that goes meanwhile is told of the next time."""
        associations = self._wiring.associations
        total = associations.past
        pairs = [child for session in self._wiring.register.all() for child in session.counted]
        for begin in range(0, len(pairs), AT_ONCE):
            for counters in (await associations.counters(pairs[begin : begin + AT_ONCE])).values():
                total = total.plus(counters)
            await asyncio.sleep(0)
        return total


def _highest(told: Counters, now: Counters) -> Counters:
    """What was told stays told: a counter that falls looks like a restart."""
    names = (each.name for each in fields(now) if each.name != "last_inbound")
    return replace(now, **{name: max(getattr(told, name), getattr(now, name)) for name in names})


def _sessions(register: Register) -> dict[str, list[SampleView]]:
    seen = register.all()
    states: Counter[tuple[str, ...]] = Counter((each.side.value, STATE_LABELS[state_of(each)]) for each in seen)
    served = (each for each in seen if each.up and each.side is Side.GATEWAY)
    versions: Counter[tuple[str, ...]] = Counter((str(each.ike),) for each in served)
    leases = sum(each.side is Side.GATEWAY and each.configuration is not None for each in seen)
    return {
        "lotor_sessions": filled("lotor_sessions", states),
        "lotor_sessions_of_version": filled("lotor_sessions_of_version", versions),
        "lotor_leases": [figure(leases)],
        "lotor_half_open": [figure(sum(map(is_stranger, seen)))],
    }


def _first_messages(tally: Tally) -> dict[str, list[SampleView]]:
    return {
        "lotor_first_messages_total": labelled("lotor_first_messages_total", tally),
        "lotor_deferring": [figure(int(tally.deferring))],
    }


def _certificates(active: ActiveConfig) -> dict[str, list[SampleView]]:
    found = [
        figure(min(map(_end, each.own)), each.name)  # the one that ends first
        for each in active.policy.remotes
        if each.own
    ]
    return {"lotor_certificate_expiry_time_seconds": found}


def _end(own: OwnCertificate) -> float:
    return read_certificates(own.chain[0])[0].not_after.timestamp()


def _accounting(backlog: tuple[Backlog, ...]) -> dict[str, list[SampleView]]:
    return {"lotor_accounting_waiting": [figure(each.records, each.keeper) for each in backlog]}


def _pool(active: ActiveConfig) -> dict[str, list[SampleView]]:
    mode_cfg = active.settings.mode_cfg
    size = mode_cfg.pool_size if mode_cfg is not None and mode_cfg.network4 is not None else 0
    size += sum(each.pool_size for each in mode_cfg.pools) if mode_cfg is not None else 0
    return {"lotor_pool_addresses": [figure(size)]}
