"""Who begins mode config: the gateway, the client, or whoever is first; and a push under the id of the yes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.events import Configured, Ended
from lotor.model.algorithms import AuthMethod
from lotor.model.network import Peer
from lotor.model.policy import ExchangeMode, Transfer
from lotor.model.reason import Cause
from lotor.wire.header import Header
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import ConfigType, ExchangeType, XauthAttribute
from lotor.wire.v1.payloads import Attributes
from peers.rogue import PATH, Caller, Rogue
from peers.speaker import Q, T
from peers.world import CLIENT, GATEWAY, connect, is_up, pair, suite_with

PUSH, PULL, AUTO = Transfer.PUSH, Transfer.PULL, Transfer.AUTO


def _pair(here: Transfer, there: Transfer, method=AuthMethod.HYBRID_RSA, **network):
    common = {"proposals": (suite_with(method),), "certificates": GATEWAY.certificates}
    gateway = replace(GATEWAY, mode_config=there, mode_cfg=True, **common)
    world, server, person = pair(gateway=gateway, client=replace(CLIENT, mode_config=here, **common), **network)
    connect(world, person, server)
    return world, server, person


def _begun_by(world, host) -> int:
    """How many transactions a host began."""
    seen: dict[int, bool] = {}
    for _, source, _, data in world.wire:
        if len(data) >= Header.SIZE and (header := Header.decode(data)).exchange == ExchangeType.TRANSACTION:
            seen.setdefault(header.message_id, source.address == host.address)
    return sum(seen.values())


@pytest.mark.parametrize("method", [AuthMethod.HYBRID_RSA, AuthMethod.RSA, AuthMethod.PSK])
@pytest.mark.parametrize(
    ("here", "there"), [(AUTO, PUSH), (PUSH, PUSH), (PULL, PULL), (AUTO, PULL), (PULL, AUTO), (AUTO, AUTO)]
)
def test_peers_one_end_begins_with_the_configuration(here, there, method):
    world, gateway, client = _pair(here, there, method)
    assert world.run(10, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events]
    world.run(10)
    pushed = there is PUSH
    assert _begun_by(world, client) == (0 if pushed else 1)
    rounds = 2 if method is AuthMethod.HYBRID_RSA else 0
    assert _begun_by(world, gateway) == rounds + pushed
    assert len(client.of(Configured)) == len(gateway.of(Configured)) == 1


def test_peers_a_client_that_waits_for_a_gateway_that_waits_is_told():
    world, _gateway, client = _pair(PUSH, PULL)
    assert world.run(200, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.PROTOCOL
    assert "answers, but did not finish the address in time" in client.of(Ended)[0].reason.text


@pytest.mark.parametrize("delay", [0.1, 0.2, 0.4, 1.0])
def test_peers_a_push_and_a_pull_that_cross_give_one_tunnel(delay):
    world, gateway, client = _pair(AUTO, PUSH, delay=delay)
    assert world.run(40, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events]
    world.run(100)
    assert not client.of(Ended)
    assert not gateway.of(Ended)
    assert len(client.of(Configured)) == 1


def test_peers_nothing_is_lost_of_either_in_a_bad_network():
    for seed in range(10):
        for there in (PUSH, PULL, AUTO):
            gateway = replace(GATEWAY, mode_config=there)
            world, server, person = pair(seed, gateway=gateway, loss=0.2, duplication=0.1, reordering=0.1)
            connect(world, person, server)
            assert world.run(300, lambda: is_up(person) and is_up(server)), seed  # noqa: B023
            world.run(60)
            assert not person.of(Ended), (seed, there, [event.text() for event in person.events])


# --- a gateway of wire and hashes only -------------------------------------------------------------------------------

FLOATED = Peer(PATH.remote.address, 4500)


class Pluto:
    """A gateway that pushes as libreswan does; `caller` has its address when `push` returns."""

    def __init__(self) -> None:
        self.caller, self.rogue = Caller(), Rogue(77)
        self.rogue.listen(self.caller.first)
        said = self.say(self.rogue.answer())
        self.rogue.heard_third(next(data for data in said if data[18] == ExchangeType.AGGRESSIVE))
        self.under_keys(500, ConfigType.REQUEST, Attribute.tlv(XauthAttribute.USER_NAME, b""))
        self.accepted = self.rogue.say(T, 501, self.status())
        self.hear(self.say(self.accepted))

    def status(self) -> Attributes:
        return Attributes(ConfigType.SET, 0, (Attribute.tv(XauthAttribute.STATUS, 1),))

    def say(self, datagram: bytes) -> list[bytes]:
        return self.caller.receive(datagram, PATH.remote, floated=False)

    def hear(self, said: list[bytes]) -> list:
        return [self.rogue.hear(data) for data in said if data[18] == T]

    def under_keys(self, message_id: int, kind: ConfigType, *attributes: Attribute) -> list:
        return self.hear(self.say(self.rogue.say(T, message_id, Attributes(kind, 0, attributes))))

    def configured(self) -> list:
        return self.caller.host.of(Configured)


ADDRESS = Attribute.tlv(1, bytes([10, 99, 99, 7]))


def test_peers_a_push_under_the_message_id_of_the_yes_is_taken():
    pluto = Pluto()
    said = pluto.say(pluto.rogue.say(T, 501, Attributes(ConfigType.SET, 0, (ADDRESS,))))
    assert [data[18] for data in said] == [T, Q]
    (answer,) = pluto.hear(said)
    assert answer.only(Attributes).type == ConfigType.ACK
    assert [event.address for event in pluto.configured()] == ["10.99.99.7"]


def test_peers_a_client_that_was_pushed_to_does_not_ask_any_more():
    pluto = Pluto()
    pluto.under_keys(501, ConfigType.SET, ADDRESS)
    assert not [data for data in pluto.caller.wait(20) if data[18] == T]


def test_peers_the_yes_once_more_is_answered_as_before_and_begins_nothing():
    pluto = Pluto()
    first = pluto.say(pluto.accepted)
    again = pluto.say(pluto.accepted)
    assert [data for data in first if data[18] == T] == [data for data in again if data[18] == T] != []
    pluto.under_keys(501, ConfigType.SET, ADDRESS)
    assert len(pluto.configured()) == 1


def test_peers_what_is_forged_under_the_id_of_the_yes_changes_nothing():
    pluto = Pluto()
    true = pluto.rogue.say(T, 501, Attributes(ConfigType.SET, 0, (ADDRESS,)))
    for position in range(Header.SIZE, len(true), 7):
        forged = bytearray(true)
        forged[position] ^= 1
        assert not [data for data in pluto.say(bytes(forged)) if data[18] == T]
    assert not pluto.configured()
    assert pluto.hear(pluto.say(true))[0].only(Attributes).type == ConfigType.ACK
    assert len(pluto.configured()) == 1


def test_peers_a_gateway_takes_no_second_question_under_an_old_id():
    """Only a client has such a peer: at a gateway a message id is good for one transaction."""
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    (session,) = client.endpoint._sessions.by_id.values()
    finished = [each for (kind, _), each in session.exchanges._finished.items() if kind == T]
    pulled = next(each for each in finished if getattr(each, "plan", None) and each.plan.initiator)
    header = session.header(T, pulled.message_id)
    request = Attributes(ConfigType.REQUEST, 1, (Attribute.tlv(1, b""),))
    again = pulled.channel.wrap(header, [request], encrypt=True)
    before = gateway.sent
    world.do(client, [])
    world._arrive(world._translate(session.path.local), session.path.remote, again, True)
    assert gateway.sent == before


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_peers_a_renewal_is_pushed_too(mode):
    suites = (replace(suite_with(AuthMethod.HYBRID_RSA), lifetime=300),)
    common = {"proposals": suites, "exchange_modes": (mode,)}
    gateway = replace(GATEWAY, mode_config=PUSH, **common)
    world, server, person = pair(gateway=gateway, client=replace(CLIENT, **common))
    connect(world, person, server)
    assert world.run(20, lambda: is_up(person) and is_up(server))
    world.run(900)
    assert not [event for event in person.of(Ended) if event.session == 1], [e.text() for e in person.events]
    assert len(person.endpoint._sessions.by_id) == 1
