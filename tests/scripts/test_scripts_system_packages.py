"""What setting lotor up does to the machine, with a package manager and a service manager that only write down what
they are asked to do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "system-packages.sh"
MAKEFILE = SCRIPT.parents[1] / "Makefile"
BORROWED = ("sh", "cut", "rm", "mkdir", "cat", "chmod", "ln")
SERVICES = (
    "strongswan-starter.service",
    "ipsec.service",
    "firewalld.service",
    "freeradius.service",
    "slapd.service",
    "fail2ban.service",
    "postgresql.service",
)
IKE_DAEMONS = ("strongswan", "charon", "libreswan", "racoon")
"""vpnc is none: it has no service, and runs while a person is connected."""
MASK = f"systemctl mask --quiet {' '.join(SERVICES)}"
STOP = f"systemctl stop {' '.join(SERVICES)}"


class Machine:
    """A directory in place of /, and commands that note how they were called. `installed`: what dpkg knows."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin, self.notes = root, root / "bin", root / "notes"
        self.policy = root / "usr/sbin/policy-rc.d"
        self.bin.mkdir(parents=True)
        self.notes.touch()
        for name in BORROWED:
            (self.bin / name).symlink_to(shutil.which(name))
        self.fake("id", "echo 0")
        self.fake("cargo", "echo cargo 1.90.0")
        self.fake("dpkg-query", f'[ -e "{root}/dpkg/$3" ] && echo "install ok installed"')
        policy = f'[ -x "{self.policy}" ] && "{self.policy}" ipsec start; echo "starting ipsec: $?" >>"{self.notes}"'
        self.fake("apt-get", self.noting("apt-get") + f"[ $1 = install ] || exit 0\n{policy}\n")
        self.fake("systemctl", self.noting("systemctl"))

    def noting(self, name: str) -> str:
        return f'echo "{name} $*" >>"{self.notes}"\n'

    def fake(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def install(self, package: str) -> None:
        (self.root / "dpkg").mkdir(exist_ok=True)
        (self.root / "dpkg" / package).touch()

    def run(self, *groups: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "LOTOR_SYSTEM_ROOT": str(self.root)}
        words = [str(self.bin / "sh"), str(SCRIPT), *groups]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=environment)

    def noted(self) -> list[str]:
        return self.notes.read_text().splitlines()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "root")


def packages_of(line):
    return line.split("--no-remove ")[1].split()


def test_newcomer_1_building_and_running_lotor_brings_no_other_ike_daemon(machine):
    done = machine.run("build")
    assert done.returncode == 0, done
    update, install, _ = machine.noted()
    assert update == "apt-get update -q"
    packages = packages_of(install)
    assert {"python3-venv", "gcc", "nftables"} <= set(packages)
    assert not [each for each in packages if each.startswith(IKE_DAEMONS)]


def test_newcomer_1_the_demo_brings_no_other_ike_daemon(machine):
    """And the server of logins that it brings never starts by itself."""
    machine.run("build", "lab")
    before, _, install, _, after = machine.noted()
    assert before == after == "systemctl mask --quiet freeradius.service"
    packages = packages_of(install)
    assert {"socat", "vpnc", "freeradius"} <= set(packages)
    assert not [each for each in packages if each.startswith(IKE_DAEMONS)]
    assert packages.count("nftables") == 1


def test_the_demo_of_a_fleet_brings_a_database_that_is_masked(machine):
    machine.run("lab", "fleet")
    before, _, install, *_ = machine.noted()
    assert before == "systemctl mask --quiet freeradius.service postgresql.service"
    assert {"freeradius", "postgresql"} <= set(packages_of(install))


def test_newcomer_1_peers_of_the_tests_are_masked_before_they_are_installed(machine):
    done = machine.run("lab", "test")
    assert done.returncode == 0, done
    before, update, install, started, after = machine.noted()
    assert (before, update, after) == (MASK, "apt-get update -q", MASK)
    assert {"strongswan-charon", "vpnc"} <= set(packages_of(install))
    assert started == "starting ipsec: 101"
    assert "masked: systemctl unmask strongswan-starter.service ipsec.service" in done.stdout
    assert not machine.policy.exists()


def test_newcomer_1_an_installation_that_fails_leaves_no_policy_behind(machine):
    machine.fake("apt-get", machine.noting("apt-get") + "exit 100")
    assert machine.run("test").returncode != 0
    assert machine.noted()[0] == MASK
    assert not machine.policy.exists()


def test_newcomer_1_a_policy_of_the_administrator_stays(machine):
    (machine.root / "run/systemd/system").mkdir(parents=True)
    machine.policy.parent.mkdir(parents=True)
    machine.policy.write_text("#!/bin/sh\nexit 104\n")
    machine.policy.chmod(0o755)
    assert machine.run("test").returncode == 0
    assert machine.policy.read_text() == "#!/bin/sh\nexit 104\n"
    assert machine.noted()[-2:] == [MASK, STOP]


@pytest.mark.parametrize("there", ["strongswan-starter", "strongswan-charon"])
def test_newcomer_1_a_strongswan_of_the_administrator_is_left_alone(machine, there):
    machine.install(there)
    assert machine.run("test").returncode == 0
    assert not [line for line in machine.noted() if line.startswith("systemctl") and "strongswan" in line]
    assert not machine.policy.exists()


@pytest.mark.parametrize("there", ["firewalld", "freeradius", "slapd", "fail2ban", "postgresql"])
def test_a_firewall_or_a_server_of_logins_of_the_administrator_is_left_alone(machine, there):
    machine.install(there)
    assert machine.run("test").returncode == 0
    assert not [line for line in machine.noted() if there in line and line.startswith("systemctl")]


def test_newcomer_1_without_systemd_the_services_are_masked_all_the_same(machine):
    (machine.bin / "systemctl").unlink()
    machine.fake("update-rc.d", machine.noting("update-rc.d"))
    (machine.root / "etc/init.d").mkdir(parents=True)
    (machine.root / "etc/init.d/ipsec").touch(0o755)
    (machine.root / "etc/init.d/slapd").touch(0o755)
    assert machine.run("test").returncode == 0
    for service in SERVICES:
        assert (machine.root / "etc/systemd/system" / service).readlink() == Path("/dev/null")
    assert machine.noted()[-2:] == ["update-rc.d ipsec disable", "update-rc.d slapd disable"]


def test_who_is_not_root_is_told_what_is_missing(machine):
    machine.fake("id", "echo 1000")
    done = machine.run("build")
    assert done.returncode == 1
    assert "sudo" in done.stderr
    assert "python3-venv" in done.stderr
    assert machine.noted() == []


def test_what_is_there_is_not_installed_again(machine):
    for name in ("ip", "ping", "ps", "nsenter", "nft", "socat", "vpnc", "freeradius"):
        machine.fake(name, "")
    assert machine.run("lab").returncode == 0
    assert machine.noted() == []


def test_newcomer_1_make_installs_peers_for_the_tests_alone():
    """`make setup` and `make demo` reach no group but those that bring no IKE daemon."""
    for target, groups in (("setup", {"build"}), ("demo", {"build", "lab"}), ("unit", {"build", "lab", "test"})):
        asked = subprocess.run(
            ["make", "-n", "-B", target], cwd=MAKEFILE.parent, capture_output=True, text=True, timeout=60, check=True
        )
        calls = [line.split("system-packages.sh")[1] for line in asked.stdout.splitlines() if "system-packages" in line]
        assert {word for call in calls for word in call.split()} == groups
        assert "apt-get" not in asked.stdout
