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
from lab.node import wait_until

pytestmark = pytest.mark.root

JOURNAL = "/run/systemd/journal/socket"
PID_FILE = "/run/lotor/lotor.pid"


def test_who_was_refused_stands_in_the_fields_of_the_journal(tmp_path: Path) -> None:
    authority = pki.authority()
    authority.save(tmp_path, "ca")
    pki.gateway(authority, GATEWAY).save(tmp_path, "vpngw")
    with Internet() as internet, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        node = internet.gateway
        gateway, client = lotor.gateway(node, tmp_path), lotor.client(internet.client, tmp_path)
        node.run("mkdir", "-p", str(Path(JOURNAL).parent))
        journal.bind(str(node.path(JOURNAL)))
        node.path(JOURNAL).chmod(0o666)
        journal.setblocking(False)
        lotor.add_user(gateway, "alice", "alicepass")
        started = gateway.call("daemon", "-f", CONFIGURATION, "--log", "json")
        assert started.code == 0, started
        client.start()
        assert lotor.connect(client, "alice", "wrong").code != 0
        lines = []

        def refused() -> bool:
            lines.extend(heard(journal))
            return any(each.get("LOTOR_EVENT") == "LoginRefused" for each in lines)

        assert wait_until(refused)
        node.run("kill", f"-{signal.SIGTERM.name[3:]}", node.path(PID_FILE).read_text().strip())
        assert wait_until(lambda: not node.path(PID_FILE).exists())
    found = next(each for each in lines if each.get("LOTOR_EVENT") == "LoginRefused")
    assert (found["LOTOR_USER"], found["LOTOR_REASON"], found["PRIORITY"]) == ("alice", "login-wrong-password", "4")
    told = [json.loads(each["MESSAGE"]) for each in lines]
    assert next(each for each in told if each.get("event") == "LoginRefused")["source"] == found["LOTOR_SOURCE"]
    assert len({each["pid"] for each in told}) == 2
