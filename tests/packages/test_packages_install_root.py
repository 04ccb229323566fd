"""The Debian package in fresh roots of Debian 12 and 13: README's lines, an upgrade, a removal while a tunnel is up, a
purge, and what is there before and after."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from lab.debian import HOME, Debian, fresh
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.node import only_child, wait_until

PROJECT = Path(__file__).parents[2]
pytestmark = [pytest.mark.root, pytest.mark.package]

PASSWORD = "a good password"
CONNECTED = "Ctrl-C ends it"
MEGABYTES = 60
"""What lotor may take of a host that has nothing yet, by apt's count."""
EVERYTHING = "APT::AutoRemove::RecommendsImportant=false"
"""Otherwise apt keeps what came with lotor and what some other package of the root would like to have."""
RECORDER = """#!/bin/sh
echo "$*" >>/run/asked
case "$*" in *list-units*) echo 'lotor.service loaded active running' ;; *show*) echo 'LoadState=loaded' ;; esac
"""
CHANGED_BY_OTHERS = {
    *("/etc/ld.so.cache", "/etc/resolv.conf", "/etc/hosts", "/etc/networks"),
    *("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"),
}
"""Not what lotor leaves: a cache, files of the test or of Debian's netbase, the copies of each change of accounts."""


@pytest.mark.timeout(900)  # most of it waits for the disk and for Debian's mirror
@pytest.mark.parametrize(
    "suite", [pytest.param(each, marks=pytest.mark.xdist_group(each)) for each in ("bookworm", "trixie")]
)
def test_from_a_fresh_debian_to_a_purged_one(deb, postgresql_deb, suite, tmp_path):
    new = fresh(suite, tmp_path / "gateway")
    before = new.files()
    said = new.install(deb)
    a_driver(new, postgresql_deb)
    assert float(re.search(r"(?:After this operation, |Space needed: )([\d.]+) MB", said)[1]) < MEGABYTES
    with Internet() as internet:
        internet.inside.ip("route", "del", "default")  # no way back to the clients' addresses but masquerading
        internet.gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        client = new.copy(tmp_path / "client", internet.client)
        gateway = Debian(tmp_path / "gateway", suite, internet.gateway)
        nothing_runs(gateway)
        samples_are_read(gateway)
        a_gateway(gateway)
        a_client(client, gateway)
        upgraded(gateway, deb, tmp_path)
        removed_under_a_tunnel(gateway, client)
        removed_after_a_kill(client)
        purged(gateway, before)


def a_driver(host, package):
    """That of a fleet comes and goes without a trace, and only lotor sees it."""
    before = host.files()
    host.install(package)
    inside = ("chroot", str(host.directory))
    asked = ("-c", "import asyncpg; print(asyncpg.__version__)")
    done = subprocess.run(
        [*inside, "/usr/lib/lotor/bin/python3", "-I", *asked], capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"[\d.]+\n", done.stdout)
    assert subprocess.run([*inside, "/usr/bin/python3", *asked], capture_output=True, check=False).returncode != 0
    host.path(f"{HOME}/{package.name}").unlink()
    host.apt("purge", "lotor-postgresql")
    after = host.files()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed - CHANGED_BY_OTHERS == set()


def nothing_runs(host):
    """Nor does it listen. The first process of a node reaps nobody."""
    assert [each for each in host.node.processes() if not each.endswith("<defunct>")] == []
    sockets = host.shell("cat /proc/net/udp /proc/net/tcp /proc/net/udp6 /proc/net/tcp6").splitlines()
    assert not [line for line in sockets if "local_address" not in line]


def samples_are_read(host):
    checked = host.run("lotor", "check", "/usr/share/doc/lotor/examples/howto/client/racoon.conf", check=False)
    assert "error" in checked.stdout + checked.stderr  # the certificate that it names is not here
    assert "ca.crt" in checked.stdout + checked.stderr
    assert host.run("racoonctl", "--help").code == 0
    assert host.run("sh", "-c", "PYTHONPATH=/nowhere PYTHONHOME=/nowhere lotor --version").stdout.startswith("lotor ")


