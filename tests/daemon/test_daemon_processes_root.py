"""The two processes of a gateway that serves logins, as the kernel has them: rights, environment, memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lab import lotor, pki
from lab.internet import GATEWAY, Internet
from lab.lotor import CERTIFICATES, Lotor
from lab.node import only_child
from lotor.warden.spawning import KEPT, KEPT_KINDS
from processes import facts, found_in

pytestmark = pytest.mark.root

PSK, PSK_FILE = "a pre-shared key that nobody guesses 8263", "/etc/racoon/psk.txt"
BRANCH = f"""
path pre_shared_key "{PSK_FILE}";
remote 198.51.100.77 {{
    exchange_mode main;
    proposal {{
        encryption_algorithm aes; hash_algorithm sha256; authentication_method pre_shared_key; dh_group 14;
    }}
}}
"""
USERS = "/etc/racoon/users"


@dataclass(frozen=True)
class Serving:
    """A gateway with a client of it. `warden` and `daemon`: their numbers on this host."""

    gateway: Lotor
    warden: int
    daemon: int


@pytest.fixture(scope="module")
def serving(tmp_path_factory) -> Iterator[Serving]:
    directory = tmp_path_factory.mktemp("certificates")
    authority = pki.authority()
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY).save(directory, "vpngw")
    with Internet() as internet:
        gateway, client = lotor.gateway(internet.gateway, directory), lotor.client(internet.client, directory)
        gateway.configure(
            lotor.howto("gateway", **CHANGES).replace("mode_cfg {", f'mode_cfg {{ users "{USERS}";') + BRANCH
        )
        gateway.node.write(PSK_FILE, f"198.51.100.77 {PSK}\n", 0o600)
        lotor.add_user(gateway, "alice", "alicepass")
        gateway.start("-d")
        client.start("-d")
        done = lotor.connect(client, "alice", "alicepass")
        assert done.code == 0, done
        assert gateway.running is not None
        warden = only_child(gateway.running.process.pid)
        yield Serving(gateway, warden, only_child(warden))
        client.stop()
        gateway.stop()


CHANGES = {"auth_source": "local", "adminsock": '"/run/gateway.sock"'}


def test_status_shows_both_processes_and_what_each_may_do(serving):
    shown = serving.gateway.call("status", "-v")
    warden, daemon = json.loads(serving.gateway.call("status", "--json").stdout)["processes"]
    numbers = [int(facts(pid)["NSpid"][-1]) for pid in (serving.warden, serving.daemon)]
    assert [(each["name"], each["pid"]) for each in (warden, daemon)] == list(
        zip(("warden", "daemon"), numbers, strict=True)
    )
    assert "net_admin" in warden["capabilities"]
    assert (daemon["capabilities"], daemon["gains"], daemon["calls"]) == ([], False, "daemon")
    assert {"to become root", "to read /etc/shadow", "to read the warden's memory"} <= set(daemon["refused"])
    text = " ".join(shown.stdout.split())
    assert f"warden {numbers[0]} as root" in text
    assert f"daemon {numbers[1]} as {daemon['user']}, capabilities: none" in text
    assert "tried in vain: " in text


def test_the_kernel_says_of_every_thread_of_the_daemon_that_it_has_no_rights(serving):
    threads = [int(each.name) for each in Path(f"/proc/{serving.daemon}/task").iterdir()]
    assert len(threads) > 1
    for each in threads:
        status = facts(each)
        assert "0" not in {*status["Uid"], *status["Gid"]}
        assert status["Groups"] == []
        assert {int(*status[kind], base=16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
        assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])
    assert facts(serving.warden)["Uid"] == ["0"] * 4


def test_files_with_secrets_are_not_for_the_daemons_user_and_none_is_open_in_it(serving):
    user = int(facts(serving.daemon)["Uid"][0])
    node = serving.gateway.node
    for name in ("/etc/shadow", PSK_FILE, f"{CERTIFICATES}/vpngw.key"):
        found = node.path(name).stat()
        assert found.st_uid != user
        assert found.st_mode & 0o077 == 0
    opened = [str(each.readlink()) for each in Path(f"/proc/{serving.daemon}/fd").iterdir()]
    assert opened
    assert [each for each in opened if each.startswith("/etc/")] == []


def test_the_daemons_environment_is_what_an_interpreter_needs(serving):
    names = {
        each.split(b"=")[0].decode()
        for each in Path(f"/proc/{serving.daemon}/environ").read_bytes().split(b"\0")
        if each
    }
    assert {name for name in names if name not in KEPT and not name.startswith(KEPT_KINDS)} == set()


def test_no_secret_is_in_the_memory_of_the_daemon(serving):
    """Numbers lie in it with either end first."""
    node = serving.gateway.node
    key = load_pem_private_key(node.path(f"{CERTIFICATES}/vpngw.key").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    numbers = key.private_numbers()
    primes = [each.to_bytes((each.bit_length() + 7) // 8, "big") for each in (numbers.p, numbers.q, numbers.d)]
    secrets = [octets for each in primes for octets in (each, each[::-1])]
    digest = node.path(USERS).read_bytes().rsplit(b"$", 1)[1].strip()
    others = [PSK.encode(), digest]
    public = key.public_key().public_numbers().n.to_bytes(key.key_size // 8, "big")
    warden, daemon = (found_in(pid, [*secrets, *others, public]) for pid in (serving.warden, serving.daemon))
    assert any(each in warden for each in secrets)
    assert daemon == {public}  # of the certificate, which every client is told
