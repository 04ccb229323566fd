"""A whole login between two endpoints in virtual time, and what each side tells of it."""

from lotor.ike.events import ChildUp, Configured, Ended, LoggedIn, PhaseOneUp, Up
from lotor.ike.intents import ChildExpired
from lotor.ike.questions import Install
from peers.world import connect, is_up, pair


def test_a_client_behind_a_nat_logs_in_and_gets_an_address():
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events + gateway.events]
    assert client.of(Configured)[0].configuration.dns[0].exploded == "10.0.12.1"
    assert gateway.of(LoggedIn)[0].user == "alice"
    assert client.of(PhaseOneUp)[0].path.floated
    ours, theirs = client.of(ChildUp)[0].child, gateway.of(ChildUp)[0].child
    assert ours.outbound.encryption == theirs.inbound.encryption
    assert ours.inbound.integrity == theirs.outbound.integrity
    assert gateway.installed[theirs.id].sending
    assert not client.of(Ended)
    assert not gateway.of(Ended)
    assert client.of(Up)[0].user == "alice"


def test_the_first_pair_sends_before_the_third_message_and_its_successor_after():
    """The client's first packet may pass its third message of quick mode; the answer to it must find a way."""
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    pair_up = client.of(ChildUp)[0].child
    world.do(client, client.endpoint.command(ChildExpired(pair_up.id, hard=False), world.now))
    assert world.run(5, lambda: len(gateway.of(ChildUp)) == 2)
    installed = [question.child.sending for question in gateway.questions if isinstance(question, Install)]
    assert installed == [True, False]
    world.run(1)
    assert all(child.sending for child in gateway.installed.values())
