"""The daemon in the background, as an administrator starts it: pid file, log, SIGHUP, SIGTERM, nothing left."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import lotor, pki
from lab.internet import GATEWAY, Internet
from lab.lotor import CONFIGURATION, Lotor
from lab.node import Node, wait_until

pytestmark = pytest.mark.root

PID_FILE, LOG = "/run/lotor/lotor.pid", "/run/lotor.log"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Lotor]:
    pki.gateway(pki.authority(), GATEWAY).save(tmp_path, "vpngw")
    with Internet() as internet:
        yield lotor.gateway(internet.gateway, tmp_path)


def start(program: Lotor):
    return program.call("daemon", "-f", CONFIGURATION, "-l", LOG)


def kill(node: Node, number: signal.Signals) -> None:
    node.run("kill", f"-{number.name[3:]}", node.path(PID_FILE).read_text().strip())


def log_has(node: Node, text: str) -> bool:
    return wait_until(lambda: text in node.path(LOG).read_text())


def test_a_life_in_the_background(gateway):
    node = gateway.node
    before = lotor.traces(node)
    started = start(gateway)
    assert (started.code, started.stdout, started.stderr) == (0, "", "")
    assert gateway.call("status").code == 0
    again = start(gateway)
    assert again.code == 7
    assert len(again.stderr.splitlines()) == 1
    kill(node, signal.SIGHUP)
    assert log_has(node, f"{CONFIGURATION} taken over")
    gateway.configure(lotor.howto("gateway", dh_group="seven"))
    kill(node, signal.SIGHUP)
    assert log_has(node, "was not taken over, the old configuration stays")
    assert gateway.call("status", "-s", "/run/gateway.sock").code == 0
    kill(node, signal.SIGTERM)
    assert wait_until(lambda: not node.path(PID_FILE).exists())
    assert wait_until(lambda: not any("daemon" in each for each in node.processes()))
    assert lotor.traces(node) == before
    assert not node.path("/run/gateway.sock").exists()
    assert "Traceback" not in node.path(LOG).read_text()


def test_reload_by_its_command_tells_what_was_wrong(gateway):
    assert start(gateway).code == 0
    good = gateway.call("reload")
    assert (good.code, good.stderr) == (0, "")
    assert "taken over" in good.stdout
    gateway.configure(lotor.howto("gateway", dh_group="seven", adminsock='"/run/gateway.sock"'))
    bad = gateway.call("reload", "-s", "/run/gateway.sock")
    assert bad.code == 4
    assert f"{CONFIGURATION}:" in bad.stderr
    kill(gateway.node, signal.SIGTERM)


def test_a_socket_that_another_file_occupies_is_one_line(gateway):
    gateway.node.write("/run/gateway.sock", "precious")
    done = start(gateway)
    assert done.code == 7
    assert len(done.stderr.splitlines()) == 1
    assert "is not a socket" in done.stderr
    assert gateway.node.path("/run/gateway.sock").read_text() == "precious"
