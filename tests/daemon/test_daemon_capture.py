"""A gateway that captures: tshark reads a whole login with the files it wrote, and nothing of the keys is elsewhere."""

from __future__ import annotations

import logging
import os
import subprocess
from ipaddress import IPv4Address

import pytest

from lotor.control.messages import Status
from lotor.daemon.exits import StartError
from lotor.daemon.pair import captured
from lotor.daemon.serving import capturing
from lotor.files.captures import make
from lotor.ike.effects import Disclose, DiscloseSk, Transmit
from lotor.ike.endpoint import Endpoint
from lotor.ike.intents import Disconnect
from lotor.ike.v2 import upkeep
from lotor.model.algorithms import Cipher, EapMethod, Group, Hash, Ike2Suite, Integrity
from lotor.model.network import Path, Peer
from lotor.model.reasons.ends import ClosedHere
from lotor.model.secret import Secret
from lotor.privsep.living import Given, Lent
from lotor.privsep.octets import Malformed
from lotor.runtime.capture import Capture
from peers.auth import client_policy, gateway_policy
from peers.world import connect, is_up, pair
from visiting import PASSWORD, ROOT, play

HERE = Peer(IPv4Address("127.0.0.1"), 500)


@pytest.fixture
def capture(tmp_path):
    made = Capture(tmp_path / "login.pcapng")
    yield made
    made.close()


def tshark(capture, *, keys=True):
    tables = {"ikev1_decryption_table": capture.keys, "ikev2_decryption_table": capture.keys2} if keys else {}
    lines = [f"uat:{name}:{line}" for name, file in tables.items() for line in file.read_text().splitlines()]
    preferences = [word for line in lines for word in ("-o", line)]
    command = ["tshark", "-r", str(capture.path), "-V", "-O", "isakmp", *preferences]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def watched(*, disclose):
    """A login in virtual time, and the effects and datagrams of the gateway. The client is behind a NAT, messages come
    in fragments and go over to port 4500."""
    world, gateway, client = pair()
    told = observed(world, gateway, disclose=disclose)
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    return told


def observed(world, gateway, *, disclose):
    """What the gateway does and hears from now on, as it grows."""
    gateway.endpoint = Endpoint(gateway.policy, gateway.randomness, disclose=disclose)
    told = []
    do, receive = world.do, gateway.endpoint.receive
    world.do = lambda host, effects: (told.extend(effects if host is gateway else ()), do(host, effects))
    gateway.endpoint.receive = lambda data, path, now: (told.append((data, path)), receive(data, path, now))[1]
    return told


def write(capture, told):
    for each in told:
        match each:
            case Disclose() | DiscloseSk():
                capture.disclose(each)
            case Transmit(data, path):
                capture.sent(data, path)
            case (data, path):
                capture.received(data, path)


def test_tshark_decrypts_a_whole_login(capture):
    write(capture, watched(disclose=True))
    sealed, plain = tshark(capture, keys=False), tshark(capture)
    for word in ("XAUTH_USER_PASSWORD: wonderland", "alice", "XAUTH_STATUS", "INTERNAL_IP4_ADDRESS", "10.99.99.1"):
        assert word in plain, word
        assert word not in sealed, word
    encrypted = sum(plain.count(f"Exchange type: {kind}") for kind in ("Quick Mode", "Transaction")) + 1
    assert plain.count("Payload: Hash (8)") == encrypted == 10
    assert "Payload: Hash (8)" not in sealed


SUITES = (
    Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256, Hash.SHA256, Group.CURVE25519),
    Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA384, Group.ECP384),
)


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_tshark_decrypts_a_login_of_ikev2_and_what_follows_a_renewal(capture, suite):
    """The keys of each IKE SA are there, also of the one that took over."""
    terms = {"proposals": (suite,), "eap": (EapMethod.GTC,)}
    world, gateway, client = pair(gateway=gateway_policy(**terms), client=client_policy(**terms))
    told = observed(world, gateway, disclose=True)
    connect(world, client, gateway, "gw.example.org")
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    (session,) = client.endpoint._sessions.by_id.values()
    upkeep.renew(session, world.now)
    world.do(client, client.endpoint._context.drain())
    world.run(5)
    client_leaves(world, client)
    write(capture, told)
    lines = capture.keys2.read_text().splitlines()
    assert len(lines) == 2
    assert capture.keys.read_text() == ""
    sealed, plain = tshark(capture, keys=False), tshark(capture)
    for word in (
        "10.99.99.1",
        "Payload: Extensible Authentication",
        "Payload: Delete (42)",
        "Payload: Traffic Selector",
    ):
        assert word in plain, word
        assert word not in sealed, word
    assert "[incorrect" not in plain
    assert plain.count("[correct]") == plain.count("Integrity Checksum Data: ") >= 12


