"""What can come between two ends, with every pair of programs that it concerns: certificates good and bad, old
algorithms, a pushed configuration, a router that drops fragments or forgets, and goodbyes said and unsaid."""

import signal

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from lab import pki
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST
from lab.matrix import PAIRS
from lab.node import wait_until
from lab.peers import Terms, join, serve

NAMES = (GATEWAY, "gw.example.org")


def pairs(*, clients=("lotor", "strongSwan", "vpnc"), gateways=("lotor", "strongSwan"), but=()):
    chosen = [pair for pair in PAIRS if pair[0] in clients and pair[1] in gateways and pair not in but]
    return pytest.mark.parametrize(("caller", "server"), [pytest.param(*pair, id="-".join(pair)) for pair in chosen])


def meet(net, certificates, caller, server, terms):
    return serve(server, net.gateway, certificates, terms), join(caller, net.client, certificates, terms)


def met(*arguments):
    gateway, client = meet(*arguments)
    assert client.connect()
    return gateway, client


# --- certificates ----------------------------------------------------------------------------------------------------

BAD = {
    "wrong": lambda _: pki.gateway(pki.authority("Other CA"), *NAMES),
    "expired": lambda ca: pki.gateway(ca, *NAMES, age=40),
}


@pytest.mark.parametrize("kind", BAD)
@pairs(but=[("lotor", "lotor"), ("vpnc", "lotor")])
def test_a_bad_certificate_gets_no_client(internet, certificates, authority, tmp_path, kind, caller, server):
    """Between two lotor: test_interop_bad_input.py. vpnc takes the certificate of any authority."""
    BAD[kind](authority).save(tmp_path, "vpngw")
    (tmp_path / "ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    gateway = serve(server, internet.gateway, tmp_path, Terms())
    client = join(caller, internet.client, certificates, Terms())
    assert not client.connect()
    assert wait_until(lambda: gateway.guests() == [])
    if caller == "lotor":
        assert client.done.code == 12
    if server == "lotor":
        assert "login of alice" not in gateway.program.journal()


def test_vpnc_refuses_an_expired_certificate(internet, certificates, authority, tmp_path):
    (tmp_path / "ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    BAD["expired"](authority).save(tmp_path, "vpngw")
    gateway = serve("lotor", internet.gateway, tmp_path, Terms())
    assert not join("vpnc", internet.client, certificates, Terms()).connect()
    assert "login of alice" not in gateway.program.journal()


@pairs(clients=("lotor", "strongSwan"))
def test_chains_are_sent_and_received_by_both_ends(internet, authority, tmp_path, caller, server):
    """Only the root is known to both; vpnc, which takes the last certificate as the gateway's, gets the leaf alone."""
    above, below = pki.intermediate(authority, "Gateways"), pki.intermediate(authority, "People")
    authority.save(tmp_path, "ca")
    for name, issuer, leaf in (("vpngw", above, pki.gateway(above, *NAMES)), ("user", below, pki.user(below, "alice"))):
        leaf.save(tmp_path, name)
        (tmp_path / f"{name}-issuer.crt").write_bytes(issuer.certificate)
        if (caller if name == "user" else server) == "lotor":
            (tmp_path / f"{name}.crt").write_bytes(leaf.certificate + issuer.certificate)
    met(internet, tmp_path, caller, server, Terms(method="rsa", mode="main"))
    assert ping(internet.client, INSIDE_HOST)


def test_vpnc_knows_the_authority_in_the_middle(internet, authority, tmp_path):
    middle = pki.intermediate(authority, "Gateways")
    leaf = pki.gateway(middle, *NAMES)
    leaf.save(tmp_path, "vpngw")
    (tmp_path / "vpngw.crt").write_bytes(leaf.certificate + middle.certificate)
    (tmp_path / "ca.crt").write_bytes(authority.certificate + middle.certificate)
    met(internet, tmp_path, "vpnc", "lotor", Terms())
    assert ping(internet.client, INSIDE_HOST)


@pairs()
def test_an_rsa_key_of_4096_bits(internet, certificates, authority, tmp_path, caller, server):
    (tmp_path / "ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    pki.gateway(authority, *NAMES, key=rsa.generate_private_key(public_exponent=65537, key_size=4096)).save(
        tmp_path, "vpngw"
    )
    met(internet, tmp_path, caller, server, Terms())
    assert ping(internet.client, INSIDE_HOST)


# --- algorithms and configuration ------------------------------------------------------------------------------------


@pairs()
def test_3des_without_perfect_forward_secrecy(internet, certificates, caller, server):
    gateway, client = met(internet, certificates, caller, server, Terms(cipher="3des", pfs=False))
    assert ping(internet.client, INSIDE_HOST)
    lotor = gateway if server == "lotor" else client
    (session,) = lotor.program.sessions()
    assert "3des" in session["phase1"]
    assert all("3des" in child["suite"] for child in session["children"])
    assert "modp1024" not in str(session["children"])


@pairs(clients=("lotor", "strongSwan"), but=[("lotor", "lotor")])
def test_a_configuration_that_is_pushed(internet, certificates, caller, server):
    """A lotor client always asks; what comes unasked between two lotor is in tests/ike."""
    option = {"pull": "no"}
    terms = Terms(serving=option) if server == "strongSwan" else Terms(calling=option)
    _, client = met(internet, certificates, caller, server, terms)
    assert client.address.startswith("10.99.99.")
    assert ping(internet.client, INSIDE_HOST)


# --- routers ---------------------------------------------------------------------------------------------------------


@pairs(clients=("lotor", "strongSwan"), but=[("lotor", "lotor")])
def test_a_router_that_drops_fragments(broken_internet, certificates, caller, server):
    """Two lotor: test_interop_lotor.py. vpnc has no fragments of IKE."""
    met(broken_internet, certificates, caller, server, Terms(fragment=500))
    assert ping(broken_internet.client, INSIDE_HOST)
    assert (broken_internet.dropped().fragments, broken_internet.dropped().large) == (0, 0)


@pairs(clients=("lotor", "strongSwan"))
def test_a_router_that_forgets_is_followed(internet, certificates, caller, server):
    """lotor follows the next ESP packet, strongSwan's in user space the next IKE message. vpnc: test_interop_vpnc.py"""
    asking = {"dpd_delay": "2"} if server == "strongSwan" else {}
    gateway, client = met(internet, certificates, caller, server, Terms(calling=asking))
    assert ping(internet.client, INSIDE_HOST)
    internet.rebind()
    patience = 40 if server == "strongSwan" else 0
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST), patience)
    assert gateway.guests() == [client.address]


