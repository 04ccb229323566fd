"""Two whole programs, gateway and client, in one event loop: real core, keys, logins and configuration; the network and
the host are recordings."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lab import pki
from lotor.auth import UserFile
from lotor.control.messages import Connect, Connected, Disconnect, Disconnected, Done, Explain, Failed
from lotor.crypto.passwords import Cost
from lotor.daemon.engines import environment
from lotor.daemon.loadout import load
from lotor.daemon.machinery import Equipment, Machinery
from lotor.daemon.service import Origin, Steward
from lotor.ike.endpoint import Endpoint
from lotor.leases.pool import Pool
from lotor.model.login import Field
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.runtime.dice import SystemDice
from scripted import RecordingDataPlane, RecordingHost

GATEWAY = IPv4Address("127.0.0.1")
PASSWORD = "correct-horse-battery"

GATEWAY_FILE = """
path certificate "{directory}";
listen {{ adminsock disabled; }}
remote anonymous {{
    exchange_mode aggressive;
    certificate_type x509 "vpngw.crt" "vpngw.key";
    my_identifier asn1dn;
    proposal_check claim;
    generate_policy on;
    ike_frag on;
    proposal {{
        encryption_algorithm aes 256; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14;
    }}
}}
mode_cfg {{
    network4 10.99.99.1; pool_size {pool}; auth_source local; users "{directory}/users"; dns4 10.0.12.1;
    banner "{directory}/motd"; auth_throttle 0;
}}
sainfo anonymous {{
    lifetime time 1 hour; encryption_algorithm aes 256; authentication_algorithm hmac_sha256;
    compression_algorithm deflate;
}}
"""
CLIENT_FILE = """
path certificate "{directory}";
path pre_shared_key "{directory}/psk.txt";
listen {{ adminsock disabled; }}
remote 127.0.0.1 {{
    exchange_mode aggressive;
    ca_type x509 "ca.crt";
    proposal_check obey;
    mode_cfg on;
    ike_frag on;
    {login}
    proposal {{
        encryption_algorithm aes 256; hash_algorithm sha256; authentication_method hybrid_rsa_client; dh_group 14;
    }}
}}
sainfo anonymous {{
    lifetime time 1 hour; encryption_algorithm aes 256; authentication_algorithm hmac_sha256;
    compression_algorithm deflate;
}}
"""


@pytest.fixture(scope="session")
def authority():
    return pki.authority()


@pytest.fixture(scope="session")
def gateway_certificate(authority):
    return pki.gateway(authority, "127.0.0.1")


@pytest.fixture
def directory(tmp_path, authority, gateway_certificate):
    authority.save(tmp_path, "ca")
    gateway_certificate.save(tmp_path, "vpngw")
    (tmp_path / "motd").write_text("Flying pigs LTD\n\x1b[2Jwelcome\n")
    users = UserFile(tmp_path / "users", Cost(memory=64, passes=1, lanes=1))
    for name in ("alice", "bob"):
        users.add(name, Secret(PASSWORD))
    return tmp_path


class Air:
    """The network: carries datagrams between the two programs."""

    def __init__(self):
        self.machineries: dict[str, Machinery] = {}
        self.deaf = False

    def carry(self, sender, data, path):
        other = "client" if sender == "gateway" else "gateway"
        if not self.deaf and other in self.machineries:
            arrived = Path(path.remote, path.local, path.floated)
            asyncio.get_running_loop().call_soon(self.machineries[other].driver.receive, data, arrived)


class AirSocket:
    """Port 500 of one program."""

    def __init__(self, air, name, port):
        self.air, self.name = air, name
        self.local = Peer(IPv4Address("127.0.0.1"), port)

    def start(self, receive):
        pass

    def close(self):
        pass

    def serves(self, local):
        return local.port < 4500

    def transmit(self, data, path):
        self.air.carry(self.name, data, path)


class AirDataPlane(RecordingDataPlane):
    def __init__(self, air, name):
        super().__init__()
        self.air, self.name = air, name
        self.spis = iter(range(0x1000, 0x9000))

    def reserve_spi(self):
        return next(self.spis)

    def transmit(self, message, path):
        self.air.carry(self.name, message, path)


class Typing:
    def __init__(self, password=PASSWORD):
        self.password, self.prompts = password, []

    async def prompt(self, wants, message):
        self.prompts.append(wants)
        return None if self.password is None else {field: Secret(self.password) for field in wants}


class World:
    """Gateway and client, assembled but for the host. `diary` is what the client's host was asked to do."""

    def __init__(self, directory, *, pool=253, login=""):
        self.directory, self.air, self.diary = directory, Air(), []
        (directory / "gateway.conf").write_text(GATEWAY_FILE.format(directory=directory, pool=pool))
        (directory / "client.conf").write_text(CLIENT_FILE.format(directory=directory, login=login))
        self.gateway, self.gateway_plane = self.program("gateway", Pool(IPv4Address("10.99.99.1"), pool))
        self.client, self.client_plane = self.program("client", None)
        self.steward = self.steward_of("client", self.client)
        self.gateway_steward = self.steward_of("gateway", self.gateway)

    def program(self, name, leases):
        loadout = load(self.directory / f"{name}.conf")
        plane = AirDataPlane(self.air, name)
        sockets = (AirSocket(self.air, name, 500 if name == "gateway" else 501),)
        equipment = Equipment(plane, RecordingHost(self.diary), sockets, leases, environment)
        machinery = Machinery(Endpoint(loadout.policy, SystemDice()), loadout, equipment, lambda why: None)
        self.air.machineries[name] = machinery
        machinery.start()
        return machinery, plane

    def steward_of(self, name, machinery):
        path = self.directory / f"{name}.conf"
        return Steward(machinery, Origin(str(path), lambda: load(path)))

    async def vc(self, user="alice", typing=None, gateway="127.0.0.1"):
        return await asyncio.wait_for(self.steward.connect(Connect(gateway, user), typing or Typing()), 60)

    async def vd(self):
        return await self.steward.disconnect(Disconnect("127.0.0.1"), Typing())

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)
        await self.gateway.follower.settled()
        await self.client.follower.settled()

    async def stop(self):
        await self.client.stop()
        await self.settle()
        await self.gateway.stop()


