"""`python -m bench.enumeration`: whether the time of a refusal tells that there is such a user, by a Mann-Whitney test.

Wrong passwords of users and of names without an account, by turns, in one process: `told` is the time until the
answer, as a client sees it; `work` the same without waiting for the beat at which refusals are told.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address
from itertools import groupby
from math import sqrt
from pathlib import Path
from statistics import NormalDist, median

from bench.document import machine
from bench.gateways import PASSWORD, crypted
from lab.counts import some
from lotor.auth import Checks, LocalLogins, SystemFiles, SystemLogins, UserFile
from lotor.auth.beat import BEAT
from lotor.crypto.passwords import Cost, hash_password
from lotor.model.login import LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.ports.auth import LoginBackend

TOLD_APART = 0.01
"""The chance of such a difference between samples of the same kind, below which they count as told apart."""
FORMER = Cost(64 * 1024, 3, 4)
YESCRYPT, SHA512 = "$y$j9T$enumerationbench", "$6$enumerationbench"


@dataclass(frozen=True, slots=True)
class Scene:
    """`known` are the users whose refusals are compared with those of names that nobody has."""

    name: str
    make: Callable[[Path, float], LoginBackend]
    known: tuple[str, ...]


def mann_whitney(one: list[float], other: list[float]) -> float:
    """The two-sided p of both samples being of one kind: the normal approximation, corrected for ties."""
    ranks, place, ties = 0.0, 0, 0.0
    for _, group in groupby(sorted([(each, 0) for each in one] + [(each, 1) for each in other]), lambda pair: pair[0]):
        members = [kind for _, kind in group]
        ranks += members.count(0) * (place + (len(members) + 1) / 2)
        place += len(members)
        ties += len(members) ** 3 - len(members)
    m, n = len(one), len(other)
    u, total = ranks - m * (m + 1) / 2, m + n
    deviation = sqrt(m * n / 12 * (total + 1 - ties / (total * (total - 1))))
    if not deviation:
        return 1.0
    return 2 * (1 - NormalDist().cdf(max(0.0, abs(u - m * n / 2) - 0.5) / deviation))


# --- who there is ----------------------------------------------------------------------------------------------------


def local(costs: dict[str, Cost]) -> Callable[[Path, float], LoginBackend]:
    """lotor's own users, one of each cost."""

    def make(directory: Path, beat: float) -> LoginBackend:
        users = directory / "users"
        users.write_text("".join(f"{name}:{_argon(cost)}:\n" for name, cost in costs.items()))
        users.chmod(0o600)
        return LocalLogins(UserFile(users), Checks(beat=beat))

    return make


def system(settings: dict[str, str]) -> Callable[[Path, float], LoginBackend]:
    """Accounts of a host, each with a hash of libcrypt of some setting."""

    def make(directory: Path, beat: float) -> LoginBackend:
        files = SystemFiles(*(directory / name for name in ("passwd", "shadow", "group", "nologin")))
        files.passwd.write_text("".join(f"{name}:x:{2000 + n}:100::/:/bin/sh\n" for n, name in enumerate(settings)))
        shadow = (f"{name}:{crypted(PASSWORD, setting)}:19000:0:99999:7:::\n" for name, setting in settings.items())
        files.shadow.write_text("".join(shadow))
        files.group.write_text("")
        return SystemLogins(files, Checks(beat=beat))

    return make


@cache
def _argon(cost: Cost) -> str:
    return hash_password(Secret(PASSWORD), cost)


def _names(count: int) -> tuple[str, ...]:
    return tuple(f"user{number}" for number in range(count))


def _halves(one: Cost, other: Cost) -> dict[str, Cost]:
    return {name: (one, other)[number % 2] for number, name in enumerate(_names(50))}


SCENES = (
    Scene("local, 50 users", local(dict.fromkeys(_names(50), Cost())), _names(50)),
    Scene("local, 50 users, half of an earlier cost", local(_halves(Cost(), FORMER)), _names(50)),
    Scene("system, 12 accounts", system(dict.fromkeys(_names(12), YESCRYPT)), _names(12)),
    Scene("system, 5,002 accounts, one of the first", system(dict.fromkeys(_names(5002), YESCRYPT)), ("user1",)),
    Scene("system, sha512 among yescrypt", system({**dict.fromkeys(_names(50), YESCRYPT), "old": SHA512}), ("old",)),
)

# --- the samples -----------------------------------------------------------------------------------------------------


async def sample(backend: LoginBackend, known: tuple[str, ...], count: int) -> tuple[list[float], list[float]]:
    """Milliseconds until refusals of users, and of names that nobody has."""
    randomness = random.Random(2026)
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(2 * count):
        name = (randomness.choice(known), f"nobody{randomness.randrange(10**6)}")[number % 2]
        attempt = LoginAttempt(name, ((Field.PASSWORD, Secret("guess")),), Peer(IPv4Address("192.0.2.1"), 4500))
        began = time.perf_counter()
        verdict = await backend.judge(attempt)
        times[number % 2].append(1000 * (time.perf_counter() - began))
        if not isinstance(verdict, Refused):
            raise TypeError(f"{name} was not refused")
    return times


def rows(options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """Lines of the table, and whether what they tell is a failure."""
    for scene in SCENES:
        for kind, beat in (("told", BEAT), ("work", 1e-6)):
            if options.only not in scene.name or (kind == "work" and scene.known == ("old",)):
                continue  # one account of a rare kind is not like most names, and need not be: nobody sees the work
            with tempfile.TemporaryDirectory() as directory:
                backend = scene.make(Path(directory), beat)
                users, nobodies = asyncio.run(sample(backend, scene.known, options.samples))
            p = mann_whitney(users, nobodies)
            figures = f"{median(users):.2f} | {median(nobodies):.2f} | {p:.3f}"
            yield f"| {scene.name} | {kind} | {figures} | {'told apart' if p < TOLD_APART else '-'} |", p < TOLD_APART


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=some, default=200, help="of each of two kinds")
    parser.add_argument("--only", default="", help="a part of a scene's name")
    options = parser.parse_args()
    print(f"{machine()}.\n\n| accounts | what | users ms | nobodies ms | p | |\n|---|---|---|---|---|---|", flush=True)
    failed = 0
    for line, failure in rows(options):
        print(line, flush=True)
        failed += failure
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
