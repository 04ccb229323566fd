"""What a service manager hears, over a real socket like its own, and what it may not cost when it does not listen."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from lotor import config
from lotor.warden import outline
from lotor.warden.service_manager import LOOKED_AT, Life, ServiceManager, Wanted, taken, told
from lotor.warden.spawning import environment


class Manager:
    """systemd's end."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    @property
    def heard(self):
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture(params=["path", "abstract"])
def address(request, tmp_path):
    return str(tmp_path / "notify") if request.param == "path" else f"@lotor-test-{os.getpid()}"


@pytest.fixture
def manager(address):
    manager = Manager(address)
    yield manager
    manager.socket.close()


def given(address, **more):
    return {"NOTIFY_SOCKET": address, **more, "LANG": "C"}


def test_what_the_manager_gave_is_taken_out_of_the_environment():
    whole = given("/run/notify", WATCHDOG_USEC="30000000", WATCHDOG_PID=str(os.getpid()))
    wanted = taken(whole)
    assert (wanted, whole) == (Wanted("/run/notify", 30.0), {"LANG": "C"})


def test_neither_the_daemon_nor_its_interpreter_gets_it():
    """Not even where the warden had left it there."""
    whole = given("/run/notify", WATCHDOG_USEC="1", CREDENTIALS_DIRECTORY="/run/credentials/lotor.service")
    assert environment(whole) == {"LANG": "C"}


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        ({}, None),
        ({"NOTIFY_SOCKET": ""}, None),
        ({"NOTIFY_SOCKET": "vsock:2:1234"}, None),
        (given("/s", WATCHDOG_USEC="5", WATCHDOG_PID="1"), Wanted("/s", 0.0)),
        (given("/s", WATCHDOG_USEC="often"), Wanted("/s", 0.0)),
        (given("/s", WATCHDOG_USEC="-5"), Wanted("/s", 0.0)),
    ],
)
def test_what_is_not_meant_for_this_process_counts_for_nothing(whole, expected):
    assert taken(whole) == expected


@pytest.mark.parametrize(("watchdog", "pause"), [(0.0, LOOKED_AT), (60.0, LOOKED_AT), (6.0, 2.0), (0.0001, 0.1 / 3)])
def test_a_sign_of_life_comes_well_before_it_is_missed(watchdog, pause):
    assert ServiceManager(Wanted("/s", watchdog)).pause == pytest.approx(pause)


def test_one_run_is_told_from_its_start_to_its_end(address, manager):
    lines, alive = iter(["no session", "no session", "1 session", "1 session"]), iter([True, True, False])
    rounds = asyncio.Semaphore(2)

    async def story():
        ours, done = ServiceManager(Wanted(address, 3.0)), asyncio.Event()

        async def pause(seconds):
            assert seconds == 1.0
            if rounds.locked():
                done.set()
            await rounds.acquire()

        async with told(ours, Life(lambda: next(lines), lambda: next(alive), pause)):
            await done.wait()

    asyncio.run(story())
    assert manager.heard == [
        "STATUS=no session",
        "READY=1",
        "WATCHDOG=1",
        "WATCHDOG=1",
        "STATUS=1 session",
        "STOPPING=1",
    ]


def test_a_reload_is_told_with_its_time_and_ends_once(address, manager):
    ours = ServiceManager(Wanted(address, 0.0), clock=lambda: 12.5)
    ours.reloads(False)
    ours.reloads(True)
    ours.reloads(False)
    ours.reloads(False)
    assert manager.heard == ["RELOADING=1\nMONOTONIC_USEC=12500000", "READY=1"]


def test_no_line_can_say_more_than_a_line(address, manager):
    ServiceManager(Wanted(address, 0.0)).status("1 session\nREADY=1\n" + "x" * 1000)
    (heard,) = manager.heard
    assert "\n" not in heard
    assert len(heard) < 300


def test_a_manager_that_is_gone_or_does_not_read_is_in_nobodys_way(address, manager):
    gone = ServiceManager(Wanted(address + "-gone", 1.0))
    gone.serves()
    ours = ServiceManager(Wanted(address, 1.0))
    for _ in range(5000):  # more than any socket keeps
        ours.lives()
    assert set(manager.heard) == {"WATCHDOG=1"}


def test_without_a_manager_nothing_is_said():
    ours = ServiceManager(None, send=lambda *_: pytest.fail("somebody is told"))

    async def story():
        async with told(ours, Life(lambda: "no session")):
            ours.reloads(True)
            await asyncio.sleep(0)

    asyncio.run(story())


GATEWAY = """
remote anonymous { exchange_mode main; passive on; generate_policy on; mode_cfg on;
    certificate_type x509 "gw.crt" "gw.key";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14; }
}
mode_cfg { network4 10.99.99.1; pool_size 4; netmask4 255.255.255.0; }
"""
CLIENT = """
remote 192.0.2.50 { exchange_mode main; mode_cfg on;
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_client; dh_group 14; }
}
"""
EVERYWHERE = "listening on UDP ports 500 and 4500"


@pytest.mark.parametrize(
    ("text", "sessions", "tunnels", "expected"),
    [
        (GATEWAY, 0, 0, f"no sessions, {EVERYWHERE}"),
        (GATEWAY, 1, 0, f"1 session, {EVERYWHERE}"),
        (GATEWAY, 40, 2, f"40 sessions, 2 tunnels of this host, {EVERYWHERE}"),
        (
            "listen { isakmp 192.0.2.50 [500]; isakmp_natt 192.0.2.50 [4500]; isakmp 2001:db8::1 [500]; }" + GATEWAY,
            0,
            0,
            "no sessions, listening on 192.0.2.50:500, [2001:db8::1]:500, 192.0.2.50:4500",
        ),
        (CLIENT, 0, 1, "1 tunnel of this host"),
        (CLIENT, 0, 0, "no tunnels of this host"),
    ],
)
def test_the_line_says_what_a_person_wants_to_know(text, sessions, tunnels, expected):
    assert outline.of(config.loads(text).settings, sessions, tunnels, serves=True) == expected


def test_a_warden_without_a_daemon_says_so():
    assert outline.of(config.loads(GATEWAY).settings, 3, 0, serves=False) == "no daemon serves: it is started again"
