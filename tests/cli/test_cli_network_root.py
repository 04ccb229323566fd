"""`lotor network` on a host of its own, without a daemon and beside one that runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hosts.foreign_shapes import DOCKER
from hosts.private_namespace import Tun, in_namespace, ip, picture
from lotor.cli.main import lotor
from lotor.daemon.exits import Exit, StartError

pytestmark = pytest.mark.root

GATEWAY = """
remote anonymous { exchange_mode aggressive; certificate_type x509 "a" "b";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server;
        dh_group modp2048; } }
mode_cfg { network4 10.99.99.0; pool_size 4; }
"""
BLOCK = """network { masquerade interface inside0; proxy_arp inside0;
    deny group "guests" to 10.0.12.1; allow group "domain users" to 10.0.0.0/8 tcp 22, 8000-8080, 8080;
    allow user "bob" to any; allow everyone to any icmp; allow everyone to 10.0.0.53, 10.0.0.0/24 udp 53; }"""
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(lotor, ["network", *words])
    if isinstance(done.exception, StartError):
        assert done.exception.code == code, done.exception
        return str(done.exception)
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def applied(*words: str, code: int = 0) -> str:
    """By a program of its own, which ends."""
    line = [sys.executable, "-m", "lotor.cli.main", "network", "apply", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def host(tmp_path: Path, block: str = BLOCK) -> str:
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    Tun("inside0", "10.0.12.1/24")
    FORWARD.write_text("0")
    file = tmp_path / "racoon.conf"
    file.write_text(GATEWAY + block)
    return str(file)


def shell(lines: str) -> None:
    done = subprocess.run(["sh", "-e"], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def state() -> tuple[object, ...]:
    return picture(), FORWARD.read_text(), ip("-4 neigh show proxy")


@in_namespace
def test_applied_shown_and_removed(tmp_path: Path) -> None:
    file = host(tmp_path)
    before = state()
    assert "difference: the table inet lotor_network is not there" in run("show", "-f", file, code=1)
    assert "set up for clients" in applied("-f", file)
    assert "everything is there" in run("show", "-f", file)
    applied("-f", file)
    shown = json.loads(run("show", "-f", file, "--json"))
    assert (shown["difference"], shown["obstacles"], shown["clients"]) == ([], [], ["10.99.99.0/30"])
    assert shown["switches"]["net.ipv4.ip_forward"] == "1"
    assert shown["set_up_by"]["runs"] is False
    FORWARD.write_text("0")
    assert "difference: IPv4 is not forwarded" in run("show", "-f", file, code=1)
    FORWARD.write_text("1")
    assert "nft delete table inet lotor_network" in run("remove", "--dry-run")
    assert "undone on this host: 3 changes" in run("remove")
    assert state() == before
    assert "nothing of a network block" in run("remove")


@in_namespace
def test_what_dry_run_prints_does_the_same(tmp_path: Path) -> None:
    file = host(tmp_path)
    before = state()
    told = run("apply", "--dry-run", "-f", file)
    assert state() == before
    assert "sysctl -w net.ipv4.ip_forward=1" in told
    shell(told)
    assert "everything is there" in run("show", "-f", file)


@in_namespace
def test_a_firewall_in_the_way_is_told_with_what_opens_it(tmp_path: Path) -> None:
    file = host(tmp_path)
    subprocess.run(["nft", "-f", "-"], input=DOCKER % "", text=True, check=True)
    assert "warning: packets between clients and the inside" in applied("-f", file)
    told = run("show", "-f", file, code=1)
    assert "in the way: packets between clients and the inside: the chain ip filter FORWARD of Docker drops" in told
    assert "iptables -I DOCKER-USER -i lotor0 -j ACCEPT" in told


@in_namespace
def test_what_a_daemon_keeps_is_not_taken_away(tmp_path: Path) -> None:
    file = host(tmp_path)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        run("apply", "-f", file)
        os.write(writer, b".")
        signal.pause()
    os.close(writer)
    assert os.read(reader, 1)
    there = state()
    assert f"process {child}" in run("remove", code=Exit.BUSY)
    assert f"set up by the daemon (process {child})" in run("show", "-f", file)
    run("apply", "-f", file, "-s", str(tmp_path / "none"), code=Exit.NO_DAEMON)
    assert state() == there
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    run("remove")


@in_namespace
def test_a_file_without_the_block_is_told(tmp_path: Path) -> None:
    file = host(tmp_path, "")
    assert "there is no network block" in run("show", "-f", file)
    assert "there is no network block" in run("apply", "-f", file, code=Exit.CONFIGURATION)
    Path(file).write_text(GATEWAY + "network { forwad on; }")
    assert "did you mean forward" in run("apply", "-f", file, code=Exit.CONFIGURATION)
