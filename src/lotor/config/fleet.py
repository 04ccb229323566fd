"""What is wrong, or unwise, with a configuration that makes a gateway one of a fleet, and the authorities of its
database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lotor.config import database
from lotor.config.directories import authorities
from lotor.config.files import NamedFiles
from lotor.config.methods import is_gateway
from lotor.config.problem import Problem
from lotor.config.settings import Settings

OF_A_FLEET = ("local_store", "fleet_name", "lease_time", "while_store_away")
"""Directives that mean something beside a database only."""


def filled(settings: Settings, files: NamedFiles) -> tuple[Settings, tuple[Problem, ...]]:
    """With the authorities read; and what is wrong."""
    fleet = settings.fleet
    if fleet is None or not is_gateway(settings):
        return settings, ()
    at = settings.places.of("store")
    problems = [Problem.at(at, text) for text in (database.driver_missing(),) if text]
    if (named := fleet.sslrootcert) is None:
        return settings, tuple(problems)
    if unreadable := list(files.readable(replace(named, at=at))):
        return settings, (*problems, *unreadable)
    found, fault = authorities(named.path)
    if fault:
        problems.append(Problem.at(at, fault))
    return replace(settings, fleet=replace(fleet, authorities=found)), tuple(problems)


def advice(settings: Settings) -> Iterator[Problem]:
    fleet, places = settings.fleet, settings.places
    if fleet is None:
        for name in OF_A_FLEET:
            if name in places.fields:
                yield Problem.at(places.of(name), f"{name} has no effect without store {database.EXAMPLE}")
        return
    at = places.of("store")
    yield from (Problem.at(at, text) for text in database.advice(fleet))
    if not is_gateway(settings):
        yield Problem.at(at, "only a gateway is one of a fleet: this has no effect")
