"""Three whole programs: a client goes from one gateway to the other one, when it comes and while it is connected."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.control.messages import Connected, Done, Drain, Failed
from lotor.model.network import Path, Peer
from visiting import ROOT, Air, AirSocket, World

OTHER = "127.0.0.2"
GATEWAY = """
path certificate "{directory}";
listen {{ adminsock disabled; }}
remote anonymous {{
    ike_version 2;
    eap gtc;
    certificate_type x509 "vpngw.crt" "vpngw.key";
    {more}
}}
mode_cfg {{
    network4 10.99.99.1; pool_size 253; auth_source local; users "{directory}/users"; auth_throttle 0;
}}
sainfo anonymous {{
    lifetime time 1 hour; encryption_algorithm aes 256; authentication_algorithm hmac_sha256;
    compression_algorithm deflate;
}}
"""
CLIENT = """
path certificate "{directory}";
listen {{ adminsock disabled; }}
remote 127.0.0.1 {{ ike_version 2; ca_type x509 "ca.crt"; mode_cfg on; eap gtc; {more} }}
sainfo anonymous {{
    lifetime time 1 hour; encryption_algorithm aes 256; authentication_algorithm hmac_sha256;
    compression_algorithm deflate;
}}
"""


class Roads(Air):
    """By the address to which a datagram goes; what is not a gateway's is the client's."""

    def carry(self, sender, data, path):
        there = str(path.remote.address) if sender == "client" else ""
        other = {"127.0.0.1": "gateway", OTHER: "second"}.get(there, "client")
        if other in self.receivers:
            arrived = Path(path.remote, path.local, path.floated)
            asyncio.get_running_loop().call_soon(self.receivers[other], data, arrived)


class At(AirSocket):
    def __init__(self, air, name, port):
        super().__init__(air, name, port)
        self.local = Peer(IPv4Address(OTHER if name == "second" else "127.0.0.1"), port)


def play(directory, story, monkeypatch, *, more="", client=""):
    """The first gateway has `more` in its block, the client `client`."""

    async def whole():
        monkeypatch.setattr("visiting.AirSocket", At)
        world = World(directory)
        world.air = Roads()
        for name, lines in (("gateway", more), ("second", "")):
            (directory / f"{name}.conf").write_text(GATEWAY.format(directory=directory, more=lines))
        (directory / "client.conf").write_text(CLIENT.format(directory=directory, more=client))
        await world.start()
        second, _ = await world.program("second")
        try:
            return await story(world, second)
        finally:
            await world.client.stop()
            await second.stop()
            await world.stop()

    return asyncio.run(whole())


def users(wiring) -> list[str]:
    return [each.user for each in wiring.register.all() if each.up]


async def until(condition) -> None:
    """Turns of the loop, so many as are needed."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it did not come to that")


@pytest.mark.parametrize("proved", ["off", "on"])
def test_a_client_that_comes_is_sent_on(directory, monkeypatch, proved):
    async def story(world, second):
        found = await world.vc()
        here = [(str(each.called), str(each.path.remote.address)) for each in world.client.register.all()]
        ended = await world.vd()
        return found, users(world.gateway), here, ended

    more = f'redirect_to "{OTHER}"; redirect always; redirect_proved {proved};'
    found, first, here, ended = play(directory, story, monkeypatch, more=more)
    assert isinstance(found, Connected), found
    assert first == []
    assert here == [("127.0.0.1", OTHER)]
    assert ended.sessions == 1, "it is ended by the gateway that was meant"


def test_one_that_is_connected_goes_and_the_host_hears_of_it(directory, monkeypatch):
    async def story(world, second):
        found = await world.vc()
        done = world.gateway_admin.drain(Drain((OTHER,)), ROOT)
        await until(lambda: users(second) == ["alice"] and users(world.gateway) == [])
        await world.settle()
        (session,) = world.client.register.all()
        again = world.gateway_admin.drain(Drain(over=True), ROOT)
        return found, done, session, again, list(world.diary)

    found, done, session, again, diary = play(directory, story, monkeypatch)
    assert isinstance(found, Connected)
    assert isinstance(done, Done)
    assert "1 connected client is asked to go there" in done.text
    assert (str(session.called), str(session.path.remote.address)) == ("127.0.0.1", OTHER)
    assert isinstance(again, Done)
    assert diary.count(("attach", 1)) == 2, "what leads beside the tunnel leads to the other gateway now"


def test_a_client_that_does_not_follow_stays(directory, monkeypatch):
    async def story(world, second):
        found = await world.vc()
        done = world.gateway_admin.drain(Drain((OTHER,)), ROOT)
        return found, done, users(world.gateway)

    found, done, here = play(directory, story, monkeypatch, client="follow_redirects off;")
    assert isinstance(found, Connected)
    assert "1 cannot be asked" in done.text
    assert here == ["alice"]


def test_nobody_is_sent_where_another_name_is_shown(directory, monkeypatch):
    """In clear a gateway cannot lead a client to one that is not who was meant."""

    async def story(world, second):
        return await world.vc()

    more = f'redirect_to "{OTHER}"; redirect always;'
    client = "peers_identifier address 192.0.2.1; verify_identifier on;"
    found = play(directory, story, monkeypatch, more=more, client=client)
    assert isinstance(found, Failed)
    assert found.cause == "CERTIFICATE"
