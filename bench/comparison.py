"""`python -m bench.comparison`: what it takes to set a gateway and a client up, from a fresh Debian to a first login
that reaches the inside, with lotor and with other programs; and how long each is away, by bench.comeback. All of it in
one run, each line of `bench.recipes` really typed.

The roots have no systemd that runs: what it would start is started by its own command, which does not count.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import comeback
from bench.document import PROJECT, conditions, machine
from bench.pages import Setup, Side, page
from bench.recipes import NAME, RECIPES, Line, Recipe
from bench.rivals import RIVALS, here
from lab.counts import none_or_some, pause
from lab.debian import HOME, Debian, fresh
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.node import LabError, wait_until

PAGE = PROJECT / "docs" / "comparison.md"
SUITE = "bookworm"
USUAL = ("procps", "nftables")
"""What every installed Debian has, and the roots have not."""
PATIENCE = 60.0
NOT_OF_THE_DISK = ("proc", "sys", "dev", "run", "tmp", "root", "var/cache", "var/lib/apt", "var/log")


def set_up(recipe: Recipe, package: Path) -> Setup:
    """Everything typed, a client logged in; `LabError` where the inside is not reached."""
    directory = Path(tempfile.mkdtemp(prefix="lotor-comparison-"))
    try:
        with Internet() as net:
            net.inside.ip("route", "del", "default")  # no way back to the clients but by translation
            net.gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
            hosts = [fresh(SUITE, directory / side) for side in ("gateway", "client")]
            sides = [Typist(host, package) for host in hosts]
            for typist, lines in zip(sides, (recipe.gateway, recipe.client), strict=True):
                typist.install(lines)
            for typist, node in zip(sides, (net.gateway, net.client), strict=True):
                typist.at(Debian(typist.host.directory, SUITE, node))
            sides[0].type_all(recipe.gateway)
            _bring(recipe, sides[0].host, sides[1])
            sides[1].type_all(recipe.client)
            if not wait_until(lambda: ping(net.client, INSIDE_HOST), PATIENCE):
                raise LabError(f"{recipe.name}: the client does not reach the inside")
            return Setup(*(typist.done for typist in sides))
    finally:
        shutil.rmtree(directory)


def _bring(recipe: Recipe, gateway: Debian, client: Typist) -> None:
    there, here_ = recipe.brings
    client.host.path(here_).write_bytes(gateway.path(there).read_bytes())
    with client.host.path("/etc/hosts").open("a") as file:
        file.write(f"\n{GATEWAY} {NAME}\n")
    client.note(f"(bring {there})", 1)


class Typist:
    """A person at one host, with a watch that runs only while the machine works."""

    def __init__(self, host: Debian, package: Path) -> None:
        self.host = host
        self.done = Side(0, 0.0, 0.0, 0.0)
        self._package = package

    def at(self, host: Debian) -> None:
        self.host = host

    def note(self, text: str, steps: int) -> None:
        self.done.steps += steps
        if steps:
            self.done.typed += (text,)

    def install(self, lines: tuple[Line, ...]) -> None:
        """Packages, first of all. They are fetched before: how long that takes says nothing of a program."""
        for line in lines:
            if line.packages and line.steps:
                self._install(line)
            elif line.packages:
                self.host.apt("install", *line.packages)

    def _install(self, line: Line) -> None:
        self.note(f"apt install {' '.join(line.packages)}", line.steps)
        shutil.copy(self._package, self.host.path(f"{HOME}/lotor.deb"))
        self.host.apt("update")
        self.host.apt("install", *USUAL)
        told = self.host.apt("install", "--download-only", *line.packages)
        self.done.fetched += fetched(told)
        before, began = used(self.host.directory), time.monotonic()
        self.host.apt("install", *line.packages)
        self.done.seconds += time.monotonic() - began
        self.done.disk += (used(self.host.directory) - before) / 1e6

    def type_all(self, lines: tuple[Line, ...]) -> None:
        for line in lines:
            if not line.packages:
                self.type(line)

    def type(self, line: Line) -> None:
        self.note(
            (line.writes and f"write {line.writes.removeprefix(f'{HOME}/')}, {line.stdin.count(chr(10))} lines")
            or line.text,
            line.steps,
        )
        began = time.monotonic()
        self._do(line)
        if line.steps:
            self.done.seconds += time.monotonic() - began

    def _do(self, line: Line) -> None:
        if line.writes:
            self.host.path(line.writes).write_text(line.stdin)
        elif line.stays:
            self._start(line)
        elif not line.text.startswith("#"):
            self.host.run("sh", "-ec", line.text, stdin=line.stdin)

    def _start(self, line: Line) -> None:
        self.host.path("/tmp/typed").write_text(line.stdin and f"{line.stdin}\n")
        self.host.start(line.text.split()[0], f"{line.text} </tmp/typed").expect(line.stays, PATIENCE)


def fetched(told: str) -> float:
    """Megabytes that apt needs from anywhere, of what it has to say."""
    found = re.search(r"Need to get (?:[\d.,]+ [kM]?B/)?([\d.,]+) ([kM]?)B", told)
    if not found:
        return 0.0
    return float(found[1].replace(",", "")) * {"M": 1.0, "k": 1e-3, "": 1e-6}[found[2]]


def used(root: Path) -> int:
    """Octets that the files of a root take, byte code and all, but for caches and logs."""
    leave = [f"--exclude={root}/{each}" for each in NOT_OF_THE_DISK]
    told = subprocess.run(["du", "-skx", *leave, root], capture_output=True, text=True, check=True).stdout
    return int(told.split()[0]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.comparison", description=__doc__)
    parser.add_argument("--deb", type=Path, help="lotor's package; the newest in dist without")
    parser.add_argument("--rounds", type=none_or_some, default=3, help="of bench.comeback; 0 leaves it out")
    parser.add_argument("--down", type=pause, default=10)
    parser.add_argument("--asleep", type=pause, default=comeback.ASLEEP)
    parser.add_argument("--only", default="", help="programs whose names begin so, with commas")
    parser.add_argument("--write", action="store_true", help="docs/comparison.md")
    parser.add_argument("--note", default="", help="what else was going on, for the page")
    options = parser.parse_args()
    names = tuple(options.only.split(","))
    try:
        package = options.deb or max((PROJECT / "dist").glob("lotor_*.deb"), key=lambda file: file.stat().st_mtime)
        setups = {each.name: set_up(each, package) for each in RECIPES if each.name.lower().startswith(names)}
        kinds = [kind for kind in RIVALS if here(kind) and kind.name in setups]
        found = comeback.by_turns(kinds, options.rounds, options.down, options.asleep) if options.rounds else {}
    except LabError as error:
        sys.exit(str(error))
    told = f"{machine()}; {conditions(f'one setup of each, {options.rounds} rounds of the events by turns')}"
    how = comeback.how_it_was(kinds, options.down, options.asleep) if options.rounds else ""
    text = page(setups, found, f"{told} {options.note}".rstrip(), how)
    print(text)
    if options.write:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
