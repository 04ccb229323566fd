"""`make soak`: SA pairs and phase 1 renewed a thousand times under traffic, and no packet lost.

Lotor clients, strongSwan and vpnc at a lotor gateway, and a lotor client at a strongSwan gateway, all at once."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from lab import lotor, pki
from lab.counts import some
from lab.internet import GATEWAY, Internet
from lab.node import LabError, Node, wait_until
from lab.peers import CharonClient, CharonGateway, Client, LotorClient, LotorGateway, Terms, VpncClient
from lab.strongswan import Charon
from lab.traffic import Traffic, resent, serve_streams

PAUSE = 15.0
"""Seconds between lines that tell how far it is, and between renewals that strongSwan is told to begin."""


@dataclass(frozen=True, slots=True)
class Aim:
    """How many renewals of SA pairs and of phase 1 the lotor clients at the lotor gateway shall come to together; how
    many clients; lifetimes of both in seconds; after how many seconds it is given up."""

    pairs: int = 1000
    phases: int = 20
    clients: int = 8
    lifetime: int = 5
    phase: int = 60
    limit: int = 1500


@dataclass(frozen=True, slots=True)
class Run:
    """One client under traffic. `renewals`: of SA pairs and of phase 1, so far."""

    name: str
    client: Client
    address: str
    traffic: Traffic
    renewals: Callable[[], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Scene:
    """All that runs. `faults` tells what is wrong beside lost packets, `servers` who sends the streams, `journals` what
    the programs told, by a name for each."""

    runs: list[Run]
    strongswan: list[Charon]
    servers: list[Node]
    faults: Callable[[], list[str]]
    journals: Callable[[], dict[str, str]]


def main() -> int:
    """0 when nothing was lost."""
    aim, began = _aim(), time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as directory, _scene(aim, Path(directory)) as scene:
            _soak(aim, scene, began)
            wait_until(lambda: not _lost_segments(scene))
            faults = _lost_segments(scene)
            _stop(scene)
            faults += [*_lost(scene), *_missed(aim, scene), *scene.faults()]
            _summary(scene, time.monotonic() - began)
            if faults:
                _say(f"the journals are kept in {_keep(scene.journals())}")
    except LabError as error:
        faults = [str(error)]
    for fault in faults:
        sys.stderr.write(f"soak: {fault}\n")
    return 1 if faults else 0


def _aim() -> Aim:
    parser = argparse.ArgumentParser(prog="python -m lab.soak", description=__doc__, epilog=Aim.__doc__)
    for each in fields(Aim):
        parser.add_argument(f"--{each.name}", type=some, default=each.default)
    return Aim(**vars(parser.parse_args()))


# --- the scene -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _scene(aim: Aim, directory: Path) -> Iterator[Scene]:
    authority = pki.authority()
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY, "gw.example.org").save(directory, "vpngw")
    with Internet(clients=aim.clients + 2) as here, Internet() as there:
        ours, theirs = _at_lotor(aim, here, directory), _at_strongswan(aim, there, directory)
        runs = [*ours.runs, *theirs.runs]
        yield Scene(
            runs,
            [*ours.strongswan, *theirs.strongswan],
            [here.inside, there.inside],
            lambda: [*ours.faults(), *theirs.faults()],
            lambda: ours.journals() | theirs.journals(),
        )


def _at_lotor(aim: Aim, net: Internet, certificates: Path) -> Scene:
    terms = Terms(serving=_short(aim, "proposal_check"), calling=_short(aim, "mode_cfg"))
    gateway = LotorGateway(net.gateway, certificates, terms)
    serve_streams(net.inside)
    *nodes, third, second = net.clients
    users = [f"user{number}" for number in range(1, len(nodes) + 1)]
    for user in (*users, "swan", "cisco"):
        lotor.add_user(gateway.program, user, f"{user}pass")
    clients: list[Client] = [
        LotorClient(node, certificates, terms, user, f"{user}pass") for node, user in zip(nodes, users, strict=True)
    ]
    swan = CharonClient(second, certificates, Terms(calling=_swan(aim)), "swan", "swanpass")
    clients += [swan, VpncClient(third, certificates, Terms(), "cisco", "ciscopass")]
    journal = gateway.program.journal
    runs = [
        _under_traffic(f"{user} at lotor", client, _counted(journal, rf"session \d+ \({user}\): "))
        for user, client in zip((*users, "swan", "cisco"), clients, strict=True)
    ]
    programs = [gateway.program, *(client.program for client in clients if isinstance(client, LotorClient))]

    def faults() -> list[str]:
        guests = sorted(run.address for run in runs)
        return [
            *(f"{program.node.name}: {line}" for program in programs for line in _wrong(program.journal())),
            *([] if sorted(gateway.guests()) == guests else [f"sessions at the end: {gateway.guests()}, not {guests}"]),
        ]

    def journals() -> dict[str, str]:
        told = {f"lotor-{program.node.name}": program.journal() for program in programs}
        return {**told, "strongswan-client": swan.program.journal()}

    return Scene(runs, [swan.program], [net.inside], faults, journals)


def _at_strongswan(aim: Aim, net: Internet, certificates: Path) -> Scene:
    gateway = CharonGateway(net.gateway, certificates, Terms(serving={"lives": _lives(aim.lifetime + 1, aim)}))
    serve_streams(net.inside)
    client = LotorClient(net.client, certificates, Terms(calling=_short(aim, "mode_cfg")), "alice", "alicepass")
    run = _under_traffic("lotor at strongSwan", client, _counted(client.program.journal, ""))
    journal = client.program.journal

    def journals() -> dict[str, str]:
        return {"lotor-at-strongswan": journal(), "strongswan-gateway": gateway.program.journal()}

    return Scene([run], [gateway.program], [net.inside], lambda: _wrong(journal()), journals)


def _short(aim: Aim, directive: str) -> dict[str, str]:
    """Directives of lotor; `directive` of the remote block is followed by the lifetime of phase 1."""
    value = {"proposal_check": "claim", "mode_cfg": "on"}[directive]
    return {directive: f"{value}; lifetime time {aim.phase} sec", "lifetime": f"time {aim.lifetime} sec"}


def _swan(aim: Aim) -> dict[str, str]:
    """Of strongSwan as the client: it renews SA pairs and phase 1."""
    lives = _lives(aim.lifetime * 4 // 5, aim)
    return {"lives": lives, "pull": f"yes\nreauth_time = {aim.phase * 4 // 5}s\nrand_time = 0s"}


def _lives(rekey: int, aim: Aim) -> str:
    return f"rekey_time = {rekey}s\nlife_time = {aim.lifetime * 2}s\nrand_time = 0s"


def _under_traffic(name: str, client: Client, renewals: Callable[[], tuple[int, int]]) -> Run:
    if not client.connect():
        raise LabError(f"{name} does not connect")
    _say(f"{name} is up with {client.address}")
    return Run(name, client, client.address, Traffic(client.node), renewals)


def _counted(journal: Callable[[], str], prefix: str) -> Callable[[], tuple[int, int]]:
    def count() -> tuple[int, int]:
        text = journal()
        pairs, phases = (len(re.findall(prefix + what, text)) for what in (r"SA pair \d+ up", "phase 1 renewed"))
        return max(0, pairs - 1), phases

    return count


def _wrong(journal: str) -> list[str]:
    """Lines that say that lotor itself is at fault, or that a session ended."""
    words = ("Traceback", " ERROR ", " CRITICAL ", "session ended")
    return [line for line in journal.splitlines() if any(word in line for word in words)]


# --- the run ---------------------------------------------------------------------------------------------------------


def _soak(aim: Aim, scene: Scene, began: float) -> None:
    """Until the aim is reached, or the time is over."""
    over = threading.Event()
    prodding = threading.Thread(target=_prod, args=(scene.strongswan, over), daemon=True)
    prodding.start()
    while _together(scene) < (aim.pairs, 0) or _together(scene)[1] < aim.phases:
        elapsed = time.monotonic() - began
        if elapsed > aim.limit:
            break
        time.sleep(PAUSE)
        pairs, phases = _together(scene)
        lost = sum(run.traffic.lost for run in scene.runs)
        _say(
            f"{elapsed:5.0f} s: renewed {pairs}/{aim.pairs} SA pairs, {phases}/{aim.phases} phases 1; {lost} pings lost"
        )
    over.set()
    prodding.join(120)


def _stop(scene: Scene) -> None:
    for run in scene.runs:
        run.traffic.slow_down()
    for run in scene.runs:
        run.traffic.stop()


def _prod(peers: list[Charon], over: threading.Event) -> None:
    """Makes strongSwan renew when it would not by itself: SA pairs, and now and then phase 1 as a client."""
    turn = 0
    while not over.wait(PAUSE):
        turn += 1
        for peer in peers:
            with contextlib.suppress(LabError):
                peer.control("--rekey", "--child", "net")
        if turn % 2:
            with contextlib.suppress(LabError):
                peers[0].control("--rekey", "--ike", "ra", "--reauth")


def _keep(journals: dict[str, str]) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="lotor-soak-"))
    for name, text in journals.items():
        (directory / f"{name}.log").write_text(text)
    return directory


def _ours(scene: Scene) -> list[Run]:
    return [run for run in scene.runs if run.name.startswith("user")]


def _together(scene: Scene) -> tuple[int, int]:
    counts = [run.renewals() for run in _ours(scene)]
    return sum(pairs for pairs, _ in counts), sum(phases for _, phases in counts)


def _lost_segments(scene: Scene) -> list[str]:
    counts = [resent(node) for node in scene.servers]
    return [f"TCP lost {again - needless} segments" for again, needless in counts if again > needless]


def _lost(scene: Scene) -> list[str]:
    return [f"{run.name}: {fault}" for run in scene.runs for fault in run.traffic.faults]


def _missed(aim: Aim, scene: Scene) -> list[str]:
    pairs, phases = _together(scene)
    enough = pairs >= aim.pairs and phases >= aim.phases
    return [] if enough else [f"only {pairs} SA pairs and {phases} phases 1 were renewed in time"]


def _summary(scene: Scene, seconds: float) -> None:
    _say(f"{'client':22}{'pairs':>8}{'phase 1':>9}{'pings':>10}{'lost':>6}{'TCP blocks':>12}")
    for run in scene.runs:
        (pairs, phases), traffic = run.renewals(), run.traffic
        _say(f"{run.name:22}{pairs:8}{phases:9}{traffic.sent:10}{traffic.lost:6}{traffic.blocks:12}")
    pairs, phases = _together(scene)
    _say(f"lotor at lotor: {pairs} SA pairs and {phases} phases 1 renewed in {seconds:.0f} s")
    again, needless = (sum(each) for each in zip(*map(resent, scene.servers), strict=True))
    _say(f"TCP sent {again} segments again, {needless} of them needlessly")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
