"""What docs/backup.md says to keep is kept, and brings a gateway back on another host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab import lotor
from lab.internet import Internet
from lab.lotor import Lotor
from lab.node import Node

pytestmark = pytest.mark.root

PAGE = Path(__file__).parents[2] / "docs" / "backup.md"
CONFIGURATION = "/etc/lotor/racoon.conf"
GATEWAY_PAGE = PAGE.with_name("gateway.md")
KEPT = "find /etc/lotor -printf '%p %m %u %g %s\\n' | sort; sha256sum $(find /etc/lotor -type f | sort)"


def blocks(page: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def type_(node: Node, text: str) -> None:
    """As root at home, with the program by its name."""
    program = " ".join(lotor.PROGRAM)
    node.run("sh", "-ec", f'lotor() {{ {program} "$@"; }}\ncd /run\n{text}')


def state(node: Node) -> str:
    return node.run("sh", "-ec", KEPT).stdout


def test_a_gateway_comes_back_from_its_backup_on_another_host() -> None:
    backup, restore = blocks(PAGE, "sh")
    with Internet() as internet:
        old, new = internet.gateway, internet.inside
        for node in (old, new):  # /var/lib is that of the machine
            node.run("sh", "-ec", "mount -t tmpfs tmpfs /var/lib; rm -rf /etc/lotor")
        gateway = Lotor(old)
        for words in (("ca", "Example VPN CA"), ("gateway", "vpn.example.net", "192.0.2.50")):
            assert gateway.call("pki", words[0], "-d", "/etc/lotor/certs", *words[1:]).code == 0
        old.write(CONFIGURATION, blocks(GATEWAY_PAGE, "racoon")[0])
        lotor.add_user(gateway, "alice", "alicepass")
        old.write("/var/lib/lotor/init.record", "{}")
        type_(old, backup)
        assert old.run("stat", "-c", "%a", "/run/lotor-backup.tar.gz").stdout.strip() == "600"
        new.write("/run/lotor-backup.tar.gz", old.path("/run/lotor-backup.tar.gz").read_bytes())
        with pytest.raises(lotor.LabError):
            type_(new, "lotor check")
        type_(new, restore)
        assert state(new) == state(old)
        assert Lotor(new).call("user", "list").stdout == "alice\n"
        assert new.path("/var/lib/lotor/init.record").read_text() == "{}"
