"""The units and scripts that a package brings, judged by the programs that will read them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lotor.config.privsep import ACCOUNTS
from lotor.config.tables.root import DEFAULT_STORE
from lotor.confinement.hardening import FOR_DAEMON, FOR_PAM, OWN
from lotor.daemon.exits import Exit
from lotor.hosts.journal import STATE_DIRECTORY
from lotor.warden.supervise import LONGEST_START, PATIENCE

PACKAGING = Path(__file__).parents[2] / "packaging"
UNITS = sorted((PACKAGING / "systemd").glob("*.service"))
RENEWAL = "lotor-acme.service"
"""A command that a timer types; it is no daemon, and brings no tunnel up."""
DAEMONS = [each for each in UNITS if each.name != RENEWAL]


def values(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


@pytest.fixture(params=UNITS, ids=lambda unit: unit.name)
def unit(request):
    return request.param


@pytest.fixture(params=DAEMONS, ids=lambda unit: unit.name)
def daemon(request):
    return request.param


def test_systemd_finds_nothing_wrong(unit, tmp_path):
    copy = tmp_path / unit.name.replace("@", "@work")
    copy.write_text(unit.read_text().replace("/usr/bin/lotor", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_bounds_are_those_of_a_warden(daemon):
    told = {each.removeprefix("CAP_") for line in values(daemon, "CapabilityBoundingSet") for each in line.split()}
    pam = FOR_PAM if daemon.name == "lotor.service" else frozenset()
    assert told == {each.name for each in OWN | FOR_DAEMON | pam}


def test_the_renewal_of_certificates_has_no_right_of_a_tunnel():
    (line,) = values(PACKAGING / "systemd" / RENEWAL, "CapabilityBoundingSet")
    told = {each.removeprefix("CAP_") for each in line.split()}
    assert told < {each.name for each in OWN | FOR_DAEMON}
    assert not told & {"NET_ADMIN", "NET_RAW"}


def test_a_start_that_cannot_succeed_is_not_tried_again(daemon):
    (codes,) = values(daemon, "RestartPreventExitStatus")
    assert set(map(int, codes.split())) == {Exit.USAGE, Exit.CONFIGURATION, Exit.NOT_ROOT}


def test_the_manager_is_more_patient_than_the_warden(daemon):
    ((start,), (stop,)) = values(daemon, "TimeoutStartSec"), values(daemon, "TimeoutStopSec")
    assert int(start) > LONGEST_START
    assert int(stop) > PATIENCE


def test_what_is_to_be_undone_after_a_crash_outlives_the_service(daemon):
    assert values(daemon, "RuntimeDirectory") == [STATE_DIRECTORY.parent.name]
    assert values(daemon, "RuntimeDirectoryPreserve") == ["yes"]


def test_the_account_is_the_one_that_the_daemon_looks_for():
    (line,) = re.findall(r"^u (\S+) ", (PACKAGING / "sysusers/lotor.conf").read_text(), re.MULTILINE)
    assert line == ACCOUNTS[0]


def test_the_directories_are_those_of_the_program():
    made = dict(re.findall(r"^d (\S+) (\d+) ", (PACKAGING / "tmpfiles/lotor.conf").read_text(), re.MULTILINE))
    assert made == {str(STATE_DIRECTORY.parent): "0755", str(DEFAULT_STORE.path.parent): "0700"}


def test_a_gateway_may_write_its_store():
    unit = PACKAGING / "systemd" / "lotor.service"
    names = values(unit, "StateDirectory"), values(unit, "StateDirectoryMode")
    assert names == ([DEFAULT_STORE.path.parent.name], ["0700"])


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_script_for_openrc_can_be_read(shell):
    subprocess.run([shutil.which(shell), "-n", PACKAGING / "openrc" / "lotor"], check=True, timeout=60)
