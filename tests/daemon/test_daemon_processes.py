"""Which processes the program is, as the kernel and the first steps of a daemon tell it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime

from lotor.confinement.capabilities import held, name
from lotor.confinement.unprivileged import GivenUp
from lotor.daemon.processes import alone, both
from lotor.privsep.backing import Confined, Serving
from lotor.warden.about import about


def looked(processes):
    views, remarks = asyncio.run(processes.look())
    assert remarks == []
    return views


def test_one_process_tells_what_the_kernel_knows_of_it():
    (view,) = looked(alone())
    assert (view["name"], view["pid"], view["calls"], view["refused"]) == ("single", os.getpid(), "", [])
    assert view["capabilities"] == sorted(map(name, held()))


def test_the_warden_takes_signals_and_the_daemon_has_no_rights():
    given_up = GivenUp("lotor", "vpn", 6, "daemon", ("to become root",))
    warden, daemon = looked(both(about(), given_up))
    assert [warden["name"], daemon["name"]] == ["warden", "daemon"]
    assert daemon["capabilities"] == []
    assert (daemon["user"], daemon["group"], daemon["landlock"], daemon["calls"]) == ("lotor", "vpn", 6, "daemon")
    assert daemon["refused"] == ["to become root"]
    assert warden["landlock"] == 0


def test_the_process_of_back_ends_is_told_while_there_is_one():
    told: list[Serving | None] = [None]

    async def beyond():
        return told[0]

    given_up = GivenUp("lotor", "vpn", 6, "daemon", ("to become root",))
    processes = both(about(), given_up, beyond)
    assert len(looked(processes)) == 2
    confined = Confined(77, "lotor", "vpn", 6, "daemon", ("to become root",))
    told[0] = Serving(confined, ("logins by RADIUS",), 90.0, 0)
    third = looked(processes)[2]
    assert (third["name"], third["pid"], third["serves"]) == ("back-ends", 77, ["logins by RADIUS"])
    assert (third["capabilities"], third["refused"]) == ([], ["to become root"])
    age = datetime.now(UTC) - datetime.fromisoformat(third["since"])
    assert age.total_seconds() >= 90
    told[0] = Serving(None, ("logins by RADIUS",), 0.0, 1)
    views, remarks = asyncio.run(processes.look())
    assert len(views) == 2
    assert "about to be started again" in remarks[0]


def test_whether_programs_may_gain_rights_is_asked_of_the_kernel():
    program = "from lotor.warden.about import about; print(about().gains)"
    words = [sys.executable, "-c", program]
    found = [
        subprocess.run([*before, *words], capture_output=True, text=True, check=True, timeout=60).stdout
        for before in ([], ["setpriv", "--no-new-privs"])
    ]
    assert found == ["True\n", "False\n"]


def test_capabilities_have_the_names_of_the_manual():
    assert [name(number) for number in (0, 7, 12, 40, 63)] == [
        "chown",
        "setuid",
        "net_admin",
        "checkpoint_restore",
        "63",
    ]
