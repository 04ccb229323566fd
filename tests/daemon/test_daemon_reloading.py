"""What a reload says of directives that count from the next start on, and what waits for what in a daemon."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest

from lotor import config
from lotor.config import ConfigError
from lotor.daemon.exits import StartError
from lotor.daemon.reloading import Reload, at_next_start
from lotor.daemon.wiring import THREADS
from visiting import play

BLOCK = 'privsep { user "nobody"; }'
REMOTE = """
remote anonymous {{
    exchange_mode main; esp_frag {};
    proposal {{
        encryption_algorithm aes; hash_algorithm sha256; dh_group 14; authentication_method pre_shared_key;
    }}
}}
"""


def active(text: str) -> SimpleNamespace:
    return SimpleNamespace(settings=config.loads(text).settings)


def test_a_block_that_moved_down_a_line_is_the_same_block():
    assert at_next_start(active(BLOCK), active(f"# of the house\n\n{BLOCK}")) == []


def test_another_user_of_the_daemon_counts_from_the_next_start_on():
    (told,) = at_next_start(active(BLOCK), active('privsep { user "daemon"; }'))
    assert told == "privsep: the change counts once lotor itself is restarted"


def test_another_engine_counts_from_the_next_start_on():
    (told,) = at_next_start(active(BLOCK), active(f"{BLOCK} engine kernel;"))
    assert told == "engine: the change counts once lotor itself is restarted"
    assert at_next_start(active(f"{BLOCK} engine auto;"), active(BLOCK)) == []
    for before, after in (("eth1", "eth2"), ("eth1", "")):
        old, new = (active(f"{BLOCK} engine kernel; {f'esp_offload {each};' * bool(each)}") for each in (before, after))
        (told,) = at_next_start(old, new)
        assert told == "esp_offload: the change counts once lotor itself is restarted"


@pytest.mark.parametrize(("engine", "waits"), [("kernel", 1), ("prefer_kernel", 1), ("auto", 0)])
def test_the_kernels_device_keeps_its_mtu(engine, waits):
    old, new = (active(f"engine {engine}; {REMOTE.format(octets)}") for octets in (1400, 552))
    told = at_next_start(old, new)
    assert told == ["the MTU by esp_frag: the change counts once lotor itself is restarted"] * waits
    assert at_next_start(old, old) == []


@pytest.mark.parametrize("fault", [ConfigError([]), StartError("port 500 is in use")])
def test_what_cannot_be_obeyed_is_withdrawn(fault):
    """The service manager would wait for the end of a reload that nobody goes on with."""
    withdrawn = []

    class Configurations:
        async def prepare(self):
            return "read"

        async def withdraw(self):
            withdrawn.append("read")

    def make(provision):
        raise fault

    with pytest.raises(type(fault)):
        asyncio.run(Reload(Configurations(), make, listeners=None, present=None)())
    assert withdrawn == ["read"]


def test_judgements_that_wait_for_files_hold_no_sum_up(directory):
    """A warden that reads from a slow disk, four times."""
    go = threading.Event()

    class Slow:
        def judge(self, proof):
            assert go.wait(60)
            return proof

    async def story(world):
        wiring = world.gateway
        wiring._trust.use(Slow())
        judged = [asyncio.ensure_future(wiring._trust.judge(number)) for number in range(THREADS)]
        await asyncio.sleep(0)
        try:
            up = await world.vc()
            assert not any(each.done() for each in judged)
        finally:
            go.set()
        return up, await asyncio.gather(*judged)

    up, judged = play(directory, story)
    assert up.address == "10.99.99.1"
    assert judged == list(range(THREADS))