def play(directory, story, **options):
    async def whole():
        world = World(directory, **options)
        try:
            return await story(world)
        finally:
            await world.stop()

    return asyncio.run(whole())


def test_a_visit_from_login_to_disconnect(directory, caplog):
    async def story(world):
        up = await world.vc()
        status = world.steward.status(), world.gateway_steward.status()
        installed = len(world.client_plane.installed), len(world.gateway_plane.installed)
        down = await world.vd()
        await world.settle()
        return up, status, installed, down, world

    with caplog.at_level(logging.DEBUG):
        up, (client, gateway), installed, down, world = play(directory, story)
    assert up == Connected("10.99.99.1", "Flying pigs LTD\n?[2Jwelcome\n")
    assert installed == (1, 1)
    (here,), (there,) = client["sessions"], gateway["sessions"]
    assert (here["role"], here["state"], here["address"], here["outside"]) == (
        "client",
        "up",
        "10.99.99.1",
        "127.0.0.1:500",
    )
    assert (there["role"], there["user"], there["address"]) == ("gateway", "alice", "10.99.99.1")
    assert here["phase1"] == "aes-256/sha256/modp2048"
    assert here["warnings"] == []
    json.dumps(client)
    assert down == Disconnected(1)
    assert world.client.register.all() == world.gateway.register.all() == ()
    assert world.client_plane.installed == world.gateway_plane.installed == {}
    assert [each[0] for each in world.diary] == ["attach begins", "attach", "detach"]
    assert world.gateway.driver.tally.internal_errors == world.client.driver.tally.internal_errors == 0
    assert "login of alice accepted" in caplog.text
    assert PASSWORD not in caplog.text
    assert "\x1b" not in caplog.text


def test_a_wrong_password_says_so_and_leaves_nothing(directory):
    async def story(world):
        failed = await world.vc(typing=Typing("wrong"))
        await world.settle()
        return failed, world.client.register.all(), world.gateway.register.all(), list(world.diary)

    failed, here, there, diary = play(directory, story)
    assert isinstance(failed, Failed)
    assert failed.cause == "LOGIN_REFUSED"
    assert "alice" in failed.text
    assert here == there == ()
    assert diary == []


