"""What both processes of a gateway send to systemd's journal, one of them without rights."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest

from journald import heard
from lab import lotor, pki
from lab.internet import GATEWAY, Internet
from lab.lotor import CONFIGURATION
from lab.node import Node, wait_until

pytestmark = pytest.mark.root

JOURNAL = "/run/systemd/journal/socket"
PID_FILE = "/run/lotor/lotor.pid"


def opened(node: Node) -> socket.socket:
    """A journal that listens there, as another one may after a restart of it."""
    node.path(JOURNAL).unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(node.path(JOURNAL)))
    node.path(JOURNAL).chmod(0o666)
    made.setblocking(False)
    return made


def until_refused(journal: socket.socket, user: str) -> list[dict[str, str]]:
    """The lines up to that of a refused login."""
    lines: list[dict[str, str]] = []

    def refused() -> bool:
        lines.extend(heard(journal))
        return any((each.get("LOTOR_EVENT"), each.get("LOTOR_USER")) == ("LoginRefused", user) for each in lines)

    assert wait_until(refused)
    return lines


def test_who_was_refused_stands_in_the_fields_of_the_journal(tmp_path: Path) -> None:
    """Also where the journal was started again: both processes find its new socket, within what they may still do."""
    authority = pki.authority()
    authority.save(tmp_path, "ca")
    pki.gateway(authority, GATEWAY).save(tmp_path, "vpngw")
    with Internet() as internet:
        node = internet.gateway
        gateway, client = lotor.gateway(node, tmp_path), lotor.client(internet.client, tmp_path)
        node.run("mkdir", "-p", str(Path(JOURNAL).parent))
        lotor.add_user(gateway, "alice", "alicepass")
        client.start()
        with opened(node) as journal:
            started = gateway.call("daemon", "-f", CONFIGURATION, "--log", "json")
            assert started.code == 0, started
            assert lotor.connect(client, "alice", "wrong").code != 0
            lines = until_refused(journal, "alice")
        with opened(node) as journal:
            assert lotor.connect(client, "bob", "wrong").code != 0
            until_refused(journal, "bob")
        node.run("kill", f"-{signal.SIGTERM.name[3:]}", node.path(PID_FILE).read_text().strip())
        assert wait_until(lambda: not node.path(PID_FILE).exists())
    found = next(each for each in lines if each.get("LOTOR_EVENT") == "LoginRefused")
    assert (found["LOTOR_USER"], found["LOTOR_REASON"], found["PRIORITY"]) == ("alice", "login-wrong-password", "4")
    told = [json.loads(each["MESSAGE"]) for each in lines]
    assert next(each for each in told if each.get("event") == "LoginRefused")["source"] == found["LOTOR_SOURCE"]
    assert len({each["pid"] for each in told}) == 2
