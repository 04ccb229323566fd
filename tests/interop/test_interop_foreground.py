"""`lotor connect --ca` at a terminal: a second password, Ctrl-C before and after the tunnel is up."""

from lab import lotor
from lab.dialling import ping, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import PROGRAM
from lab.node import wait_until
from lab.terminal import Terminal

STRONG = {"encryption_algorithm": "aes 256", "hash_algorithm": "sha256", "dh_group": "14", "pfs_group": "14"}


def connecting(internet, certificates, *more):
    """`lotor connect` at a terminal of the client, as alice."""
    certificate = internet.client.write("/etc/ca.crt", (certificates / "ca.crt").read_bytes())
    return Terminal(internet.client, *PROGRAM, "connect", "--ca", certificate, "-u", "alice", *more, GATEWAY)


def test_newcomer_18_a_second_password_and_how_to_end_it(internet, certificates):
    gateway = serve(internet, certificates, **STRONG)
    with connecting(internet, certificates) as terminal:
        terminal.expect(f"connecting to {GATEWAY}")
        terminal.type("not this one")
        terminal.expect("refused the login of alice: try again")
        terminal.type("alicepass")
        terminal.expect("connected as 10.99.99.1, Ctrl-C ends it")
        assert wait_until(lambda: ping(internet.client, INSIDE_HOST))
        terminal.interrupt()
        assert terminal.end() == 0, terminal.screen
    assert "VPN connection terminated" in terminal.screen
    assert "not this one" not in terminal.screen
    assert "alicepass" not in terminal.screen
    assert wait_until(lambda: gateway.sessions() == [])


def test_newcomer_17_ctrl_c_at_the_password_is_130(internet, certificates):
    before = lotor.traces(internet.client)
    with connecting(internet, certificates) as terminal:
        terminal.expect("Password: ")
        terminal.interrupt()
        assert terminal.end() == 130, terminal.screen
    assert "interrupted" in terminal.screen
    assert "terminated" not in terminal.screen
    assert lotor.traces(internet.client) == before