# --- the end ---------------------------------------------------------------------------------------------------------

PROBING = "2; dpd_retry 2; dpd_maxfail 5"
TOLD = "/etc/racoon/told.sh"


def with_hooks(node):
    """`dpd_delay` of a lotor that soon finds its peer dead, and writes down each phase1_dead."""
    node.write(TOLD, '#!/bin/sh\necho "$1" >> /run/told\n', 0o755)
    return {"dpd_delay": f'{PROBING}; script "{TOLD}" phase1_dead'}


def told(node):
    path = node.path("/run/told")
    return path.read_text().split() if path.exists() else []


@pairs(gateways=("lotor",))
def test_a_client_that_is_killed(internet, certificates, caller, server):
    terms = Terms(serving=with_hooks(internet.gateway))
    gateway, client = met(internet, certificates, caller, server, terms)
    assert ping(internet.client, INSIDE_HOST)  # vpnc says "connected" before its quick mode
    client.program.running.stop(signal.SIGKILL)
    assert wait_until(lambda: gateway.guests() == [], 60)
    assert wait_until(lambda: told(internet.gateway) == ["phase1_dead"])


@pairs(clients=("lotor",))
def test_a_gateway_that_is_killed(internet, certificates, caller, server):
    terms = Terms(calling=with_hooks(internet.client))
    gateway, client = met(internet, certificates, caller, server, terms)
    gateway.program.running.stop(signal.SIGKILL)
    assert wait_until(lambda: not client.connected(), 60)
    assert wait_until(lambda: told(internet.client) == ["phase1_dead"])


@pairs(clients=("lotor", "strongSwan"), gateways=("lotor",))
def test_a_gateway_that_says_goodbye(internet, certificates, caller, server):
    """strongSwan as the gateway: test_interop_strongswan.py; vpnc: test_interop_vpnc.py."""
    gateway, client = met(internet, certificates, caller, server, Terms())
    gateway.leave()
    assert wait_until(lambda: not client.connected())
