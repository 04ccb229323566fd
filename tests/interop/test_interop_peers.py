"""What trials with peers found: nothing of what they say is lost, and a refusal of theirs is heard when it is said."""

import pytest

from lab import dialling, lotor, pki
from lab.internet import GATEWAY, INSIDE_HOST
from lab.methods import connect, road_warrior
from lab.peers import Terms, join, serve


@pytest.fixture(scope="module")
def certificates(authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("pki")
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY, "gw.example.org").save(directory, "vpngw")
    pki.user(authority, "alice").save(directory, "user")
    return directory


@pytest.mark.parametrize(
    ("caller", "server", "method", "mode"),
    [
        ("lotor", "strongSwan", "hybrid", "main"),
        ("lotor", "strongSwan", "xauth_rsa", "main"),
        ("strongSwan", "lotor", "rsa", "aggressive"),
    ],
)
def test_f1_nothing_is_said_twice_because_a_certificate_is_judged(internet, certificates, caller, server, method, mode):
    """strongSwan says it again after four seconds, racoon never."""
    terms = Terms(method=method, mode=mode)
    gateway = serve(server, internet.gateway, certificates, terms)
    client = join(caller, internet.client, certificates, terms)
    assert client.connect()
    ours, theirs = (gateway, client) if server == "lotor" else (client, gateway)
    assert "phase 1 is not done" not in ours.program.journal()
    assert "retransmit" not in theirs.program.journal()


def test_peers_a_refusal_by_strongswan_is_told_with_its_reason(internet, certificates, tmp_path):
    """In main mode; in aggressive mode, where this end is done already, strongSwan deletes without a reason."""
    for name in ("ca.crt", "vpngw.crt", "vpngw.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    pki.user(pki.authority("Lab CA"), "alice").save(tmp_path, "user")
    serve("strongSwan", internet.gateway, certificates, Terms(method="rsa", mode="main"))
    client = road_warrior(internet.client, tmp_path, "rsa", "main")
    done = connect(client, "rsa")
    assert done.code == 19, done.stderr
    assert "AUTHENTICATION_FAILED" in done.stderr
    assert "in clear" not in client.journal()


def test_peers_a_gateway_learns_that_strongswan_refused_it(internet, certificates, tmp_path):
    """In aggressive mode; in main mode, where the gateway is done already, strongSwan deletes without a reason."""
    pki.authority("Other CA").save(tmp_path, "ca")
    for name in ("user.crt", "user.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    gateway = serve("lotor", internet.gateway, certificates, Terms(method="hybrid", mode="aggressive"))
    client = join("strongSwan", internet.client, tmp_path, Terms(method="hybrid", mode="aggressive"))
    assert not client.connect()
    gateway.program.running.expect("does not accept this end's proof of who it is")


FORGETFUL = """
import sys
from lotor.cli.main import main
from lotor.ike.sessions import Sessions
Sessions._renewed_by = lambda self, session, user: None
sys.exit(main())
"""
"""A gateway that gives each phase 1 an address of its own, as racoon does."""


def test_f3_a_client_follows_a_gateway_that_gives_another_address(internet, certificates, monkeypatch):
    """Each phase 1 lasts 30 seconds; pings go on, whatever the address."""
    gateway = lotor.gateway(internet.gateway, certificates)
    lotor.add_user(gateway, "alice", "alicepass")
    monkeypatch.setattr(lotor, "PROGRAM", (lotor.PROGRAM[0], "-c", FORGETFUL))
    gateway.start("-d", "--single-process")  # what is changed is changed in the process that was started
    monkeypatch.undo()
    client = dialling.road_warrior(internet.client, certificates, mode_cfg="on; lifetime time 30 sec")
    assert lotor.connect(client, "alice", "alicepass").code == 0
    got = []
    while client.journal().count("instead of") < 2 and len(got) < 400:
        got += [ping_once(internet.client) for _ in range(20)]
    journal = client.journal()
    assert journal.count("instead of") == 2, journal
    assert got.count(False) <= 2, (got, journal)
    assert "phase1_down: down: 10.99.99.1 is given back" in journal
    assert "phase1_up: up: 10.99.99.2 on lotor0" in journal
    (session,) = client.sessions()
    addresses = internet.client.run("ip", "-br", "address", "show", "lotor0").stdout
    assert addresses.split()[2:] == [f"{session['address']}/32"], "one address, the newest"
    assert session["address"] != "10.99.99.2"
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert not internet.client.run("ip", "-br", "address", "show", "lotor0", check=False).stdout.split()[2:]


def ping_once(node) -> bool:
    """A new conversation, by whatever address the host has at the moment."""
    done = node.run("ping", "-c1", "-W5", INSIDE_HOST, check=False)
    node.run("sleep", "0.15")
    return done.code == 0
