"""A whole login between two endpoints in virtual time, and what each side tells of it."""

from lotor.ike.events import ChildUp, Configured, Ended, LoggedIn, PhaseOneUp, Up
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
