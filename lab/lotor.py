"""lotor on a node: its two daemons with the HOW-TO's configuration, and its commands as a person types them."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

from lab.internet import GATEWAY
from lab.node import Finished, LabError, Node, Running, wait_until
from lab.terminal import Terminal

PROGRAM = (str(Path(sys.executable).with_name("python")), "-m", "lotor.cli.main")
PROJECT = Path(__file__).parents[1]
EXAMPLES = PROJECT / "examples" / "howto"
HOOKS = PROJECT / "share" / "hooks"
CONFIGURATION = "/etc/racoon/racoon.conf"
CERTIFICATES = "/etc/openssl/certs"
LINKS_COME_UP = 5.0
"""Seconds."""
MOTD = """                     Flying pigs LTD

 Welcome to our internal network, remote user.
"""


class Lotor:
    """One installation on one node. `running` is the daemon, None before `start`."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.running: Running | None = None

    def call(self, *words: str, stdin: str = "", patience: float = 90.0) -> Finished:
        """A command as a script runs it: no terminal, any exit code."""
        return self.node.run(*PROGRAM, *words, stdin=stdin, check=False, patience=patience)

    def must(self, *words: str, stdin: str = "") -> Finished:
        """A command that has to succeed, else `LabError`."""
        done = self.call(*words, stdin=stdin)
        if done.code:
            raise LabError(f"lotor {' '.join(words)} ended with {done.code}: {done.stderr or done.stdout}")
        return done

    def type(self, *words: str) -> Terminal:
        """A command as a person types it."""
        return Terminal(self.node, *PROGRAM, *words)

    def configure(self, text: str) -> None:
        self.node.write(CONFIGURATION, text)

    def start(self, *options: str) -> Running:
        """The daemon in the foreground, with CONFIGURATION; returns when it says that it is ready."""
        self.running = self.launch(*options)
        self.running.expect("lotor serves with")
        return self.running

    def launch(self, *options: str) -> Running:
        """The daemon in the foreground, come what may."""
        return self.node.start("lotor", *PROGRAM, "daemon", "-F", "-f", CONFIGURATION, *options)

    def journal(self) -> str:
        return self.running.text() if self.running else ""

    def sessions(self) -> list[dict[str, Any]]:
        """`lotor status --json`."""
        sessions: list[dict[str, Any]] = json.loads(self.must("status", "--json").stdout)["sessions"]
        return sessions

    def attempt(self, subject: str) -> dict[str, Any]:
        """The newest one of a user or an address, as `lotor explain` has it."""
        attempts: list[dict[str, Any]] = json.loads(self.call("explain", "--json", subject).stdout)["attempts"]
        return attempts[0]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        return self.running.stop(number) if self.running else 0


def howto(side: str, **changes: str) -> str:
    """The HOW-TO's configuration of `side` ("gateway" or "client"); each change is a directive's new arguments, or ""
    to take the directive away."""
    text = (EXAMPLES / side / "racoon.conf").read_text()
    for directive, arguments in changes.items():
        line = f"{directive} {arguments};" if arguments else ""
        text, count = re.subn(rf"(?m)^(\s*){directive}\s[^;]*;", rf"\g<1>{line}", text)
        if not count:
            raise ValueError(f"the HOW-TO's {side} has no {directive}")
    return text


def gateway(node: Node, certificates: Path, **changes: str) -> Lotor:
    """The HOW-TO's gateway with `auth_source local` and an admin socket, ready to start; see `add_user`."""
    lotor = Lotor(node)
    lotor.configure(howto("gateway", **{"auth_source": "local", "adminsock": '"/run/gateway.sock"', **changes}))
    for name, mode in (("vpngw.crt", 0o644), ("vpngw.key", 0o600)):
        node.write(f"{CERTIFICATES}/{name}", (certificates / name).read_bytes(), mode)
    node.write("/etc/racoon/motd", MOTD)
    return lotor


def client(node: Node, certificates: Path, **changes: str) -> Lotor:
    """The HOW-TO's client, ready to start."""
    lotor = Lotor(node)
    lotor.configure(howto("client", **changes))
    node.write(f"{CERTIFICATES}/ca.crt", (certificates / "ca.crt").read_bytes())
    for script in ("phase1-up.sh", "phase1-down.sh"):
        node.write(f"/etc/racoon/{script}", sample_script(script), 0o755)
    return lotor


STRONG = {"encryption_algorithm": "aes 256", "hash_algorithm": "sha256", "dh_group": "14", "pfs_group": "14"}
"""What a client without a file offers over IKEv1, for a gateway of the HOW-TO."""
BOTH = {**STRONG, "exchange_mode": "aggressive; ike_version both; eap gtc"}
"""The same for one that speaks IKEv2, too: such a client does not call it by IKEv1."""
HURRY = "timer { counter 3; interval 2 sec; }\n"
"""For a configuration of a test that waits for an answer which never comes."""


def sample_script(name: str) -> bytes:
    """The script as lotor ships it."""
    return (HOOKS / name).read_bytes()


def add_user(lotor: Lotor, user: str, password: str, *options: str) -> None:
    lotor.must("user", "add", *options, "--password-stdin", user, stdin=f"{password}\n")


def connect(lotor: Lotor, user: str, password: str, address: str = GATEWAY) -> Finished:
    """`lotor vc` with the password on standard input."""
    return lotor.call("vc", "-u", user, "--password-stdin", address, stdin=f"{password}\n")


def traces(node: Node) -> str:
    """All that a connection could leave on a host, for comparing before and after. Of a host that was just made the
    kernel brings up links for a second or two: they are waited for, in vain where a cable is out."""
    wait_until(lambda: _settled(node), LINKS_COME_UP)
    questions = (
        ("ip", "-br", "link"),
        ("ip", "-br", "address"),
        ("ip", "route", "show", "table", "all"),
        ("ip", "-6", "route", "show", "table", "all"),
        ("ip", "rule"),
        ("ip", "-6", "rule"),
        ("nft", "list", "ruleset"),
        ("ls", "-la", "--time-style=+", "/etc/resolv.conf"),
        ("cat", "/etc/resolv.conf"),
        ("find", "/run/lotor", "-type", "f"),
    )
    return "".join(f"$ {' '.join(each)}\n{node.run(*each, check=False).stdout}" for each in questions)


def _settled(node: Node) -> bool:
    """Whether its links are up, and no address of IPv6 is still looked for among the neighbours."""
    links = node.run("ip", "-br", "link").stdout
    return "NO-CARRIER" not in links and not node.run("ip", "-6", "address", "show", "tentative", check=False).stdout
