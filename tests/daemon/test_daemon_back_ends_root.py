"""The three processes of a gateway whose logins a RADIUS server judges: what each has, and what becomes of logins and
tunnels when one is killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lab import lotor, pki
from lab.internet import GATEWAY, Internet
from lab.lotor import CERTIFICATES, Lotor
from lab.node import children, only_child, wait_until
from processes import alive, facts, found_in

pytestmark = pytest.mark.root

SECRET = "a shared secret of the server 5190"
SERVER = f"""
import hashlib, hmac, socket

SECRET = {SECRET.encode()!r}
PASSWORD = b"alicepass"


def plain(hidden, request):
    found, last = b"", request
    for begin in range(0, len(hidden), 16):
        key = hashlib.md5(SECRET + last).digest()
        last = hidden[begin : begin + 16]
        found += bytes(a ^ b for a, b in zip(last, key))
    return found.rstrip(bytes(1))


def attributes(octets):
    while octets:
        yield octets[0], octets[2 : octets[1]]
        octets = octets[octets[1] :]


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 1812))
    print("listening", flush=True)
    while True:
        asked, who = server.recvfrom(4096)
        request, given = asked[4:20], dict(attributes(asked[20:]))
        right = plain(given[2], request) == PASSWORD
        print("asked", given[1].decode(), right, flush=True)
        head = bytes([2 if right else 3, asked[1], 0, 38])
        proof = hmac.new(SECRET, head + request + bytes([80, 18]) + bytes(16), "md5").digest()
        proved = bytes([80, 18]) + proof
        server.sendto(head + hashlib.md5(head + request + proved + SECRET).digest() + proved, who)
"""
CHANGES = {"auth_source": "radius", "adminsock": '"/run/gateway.sock"'}
RADIUSCFG = f'radiuscfg {{ auth "127.0.0.1" "{SECRET}"; timeout 3; }}\n'


@dataclass
class Serving:
    """A gateway with a client of it. The processes have the numbers of this host."""

    gateway: Lotor
    client: Lotor
    warden: int

    @property
    def back_ends(self) -> int:
        """0 while there is none."""
        return next((each for each in children(self.warden) if b"back-ends" in words(each)), 0)

    @property
    def daemon(self) -> int:
        return next(each for each in children(self.warden) if b"lotor.daemon.entry" in words(each) and not _third(each))

    def shown(self) -> list[dict]:
        return json.loads(self.gateway.call("status", "--json").stdout)["processes"]


def words(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def _third(pid: int) -> bool:
    return b"back-ends" in words(pid)


@pytest.fixture(scope="module")
def serving(tmp_path_factory) -> Iterator[Serving]:
    directory = tmp_path_factory.mktemp("certificates")
    authority = pki.authority()
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY).save(directory, "vpngw")
    with Internet() as internet:
        gateway, client = lotor.gateway(internet.gateway, directory), lotor.client(internet.client, directory)
        gateway.configure(lotor.howto("gateway", **CHANGES) + RADIUSCFG)
        gateway.node.write("/etc/server.py", SERVER, 0o600)
        server = gateway.node.start("radius", "python3", "/etc/server.py")
        server.expect("listening")
        gateway.start("-d")
        client.start("-d")
        assert gateway.running is not None
        yield Serving(gateway, client, only_child(gateway.running.process.pid))
        client.stop()
        gateway.stop()
        server.stop()


def test_a_login_is_judged_by_the_third_process_which_has_no_rights(serving):
    done = lotor.connect(serving.client, "alice", "alicepass")
    assert done.code == 0, done
    shown = serving.shown()
    assert [each["name"] for each in shown] == ["warden", "daemon", "back-ends"]
    third = shown[2]
    assert (third["capabilities"], third["gains"], third["calls"]) == ([], False, "daemon")
    assert third["serves"] == ["logins by RADIUS"]
    assert {"to become root", "to read /etc/shadow", "to read the warden's memory"} <= set(third["refused"])
    status = facts(serving.back_ends)
    assert int(status["NSpid"][-1]) == third["pid"]
    assert "0" not in {*status["Uid"], *status["Gid"]}
    assert {int(*status[kind], base=16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])
    text = " ".join(serving.gateway.call("status", "-v").stdout.split())
    assert f"back-ends {third['pid']} as {third['user']}, capabilities: none; logins by RADIUS since" in text


def test_each_process_has_its_own_secrets_in_memory_and_no_other(serving):
    """Numbers lie in memory with either end first."""
    node = serving.gateway.node
    key = load_pem_private_key(node.path(f"{CERTIFICATES}/vpngw.key").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    numbers = key.private_numbers()
    primes = [each.to_bytes((each.bit_length() + 7) // 8, "big") for each in (numbers.p, numbers.q, numbers.d)]
    keys = {octets for each in primes for octets in (each, each[::-1])}
    wanted = [*keys, SECRET.encode()]
    warden, daemon, third = (found_in(pid, wanted) for pid in (serving.warden, serving.daemon, serving.back_ends))
    assert SECRET.encode() in warden
    assert keys & warden
    assert daemon == set()
    assert third == {SECRET.encode()}
    assert not any(SECRET.encode() in each for each in words(serving.back_ends))


def test_a_third_process_that_is_killed_costs_no_tunnel_and_the_next_login_works(serving):
    daemon, before = serving.daemon, serving.back_ends
    os.kill(before, signal.SIGKILL)
    assert wait_until(lambda: len(serving.shown()) == 3 and serving.back_ends not in {0, before})
    assert serving.daemon == daemon
    assert "alice" in serving.gateway.call("status").stdout
    assert serving.client.call("vd", GATEWAY).code == 0
    wrong = lotor.connect(serving.client, "alice", "guess")
    assert wrong.code == 13, wrong
    done = lotor.connect(serving.client, "alice", "alicepass")
    assert done.code == 0, done


def test_a_reload_starts_and_ends_the_third_process(serving):
    gateway, daemon, before = serving.gateway, serving.daemon, serving.back_ends
    gateway.configure(lotor.howto("gateway", **{**CHANGES, "auth_source": "system"}))
    assert gateway.call("reload").code == 0
    assert wait_until(lambda: not alive(before))
    assert [each["name"] for each in serving.shown()] == ["warden", "daemon"]
    gateway.configure(lotor.howto("gateway", **CHANGES) + RADIUSCFG)
    assert gateway.call("reload").code == 0
    assert [each["name"] for each in serving.shown()] == ["warden", "daemon", "back-ends"]
    assert serving.daemon == daemon


def test_the_death_of_the_warden_is_that_of_both(serving):
    """The last test: nothing of this gateway is left."""
    third, daemon = serving.back_ends, serving.daemon
    os.kill(serving.warden, signal.SIGKILL)
    assert wait_until(lambda: not alive(third) and not alive(daemon))
