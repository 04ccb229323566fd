"""A gateway that reads its configuration again, with people in it."""

from bench.gateways import PEOPLE, lotor_local
from bench.handshakes import dialling
from bench.link import Link
from lab import lotor
from lab.dialling import ping, road_warrior
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until

FIFTY = 50
GROUP = 31
SOCKET = ("-s", "/run/gateway.sock")
PLACES = '"/run/gateway.sock"; isakmp 192.0.2.50[500]'


def test_a_reload_with_people_in_it(internet, certificates, gateway):
    one, other = (road_warrior(node, certificates) for node in internet.clients[:2])
    assert lotor.connect(one, "alice", "alicepass").code == 0
    lotor.add_user(gateway, "bob", "bobpass")
    changes = {"network4": "10.99.99.101", "dns4": "10.0.12.9", "adminsock": PLACES}
    gateway.configure(lotor.howto("gateway", auth_source="local", **changes))
    done = gateway.call("reload")
    assert done.code == 0, done
    for told in (
        "the pool is 10.99.99.101 to ",
        "192.0.2.50:500 is open now",
        "0.0.0.0:500 is closed to new clients",
        "NAT traversal stays at 0.0.0.0:4500 and [::]:4500 until the next start",
    ):
        assert told in done.stdout
    assert ping(one.node, INSIDE_HOST)
    assert lotor.connect(other, "bob", "bobpass").stdout.startswith("Bound to address 10.99.99.101\n")
    assert ping(other.node, INSIDE_HOST)
    assert ping(internet.inside, "10.99.99.1")
    assert {each["address"] for each in gateway.sessions()} == {"10.99.99.1", "10.99.99.101"}

    gateway.configure(lotor.howto("gateway", dh_group="seven", adminsock=PLACES))
    bad = gateway.call("reload", *SOCKET)
    assert bad.code == 4
    assert "the old configuration stays:\n/etc/racoon/racoon.conf:" in bad.stderr
    gateway.running.expect("was not taken over, the old configuration stays")
    assert ping(one.node, INSIDE_HOST)

    assert one.call("vd", GATEWAY).code == 0
    assert wait_until(lambda: "10.99.99.1 " not in gateway.node.run("ip", "route").stdout)
    assert lotor.connect(one, "alice", "alicepass").stdout.startswith("Bound to address 10.99.99.102\n")
    done = gateway.call("logout", "-s", "/run/gateway.sock", "bob")
    assert done.stdout == "1 session of bob ended\n"
    assert wait_until(lambda: other.sessions() == [])
    other.running.expect("the gateway ended the session")


def broken(text):
    """What a person, an editor or a full disk makes of a configuration."""
    yield text.replace("dh_group", "dh_gruop", 1)
    yield text[: text.index("proposal {") + 20]
    yield text.replace("vpngw.crt", "not-here.crt")
    yield text.replace("pool_size 12000", "pool_size 12000000000")
    yield "\x00\udcff" * 50_000
    yield ""


def test_a_broken_file_ends_none_of_fifty_sessions():
    with Link() as link:
        gateway = lotor_local(link, GROUP, PEOPLE)
        gateway.start()
        text = gateway.node.path(lotor.CONFIGURATION).read_text()
        with dialling(link, GROUP) as clients:
            clients.dial(FIFTY, 8)
            before = {each["session"]: each["address"] for each in gateway.sessions()}
            assert len(before) == FIFTY
            for content in broken(text):
                gateway.node.write(lotor.CONFIGURATION, content.encode(errors="surrogateescape"))
                refused = gateway.call("reload", *SOCKET)
                assert refused.code == 4, content[:500]
                assert "the old configuration stays:\n/etc/racoon/racoon.conf:" in refused.stderr
            gateway.node.path(lotor.CONFIGURATION).unlink()
            assert gateway.call("reload", *SOCKET).code == 4
            gateway.configure(text)
            assert {each["session"]: each["address"] for each in gateway.sessions()} == before
            assert gateway.call("reload", *SOCKET).code == 0
            clients.dial(1, 1)  # and the gateway still lets people in
            assert {each["session"]: each["address"] for each in gateway.sessions()}.items() > before.items()