def client_leaves(world, client):
    (session,) = client.endpoint._sessions.by_id.values()
    world.do(client, client.endpoint.command(Disconnect(session.id, ClosedHere()), world.now))
    world.run(5)


def test_a_core_gives_no_keys_unless_it_was_made_for_that():
    told = watched(disclose=False)
    assert told
    assert not [each for each in told if isinstance(each, Disclose)]


def test_a_program_with_a_capture_says_so_and_keeps_keys_out_of_its_log(directory, capture, caplog):
    async def visit(world):
        await world.vc()
        statuses = await world.gateway_admin.status(Status(), ROOT), await world.admin.status(Status(), ROOT)
        await world.vd()
        await world.settle()
        return statuses

    with caplog.at_level(logging.DEBUG):
        gateway, client = play(directory, visit, capture=capture)
    assert str(capture.path) in gateway["remarks"][0]
    assert "passwords included" in gateway["remarks"][0]
    assert client["remarks"] == []
    (line,) = capture.keys.read_text().splitlines()
    cookie, key = line.split(",")
    assert (len(cookie), len(key)) == (16, 64)
    assert key not in caplog.text
    assert PASSWORD not in caplog.text
    text = tshark(capture)
    assert f"Initiator SPI: {cookie}" in text
    for kind in ("Aggressive", "Transaction", "Quick Mode", "Informational"):
        assert f"Exchange type: {kind}" in text


def test_a_start_is_refused_where_the_capture_cannot_be_new(capture):
    with pytest.raises(StartError, match="never overwrites"), capturing(capture.path):
        pass


def test_a_start_with_a_capture_warns_and_ends_it_at_the_end(tmp_path, caplog):
    with capturing(tmp_path / "ike.pcapng") as made:
        assert [(each.levelname, each.getMessage()) for each in caplog.records] == [("WARNING", made.remark)]
        made.disclose(Disclose(bytes(8), Secret(bytes(16))))
    made.disclose(Disclose(bytes(8), Secret(bytes(16))))
    assert len(made.keys.read_text().splitlines()) == 1


def test_there_is_no_capture_unless_asked_for():
    with capturing(None) as made:
        assert made is None


def test_a_daemon_that_is_started_again_goes_on_with_the_capture(tmp_path, capture):
    """The warden made the files once: `capturing` of each daemon adds to them."""
    file = tmp_path / "again.pcapng"
    made = make(file)
    sizes = []
    for number in range(2):
        lent = tuple(map(os.dup, made))  # as another process has them
        with capturing(file, lent) as running:
            running.received(bytes(28), Path(HERE, HERE))
            running.disclose(Disclose(bytes([number] * 8), Secret(bytes(16))))
        sizes.append(file.stat().st_size)
    assert sizes[1] == 2 * sizes[0] > 0
    assert len(running.keys.read_text().splitlines()) == 2
    assert file.read_bytes()[sizes[0] :][:4] == file.read_bytes()[:4]


def test_what_earlier_daemons_captured_counts(tmp_path, monkeypatch):
    file = tmp_path / "full.pcapng"
    made = make(file)
    monkeypatch.setattr("lotor.runtime.capture.MOST_OCTETS", 64)
    os.write(made[0], bytes(64))
    with capturing(file, made):
        pass
    assert file.stat().st_size == 64


def test_the_files_of_a_capture_are_made_once_and_lent(tmp_path):
    file = tmp_path / "ike.pcapng"
    with captured(file) as made:
        lent = Lent(None, 7, made)
        assert lent.all == (7, *made)
        given = Given(
            "racoon.conf",
            "1:1:a:b",
            log=False,
            control=True,
            syslog=True,
            level="info",
            debug=False,
            form="text",
            json=False,
            capture=str(file),
        )
        assert Lent.of(given, lent.all) == lent
        with pytest.raises(Malformed, match="3 descriptors came"):
            Lent.of(given, made)
    assert file.exists()
    with pytest.raises(StartError, match="never overwrites"), captured(file):
        pass
