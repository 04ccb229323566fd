"""A gateway with the rights of a container: Docker's usual capabilities and NET_ADMIN, one device, `/proc/sys` that
nobody can write, no way to gain a right, and as the first process of all."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from halting import command, family, state
from lab import lotor, pki
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.lotor import CONFIGURATION, PROGRAM, Lotor
from lab.node import Running, wait_until

pytestmark = pytest.mark.root

GIVEN = (
    "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod,"
    "audit_write,setfcap"
)
CONTAINER = """
set -eu
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mkdir -p /run/device
mount -t tmpfs tmpfs /run/device
for name in null zero random urandom tty; do touch /run/device/$name; mount --bind /dev/$name /run/device/$name; done
mkdir /run/device/net
if [ "$TUN" = yes ]; then touch /run/device/net/tun; mount --bind /dev/net/tun /run/device/net/tun; fi
ln -s /proc/self/fd /run/device/fd
mount --rbind /run/device /dev
exec setpriv --no-new-privs --inh-caps=-all --ambient-caps=-all --bounding-set=-all,$RIGHTS "$@"
"""
LINGERS = "#!/bin/sh\n(sleep 0.2; echo lingered >/run/lingered) >/dev/null 2>&1 &\nexit 3\n"


def contained(node, *words: str, rights: str = f"{GIVEN},net_admin", tun: str = "yes") -> Running:
    """A program as the first process of a container on a node."""
    told = ",".join(f"+{each}" for each in rights.split(","))
    new = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    return node.start(
        "lotor", *new, "sh", "-c", CONTAINER, "sh", *PROGRAM, *words, environment={"RIGHTS": told, "TUN": tun}
    )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    authority = pki.authority()
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY, "gw.example.org").save(directory, "vpngw")
    return directory


@pytest.fixture(scope="module")
def net() -> Iterator[Internet]:
    with Internet() as net:
        yield net


@pytest.fixture(scope="module")
def gateway(net: Internet, certificates: Path) -> Lotor:
    program = lotor.gateway(net.gateway, certificates)
    lotor.add_user(program, "alice", "alicepass")
    return program


DAEMON = ("daemon", "-F", "-f", CONFIGURATION)


@pytest.mark.parametrize(
    ("rights", "tun", "code", "told"),
    [
        (
            GIVEN,
            "yes",
            5,
            "root lacks CAP_NET_ADMIN here: in a container add --cap-add NET_ADMIN --device /dev/net/tun",
        ),
        ("net_admin,net_bind_service", "yes", 5, "give lotor these capabilities, or start it with --single-process"),
        (f"{GIVEN},net_admin", "no", 6, "/dev/net/tun"),
    ],
)
def test_what_a_container_lacks_is_said(gateway: Lotor, rights: str, tun: str, code: int, told: str) -> None:
    running = contained(gateway.node, *DAEMON, rights=rights, tun=tun)
    assert running.process.wait(60) == code
    assert told in running.text()


def test_a_gateway_in_a_container_serves_and_leaves_no_zombie(
    net: Internet, gateway: Lotor, certificates: Path
) -> None:
    gateway.node.write("/etc/racoon/lingers.sh", LINGERS, 0o755)
    text = gateway.node.path(CONFIGURATION).read_text()
    gateway.configure(text.replace("remote anonymous {", 'remote anonymous { script "lingers.sh" phase1_up;', 1))
    running = contained(gateway.node, *DAEMON)
    running.expect("lotor serves with")
    client = lotor.client(net.clients[0], certificates)
    client.start()
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, running.text()
    assert ping(client.node, INSIDE_HOST)
    # The warden hears how its script ended, and the first process reaps what the script left.
    running.expect("lingers.sh phase1_up ended with status 3")
    assert wait_until(lambda: gateway.node.path("/run/lingered").exists())
    first = next(pid for pid in family(running.process.pid) if "python" in command(pid))
    assert wait_until(lambda: not [pid for pid in family(first) if state(pid) == "Z"])
    os.kill(first, signal.SIGTERM)
    assert running.process.wait(60) == 0
    assert "lotor stops" in running.text()