def lines(heading):
    """README's, but for the one that the installation above was."""
    text = (PROJECT / "README.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    typed = re.findall(r"^    (.*)$", text, re.MULTILINE)
    assert typed[0].startswith("sudo apt install ./lotor_")
    return typed[1:]


def a_gateway(host):
    """README's lines, by a person who takes what is proposed. No systemd runs here: the daemon is started by hand."""
    setting_up, looking = lines("A gateway in three lines")
    with host.type(setting_up) as terminal:
        for question, answer in (("Inner network", ""), ("What clients reach", ""), ("DNS servers", "none")):
            terminal.expect(question)
            terminal.type(answer)
        terminal.expect("first user")
        terminal.type("alice")
        terminal.expect("Clients [")
        terminal.type("")
        for _ in range(2):
            terminal.expect("assword: ")
            terminal.screen = ""
            terminal.type(PASSWORD)
        assert terminal.end() == 0, terminal.screen
    assert host.run("lotor", "check").code == 0
    assert host.run("lotor", "daemon").code == 0
    with host.type(looking) as terminal:
        assert terminal.end() == 0, terminal.screen
    processes = host.shell("cat /proc/[0-9]*/status")
    uid = host.shell("id -u lotor").strip()
    assert re.search(rf"^Uid:\t{uid}\t{uid}\t", processes, re.MULTILINE)


def a_client(host, gateway):
    (connecting,) = lines("A client in two lines")
    authority = gateway.path("/etc/lotor/certs/ca.crt").read_bytes()
    host.path(f"{HOME}/ca.crt").write_bytes(authority)
    with host.path("/etc/hosts").open("a") as file:
        file.write(f"\n{GATEWAY} vpn.example.net\n")
    terminal = connected(host, connecting)
    os.kill(only_child(only_child(terminal.process.pid)), signal.SIGINT)
    assert terminal.end() == 0, terminal.screen
    terminal.close()


def connected(host, line):
    terminal = host.type(line)
    terminal.expect("assword: ")
    terminal.type(PASSWORD)
    terminal.expect(CONNECTED)
    assert wait_until(lambda: ping(host.node, INSIDE_HOST))
    return terminal


def upgraded(host, deb, directory):
    """By hand nothing is restarted. Where systemd runs, the service is, unless the host's policy says no."""
    newer = directory / "newer.deb"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, directory / "newer"], check=True)
    control = directory / "newer" / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: .*$", r"\g<0>.1", control.read_text(), flags=re.MULTILINE))
    subprocess.run(["dpkg-deb", "-Znone", "--build", directory / "newer", newer], check=True, stdout=subprocess.DEVNULL)
    host.path(f"{HOME}/newer.deb").write_bytes(newer.read_bytes())
    kept = settings_of(host)
    daemon = host.shell("cat /run/lotor/lotor.pid").strip()
    said = host.shell(f"dpkg --install {HOME}/newer.deb")
    assert f"process {daemon} (lotor daemon) is of the version before: start it anew" in said
    with_systemd(host)
    host.shell(f"dpkg --install {HOME}/newer.deb")
    asked = host.shell("cat /run/asked")
    assert re.search(r"restart.* lotor\.service$|restart lotor\.service", asked, re.MULTILINE), asked
    host.shell(
        "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; rm /run/asked"
    )
    host.shell(f"dpkg --install {HOME}/newer.deb")
    assert "restart" not in host.shell("cat /run/asked")
    host.shell("rm /usr/sbin/policy-rc.d; umount /usr/bin/systemctl; rmdir /run/systemd/system")
    assert settings_of(host) == kept
    assert host.shell("cat /run/lotor/lotor.pid").strip() == daemon


def with_systemd(host):
    """A service manager that notes what it is asked, and says that lotor's service runs."""
    host.shell("mkdir -p /run/systemd/system")
    host.path(f"{HOME}/recorder").write_text(RECORDER)
    host.shell(f"chmod 755 {HOME}/recorder; mount --bind {HOME}/recorder /usr/bin/systemctl")


def settings_of(host):
    return {name: seen for name, seen in host.files().items() if name.startswith("/etc/lotor/")}


def removed_under_a_tunnel(gateway, client):
    """The gateway's package, while a client is connected: the client is told, and nothing stays but the settings."""
    terminal = connected(client, lines("A client in two lines")[0])
    kept = settings_of(gateway)
    gateway.run("dpkg", "--remove", "lotor")
    nothing_runs(gateway)
    left(gateway)
    assert gateway.path("/etc/lotor/racoon.conf").exists()
    assert settings_of(gateway) == kept
    assert not gateway.path("/usr/lib/lotor").exists()
    assert terminal.end() != 0
    terminal.close()
    gateway.shell(f"dpkg --install {HOME}/newer.deb && lotor daemon")


def removed_after_a_kill(client):
    """The client's package, after its processes were killed: what they left on the host is undone."""
    resolver = client.path("/etc/resolv.conf").read_bytes()
    terminal = connected(client, lines("A client in two lines")[0])
    client.shell(
        "for each in $(grep -l '[l]otor' /proc/[0-9]*/cmdline | cut -d / -f 3); do kill -KILL $each || :; done"
    )
    terminal.end()
    terminal.close()
    assert "lotor" in client.node.run("nft", "list", "tables").stdout or client.shell("ls /run/lotor/hosts")
    client.run("dpkg", "--remove", "lotor")
    nothing_runs(client)
    left(client)
    assert client.path("/etc/resolv.conf").read_bytes() == resolver
    assert ping(client.node, GATEWAY)


def left(host):
    """Nothing of devices, rules, routes or tables is."""
    assert "lotor" not in host.node.ip("link")
    assert [line.split(":")[0] for line in host.node.ip("rule").splitlines()] == ["0", "32766", "32767"]
    assert "unreachable" not in host.node.ip("route", "show", "table", "all")
    assert host.node.run("nft", "list", "tables").stdout == ""


def purged(host, before):
    """With what came along for it: the files are those of the fresh root, and of packages that apt keeps."""
    host.shell(f"rm -f {HOME}/*; apt-get -q -y -o {EVERYTHING} purge --auto-remove lotor")
    nothing_runs(host)
    left(host)
    after = host.files()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    debians = set(host.shell("cat /var/lib/dpkg/info/*.list").splitlines())
    assert changed - CHANGED_BY_OTHERS - (debians - before.keys()) == set()
    assert host.run("ls", "/run/lotor", check=False).code != 0
