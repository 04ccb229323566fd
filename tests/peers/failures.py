"""Attempts that fail, each played by two endpoints in virtual time, and the page that shows what is told of them.

`PYTHONPATH=src:tests python -m peers.failures > docs/explain-failures.md` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from lotor.cli.explain import report
from lotor.daemon.explaining import attempt_view
from lotor.explain.attempts import Attempt, Attempts
from lotor.ike.events import Started
from lotor.ike.questions import AskPerson, CheckLogin, JudgePeer
from lotor.model.algorithms import AuthMethod, Cipher, Group, Hash, IkeSuite
from lotor.model.judgement import Untrusted
from lotor.model.login import Refused
from lotor.model.policy import ExchangeMode, Policy, RemotePolicy
from lotor.model.reasons.chains import Expired
from lotor.model.reasons.logins import Locked
from peers.world import CHILD, CLIENT, GATEWAY, NEVER, Host, World, connect, pair

WALL = 1767225600.0
"""Midnight of 2026-01-01, UTC."""
MODERN = IkeSuite(Cipher.AES_CBC, 256, Hash.SHA256, Group.MODP2048, AuthMethod.HYBRID_RSA, 28800)
SERVER, PERSON = replace(GATEWAY, proposals=(MODERN,)), replace(CLIENT, proposals=(MODERN,))
EXPIRED = Expired("CN=vpn.example.net", "2025-12-31 23:59 UTC")


@dataclass
class Play:
    """Two endpoints; `change` breaks something before the client connects."""

    change: Callable[[World, Host, Host], None]
    gateway: RemotePolicy = SERVER
    client: RemotePolicy = PERSON
    seconds: float = 300.0

    def run(self) -> dict[str, Attempts]:
        """The attempts as each end remembers them."""
        world, gateway, client = pair(gateway=self.gateway, client=self.client)
        self.change(world, gateway, client)
        connect(world, client, gateway, "vpn.example.net")
        world.run(self.seconds)
        return {host.name: remembered(host) for host in (gateway, client)}


def remembered(host: Host) -> Attempts:
    """What a daemon with these events would remember; each attempt a second after the other."""
    ticks = [WALL]
    attempts = Attempts(lambda: ticks[0])
    for event in host.events:
        ticks[0] += isinstance(event, Started)
        attempts.follow(event)
    return attempts


def nothing(world: World, gateway: Host, client: Host) -> None:
    del world, gateway, client


def wrong_password(world: World, gateway: Host, client: Host) -> None:
    del world, gateway
    client.login = ("alice", "not my password")


def expired_certificate(world: World, gateway: Host, client: Host) -> None:
    del world, gateway
    client.answers[JudgePeer] = lambda question: Untrusted(EXPIRED)


def silence(world: World, gateway: Host, client: Host) -> None:
    del gateway, client
    world.network.loss = 1.0


def firewall(world: World, gateway: Host, client: Host) -> None:
    del gateway, client
    world.network.blocked = frozenset({4500})


def locked(world: World, gateway: Host, client: Host) -> None:
    del world, client
    gateway.answers[CheckLogin] = lambda question: Refused(Locked(question.attempt.user, "user"))


def full_pool(world: World, gateway: Host, client: Host) -> None:
    del world, client
    gateway.pool.clear()


def other_key(world: World, gateway: Host, client: Host) -> None:
    del world, gateway
    client.psk = b"the key of last year"


def nobody_types(world: World, gateway: Host, client: Host) -> None:
    del world, gateway
    client.answers[AskPerson] = lambda question: NEVER


def pfs(world: World, gateway: Host, client: Host) -> None:
    """The gateway wants a group for PFS, the client has none."""
    del world, client
    gateway.endpoint._context.policy = Policy(gateway.policy.remotes, replace(CHILD, pfs_group=Group.MODP2048))


OLD = replace(CLIENT, proposals=(replace(MODERN, key_bits=128, hash=Hash.SHA1, group=Group.MODP1024),))
KEYED = replace(MODERN, method=AuthMethod.XAUTH_PSK)
FAILURES: tuple[tuple[str, str, Play], ...] = (
    ("A wrong password", "gateway", Play(wrong_password)),
    ("The same at the client", "client", Play(wrong_password)),
    ("A client with weak algorithms only", "gateway", Play(nothing, client=OLD)),
    ("The gateway's certificate expired", "client", Play(expired_certificate)),
    ("A gateway that does not answer", "client", Play(silence)),
    ("No address is left", "gateway", Play(full_pool)),
    (
        "Different pre-shared keys",
        "client",
        Play(other_key, replace(GATEWAY, proposals=(KEYED,)), replace(CLIENT, proposals=(KEYED,))),
    ),
    ("Nobody types the password", "gateway", Play(nobody_types)),
    ("SA pairs that do not fit", "gateway", Play(pfs)),
    ("A firewall on the way stops UDP port 4500", "client", Play(firewall)),
    ("The same at the gateway", "gateway", Play(firewall)),
    ("A locked user", "gateway", Play(locked)),
    (
        "An exchange that no remote block has",
        "gateway",
        Play(nothing, client=replace(PERSON, exchange_modes=(ExchangeMode.MAIN,))),
    ),
)


HEAD = """# Failures, explained

What `lotor explain` says of them, at the end that the title names. Made by `python -m peers.failures` from real runs of
two endpoints; [explain.md](explain.md) says how to ask.
"""


def first(attempts: Attempts) -> Attempt:
    return attempts.all()[-1]


def document() -> str:
    """docs/explain-failures.md."""
    parts = [HEAD]
    for number, (title, end, play) in enumerate(FAILURES, 1):
        told = report(attempt_view(first(play.run()[end])))
        parts.append(f"## {number}. {title} (seen by the {end})\n\n```\n{told}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(document())