def test_a_full_pool_says_so_and_serves_again_when_an_address_is_free(directory):
    async def story(world):
        first = await world.vc()
        lease = world.gateway._configurations.acquire(99, "someone else")
        await world.vd()
        await world.settle()
        world.gateway._configurations.acquire(77, "bob")
        second = await world.vc()
        world.gateway._configurations.release(77)
        return first, lease, second, await world.vc()

    first, lease, second, third = play(directory, story, pool=1)
    assert isinstance(first, Connected)
    assert "10.99.99.1" in lease.why
    assert second.cause == "POOL_EXHAUSTED"
    assert isinstance(third, Connected)


def test_a_saved_password_needs_no_prompt(directory):
    (directory / "psk.txt").touch(0o600)
    (directory / "psk.txt").write_text(f"alice {PASSWORD}\n")

    async def story(world):
        typing = Typing(None)
        return await world.vc(user=None, typing=typing), typing.prompts

    up, prompts = play(directory, story, login='xauth_login "alice";')
    assert isinstance(up, Connected)
    assert prompts == []


def test_nobody_at_the_prompt_sends_no_packet(directory):
    async def story(world):
        sent = []
        world.air.carry = lambda *arguments: sent.append(arguments)
        return await world.vc(typing=Typing(None)), sent

    failed, sent = play(directory, story)
    assert failed == Failed("no login was given", "LOGIN_DECLINED")
    assert sent == []


def test_a_second_connect_is_told_that_the_tunnel_is_up(directory):
    async def story(world):
        await world.vc()
        typing = Typing()
        return await world.vc(typing=typing), typing.prompts, len(world.gateway.register.all())

    again, prompts, sessions = play(directory, story)
    assert again.already
    assert again.address == "10.99.99.1"
    assert (prompts, sessions) == ([], 1)


def test_two_connects_at_once_make_one_session(directory):
    async def story(world):
        answers = await asyncio.gather(world.vc(), world.vc())
        return answers, len(world.client.register.all())

    answers, sessions = play(directory, story)
    assert sorted(type(each).__name__ for each in answers) == ["Connected", "Failed"]
    assert sessions == 1


def test_an_attempt_that_is_given_up_ends_at_once(directory):
    async def story(world):
        world.air.deaf = True
        begun = asyncio.Event()
        world.client.listen(lambda event: begun.set())
        attempt = asyncio.create_task(world.vc())
        await begun.wait()
        attempt.cancel()
        await asyncio.wait({attempt})
        return world.client.register.all()

    assert play(directory, story) == ()


def test_a_host_that_refuses_is_the_reason_of_the_failed_connect(directory):
    async def story(world):
        world.client._equipment.host.fault = OSError(1, "no permission to change routes")
        failed = await world.vc()
        await world.settle()
        return failed, world.gateway.register.all(), world.client_plane.installed

    failed, there, installed = play(directory, story)
    assert failed.cause == "LOCAL_FAULT"
    assert "no permission to change routes" in failed.text
    assert (there, installed) == ((), {})


def test_the_end_of_the_daemon_says_goodbye_and_undoes_the_host(directory):
    async def story(world):
        await world.vc()
        await world.client.stop()
        await world.settle()
        return world.gateway.register.all(), [each[0] for each in world.diary]

    there, diary = play(directory, story)
    assert there == ()
    assert diary == ["attach begins", "attach", "detach"]


@pytest.mark.parametrize("gateway", ["192.0.2.99", "no-such-host.invalid", "..", "a" * 300])
def test_an_unknown_gateway_is_told(directory, gateway):
    async def story(world):
        return await world.vc(gateway=gateway)

    failed = play(directory, story)
    assert isinstance(failed, Failed)
    assert "remote block" in failed.text or "cannot resolve" in failed.text


def test_disconnecting_from_what_is_not_connected_is_told(directory):
    async def story(world):
        return await world.vd()

    assert play(directory, story) == Failed("not connected to 127.0.0.1")


