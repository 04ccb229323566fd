"""What each process loads: a start waits for it, and it stays in memory for as long as the program runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

STRAY = frozenset(
    {
        *("argparse", "bz2", "concurrent.futures.process", "csv", "ftplib", "http", "lzma", "multiprocessing"),
        *("optparse", "pdb", "pydoc", "tarfile", "tempfile", "unittest", "xml", "zipfile"),
    }
)
"""Large modules of the library that no part of either process has a use for."""
PARTS = {
    "before the daemon's interpreter runs": (
        "lotor.daemon.start",
        {"asyncio", "cryptography", "lotor._native", "lotor.config", "lotor.crypto", "lotor.keys", "sqlite3", "ssl"},
    ),
    "the warden": (
        "lotor.daemon.pair",
        {
            *("lotor.client", "lotor.control.server", "lotor.dataplane", "lotor.explain", "lotor.ike", "lotor.runtime"),
            *("lotor.trust", "lotor.wire", "lotor.crypto.x509", "email.message", "sqlite3", "urllib.request"),
        },
    ),
    "the process of back ends, until it knows which are wanted": (
        "lotor.daemon.back_end_process",
        {*("asyncpg", "lotor.fleet", "lotor.ldap", "lotor.radius", "lotor.warden.warden", "pyrad", "sqlite3")},
    ),
    "the daemon": (
        "lotor.daemon.attended",
        {
            *("click", "lotor.auth", "lotor.cli", "lotor.crypto.passwords", "lotor.crypto.private", "lotor.hooks"),
            *("lotor.hosts.firewall", "lotor.hosts.netlink", "lotor.hosts.routing"),
            *(
                "lotor.keys",
                "lotor.pki",
                "lotor.store",
                "lotor.warden.warden",
                "email.message",
                "sqlite3",
                "urllib.request",
            ),
        },
    ),
}


@pytest.mark.parametrize(("module", "stray"), PARTS.values(), ids=PARTS)
def test_a_process_loads_only_what_it_has_a_use_for(module, stray):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    loaded = set(done.stdout.split())
    assert module in loaded
    assert sorted(loaded & (STRAY | stray)) == []


@pytest.mark.parametrize(("module", "most"), [("lotor.daemon.pair", 630), ("lotor.daemon.attended", 770)])
def test_no_process_loads_ever_more_modules(module, most):
    code = f"import sys, {module}; print(len(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert 100 < int(done.stdout) <= most


STORING = """
import asyncio, sys
from pathlib import Path
from lotor.config import loads
from lotor.model.kinds import Kind
from lotor.store import Store
from lotor.store.spool import Spool
from lotor.warden.accounting import Accounts
from lotor.warden.history import History

async def story(file):
    store = Store(file)
    await store.open()
    accounts = Accounts(Spool(store), {}, History(store))
    await accounts.history.recall(Kind.GATEWAY_DIED)
    await accounts.open()
    await accounts.history.obey(loads("history_days 3;").settings)
    await accounts.close()
    await accounts.history.settle()
    await store.close()
    print("sqlite3" in sys.modules)

asyncio.run(story(Path(sys.argv[1]) if sys.argv[1:] else None))
"""


@pytest.mark.parametrize("kept", [False, True])
def test_sqlite_is_loaded_where_something_is_to_be_kept(tmp_path, kept):
    """Not for a client, and not with `store none`."""
    file = [str(tmp_path / "lotor.db")] if kept else []
    done = subprocess.run(
        [sys.executable, "-c", STORING, *file], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == [str(kept)]
