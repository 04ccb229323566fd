"""Which processes the program is, as the kernel and the first steps of a daemon tell it."""

from __future__ import annotations

import os
import subprocess
import sys

from lotor.confinement.capabilities import held, name
from lotor.confinement.unprivileged import GivenUp
from lotor.daemon.processes import alone, both
from lotor.warden.about import about


def test_one_process_tells_what_the_kernel_knows_of_it():
    (view,) = alone()
    assert (view["name"], view["pid"], view["calls"], view["refused"]) == ("single", os.getpid(), "", [])
    assert view["capabilities"] == sorted(map(name, held()))


def test_the_warden_takes_signals_and_the_daemon_has_no_rights():
    given_up = GivenUp("lotor", "vpn", 6, "daemon", ("to become root",))
    warden, daemon = both(about(), given_up)
    assert [warden["name"], daemon["name"]] == ["warden", "daemon"]
    assert daemon["capabilities"] == []
    assert (daemon["user"], daemon["group"], daemon["landlock"], daemon["calls"]) == ("lotor", "vpn", 6, "daemon")
    assert daemon["refused"] == ["to become root"]
    assert warden["landlock"] == 0


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