def test_a_bad_configuration_is_not_taken_over(directory):
    async def story(world):
        old = world.gateway.loadout
        (directory / "gateway.conf").write_text("remote anonymous { nonsense; }")
        failed = await world.gateway_steward.reload()
        kept = world.gateway.loadout is old
        return failed, kept, await world.vc()

    failed, kept, up = play(directory, story)
    assert isinstance(failed, Failed)
    assert "gateway.conf:1:20" in failed.text
    assert kept
    assert isinstance(up, Connected)


def test_a_good_one_counts_for_sessions_to_come(directory):
    async def story(world):
        await world.vc()
        text = GATEWAY_FILE.format(directory=directory, pool=253).replace("dns4 10.0.12.1", "dns4 10.0.12.99")
        (directory / "gateway.conf").write_text(text)
        done = await world.gateway_steward.reload()
        before = world.client.register.all()[0].configuration.dns
        await world.vd()
        await world.settle()
        await world.vc()
        return done, before, world.client.register.all()[0].configuration.dns

    done, before, after = play(directory, story)
    assert isinstance(done, Done)
    assert "next start" not in done.text
    assert (before, after) == ((IPv4Address("10.0.12.1"),), (IPv4Address("10.0.12.99"),))


def test_what_only_a_start_can_change_is_said(directory):
    async def story(world):
        text = GATEWAY_FILE.format(directory=directory, pool=7).replace(
            "adminsock disabled;", 'adminsock "/run/x.sock";'
        )
        (directory / "gateway.conf").write_text(text)
        return await world.gateway_steward.reload()

    assert "changes of listen, the address pool count from the next start on" in play(directory, story).text


def test_events_reach_a_listener_clean(directory):
    async def story(world):
        heard = []
        end = world.steward.subscribe(heard.append)
        await world.vc()
        end()
        await world.vd()
        return heard

    heard = play(directory, story)
    assert heard[0].event == "Started"
    assert {"PhaseOneUp", "Up"} <= {each.event for each in heard}
    assert "Ended" not in {each.event for each in heard}


def test_a_login_costs_no_internal_error_when_the_peer_sends_garbage(directory):
    async def story(world):
        path = Path(Peer(GATEWAY, 500), Peer(IPv4Address("127.0.0.2"), 501))
        for size in range(200):
            world.gateway.driver.receive(bytes(range(size)), path)
            world.gateway.driver.receive(b"\xff" * size, replace(path, floated=True))
        return await world.vc(), world.gateway.driver.tally.internal_errors

    up, errors = play(directory, story)
    assert isinstance(up, Connected)
    assert errors == 0


def test_field_of_a_prompt_is_the_password_only_when_the_user_is_named(directory):
    async def story(world):
        named, unnamed = Typing(None), Typing(None)
        await world.vc(user="alice", typing=named)
        await world.vc(user=None, typing=unnamed)
        return named.prompts, unnamed.prompts

    named, unnamed = play(directory, story)
    assert named == [(Field.PASSWORD,)]
    assert unnamed == [(Field.USER_NAME, Field.PASSWORD)]


def test_both_ends_explain_a_refused_login_and_the_journal_tells_the_same(directory, caplog):
    async def story(world):
        await world.vc(typing=Typing("wrong-horse-battery"))
        await world.settle()
        stewards = world.gateway_steward, world.steward
        nobody = world.gateway_steward.explain(Explain("nobody"))
        return [each.explain(Explain("alice")) for each in stewards], nobody, [each.status() for each in stewards]

    with caplog.at_level(logging.DEBUG):
        (gateway, client), nobody, statuses = play(directory, story)
    (attempt,) = gateway.report["attempts"]
    assert attempt["state"] == "failed"
    assert attempt["program"] == "lotor"
    assert isinstance(client, Failed) or client.report["attempts"]
    assert isinstance(nobody, Failed)
    assert "lotor explain lists" in nobody.text
    told = "; ".join(f"{row['name']}: {row['text']}" for row in attempt["story"])
    assert f"story: {told}" in caplog.text
    assert all("1 attempt failed since the start" in status["remarks"][0] for status in statuses)
    assert "wrong-horse-battery" not in caplog.text + repr(gateway) + repr(client)
