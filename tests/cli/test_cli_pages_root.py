"""What pages tell to type is typed: a backup that brings a gateway back, a move from racoon, users day by day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lab import lotor, pki
from lab.lotor import Lotor
from lab.node import CommandError, Node

pytestmark = pytest.mark.root

DOCS = Path(__file__).parents[2] / "docs"
CONFIGURATION = "/etc/lotor/racoon.conf"
KEPT = "find /etc/lotor -printf '%p %m %u %g %s\\n' | sort; sha256sum $(find /etc/lotor -type f | sort)"
HOME = "/run/home"
PASSWORDS = """
case "$*" in
*--password-stdin* | *--generate*) program "$@" ;;
"user add "* | "user passwd "*) echo "a good password" | program "$1" "$2" --password-stdin "$3" ;;
*) program "$@" ;;
esac
"""
"""A person would be asked."""


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """Without a lotor; /var/lib would be that of the machine."""
    with closing(Node("old", tmp_path)) as old, closing(Node("new", tmp_path)) as new:
        for node in (old, new):
            node.run("sh", "-ec", f"mount -t tmpfs tmpfs /var/lib; rm -rf /etc/lotor /etc/racoon; mkdir {HOME}")
        yield old, new


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


def lines(page: str, heading: str, *programs: str) -> list[str]:
    """Those below a heading, up to the next one, that begin with one of the programs, without what they say of
    themselves."""
    section = re.split(rf"\n##+ {re.escape(heading)}\n", (DOCS / page).read_text())[1].split("\n##")[0]
    found = re.findall(r"^    (.*?)(?: +#.*)?$", section, re.MULTILINE)
    return [line for line in found if line.split()[0] in programs]


def type_(node: Node, text: str) -> str:
    """As root at home, with the program by its name."""
    program = " ".join(lotor.PROGRAM)
    shell = f'program() {{ {program} "$@"; }}\nlotor() {{ {PASSWORDS} }}\ncd {HOME}\n{text}'
    return node.run("sh", "-ec", shell).stdout


def test_a_gateway_comes_back_from_its_backup_on_another_host(hosts: tuple[Node, Node]) -> None:
    backup, restore = blocks("backup.md", "sh")
    old, new = hosts
    for words in ('pki ca -d {} "Example VPN CA"', "pki gateway -d {} vpn.example.net 192.0.2.50"):
        type_(old, f"lotor {words.format('/etc/lotor/certs')}")
    old.write(CONFIGURATION, blocks("gateway.md", "racoon")[0])
    type_(old, "lotor user add alice")
    old.write("/var/lib/lotor/init.record", "{}")
    type_(old, backup)
    saved = f"{HOME}/lotor-backup.tar.gz"
    assert type_(old, f"stat -c %a {saved}") == "600\n"
    new.write(saved, old.path(saved).read_bytes())
    with pytest.raises(CommandError):
        type_(new, "lotor check")
    type_(new, restore)
    assert type_(new, KEPT) == type_(old, KEPT)
    assert type_(new, "lotor user list") == "alice\n"
    assert new.path("/var/lib/lotor/init.record").read_text() == "{}"


def test_racoons_files_are_looked_at_tried_and_moved(hosts: tuple[Node, Node], tmp_path: Path) -> None:
    """What stops and starts services is for a host that has some."""
    host, _ = hosts
    pki.gateway(pki.authority(), "192.0.2.50").save(tmp_path, "vpngw")
    lotor.gateway(host, tmp_path)
    typed = lines("moving.md", "From racoon", "lotor", "cp")
    *trying, running, moving = typed
    assert running == "lotor daemon -F -f /etc/racoon/racoon.conf"
    for line in trying:
        type_(host, line)
    program = Lotor(host)
    assert program.start() is not None  # with that file
    assert program.stop() == 0
    type_(host, moving)
    type_(host, "lotor check; cmp /etc/racoon/racoon.conf /etc/lotor/racoon.conf")


def test_users_day_by_day(hosts: tuple[Node, Node]) -> None:
    host, _ = hosts
    host.write(f"{HOME}/bob.password", "a good password\n")
    own = lines("users.md", "lotor's own users", "lotor")
    assert len(own) == 9
    for line in own:
        if "--now" not in line:
            type_(host, line)
            continue
        with pytest.raises(CommandError, match="cannot tell whether alice is still connected") as alone:
            type_(host, line)
        assert alone.value.code == 3  # no daemon runs here
    assert type_(host, "lotor user list") == "bob\ncarol\n"
    accounts = lines("users.md", "Accounts of the host", "useradd", "passwd", "chage")
    groups = lines("users.md", "Groups", "groupadd", "gpasswd")
    assert (len(accounts), len(groups)) == (5, 2)
    asked = "passwd carol"
    assert asked in accounts
    type_(host, "\n".join("echo carol:good | chpasswd" if line == asked else line for line in accounts + groups))
    assert "vpn:x:" in type_(host, "grep carol /etc/group")


def test_facts_a_second_factor_and_tables_of_users(hosts: tuple[Node, Node]) -> None:
    host, _ = hosts
    type_(host, "lotor user add alice")
    rows = lines(
        "users.md", "Many at once", "name,password,groups,address,expires", "@crew,,,,", "dora,a", "emil,,crew,,"
    )
    host.write(f"{HOME}/new.csv", "\n".join(rows))
    host.write(f"{HOME}/changes.csv", "name,groups\nalice,sales\n")
    headings = ("Addresses, networks, limits and the last day", "A second factor", "Many at once")
    typed = [line for heading in headings for line in lines("users.md", heading, "lotor")]
    assert len(typed) == 16
    for line in typed:
        type_(host, line)
    assert type_(host, "lotor user list") == "alice\ndora\nemil\n"
    told = type_(host, "lotor user show alice")
    assert "sales" in told
    assert "staff" not in told  # which wants a second factor that she has no more
    assert "$argon2id" not in host.path(f"{HOME}/users.csv").read_text()
    assert "$argon2id" in host.path(f"{HOME}/backup.csv").read_text()
