"""Connections beside each other on one host: of one daemon, of several programs, beside a gateway; and their names."""

import re
from contextlib import ExitStack

import pytest

from interop.conftest import lab
from lab import lotor, pki
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.node import wait_until
from lab.resolved import SystemdResolved, address_of, name_server
from lab.terminal import Terminal

OTHER = "198.51.100.11"
"""The second gateway: the lab's second client, whose inside is itself."""
BEHIND = "10.1.2.3"
FIRST_NAMES, SECOND_NAMES, OUTER_NAMES = "203.0.113.71", "10.1.2.72", "192.0.2.73"
"""What name servers answer to every question."""
STRONG = {"encryption_algorithm": "aes 256", "hash_algorithm": "sha256", "dh_group": "14"}


def gateway(node, certificates, given, first="10.99.99.1"):
    program = lotor.gateway(node, certificates, **lotor.BOTH, banner="", network4=first, wins4="", dns4=given)
    lotor.add_user(program, "alice", "alicepass")
    program.start("-d")
    return program


@pytest.fixture
def two(authority, tmp_path):
    """A lab and its two gateways, which send split networks in each other, and names."""
    authority.save(tmp_path, "ca")
    pki.gateway(authority, GATEWAY, OTHER).save(tmp_path, "vpngw")
    for net in lab(Internet(clients=2)):
        there = net.clients[1]
        there.ip("address", "add", f"{BEHIND}/32", "dev", "lo")
        name_server(net.inside, INSIDE_HOST, FIRST_NAMES)
        name_server(there, BEHIND, SECOND_NAMES)
        name_server(net.router, "198.51.100.1", OUTER_NAMES)
        split = "split_network include 203.0.113.0/24, 10.0.0.0/8"
        first = gateway(net.gateway, tmp_path, f'{INSIDE_HOST}; {split}; default_domain "corp.example"')
        split = "split_network include 10.1.0.0/16"
        second = gateway(
            there, tmp_path, f'{BEHIND}; {split}; default_domain "lab.example"; split_dns "test.example"', "10.98.0.1"
        )
        net.client.write("/etc/ca.crt", (tmp_path / "ca.crt").read_bytes())
        yield net, first, second


def connecting(ends, node, address):
    """`lotor connect` at a terminal, as alice; closed with `ends`."""
    words = (*lotor.PROGRAM, "connect", "--ca", "/etc/ca.crt", "-u", "alice", address)
    terminal = ends.enter_context(Terminal(node, *words))
    terminal.expect("Password: ")
    terminal.type("alicepass")
    return terminal


def names(node):
    return [address_of(node, f"www.{domain}.example") for domain in ("corp", "lab", "test", "other")]


def test_two_programs_of_one_host_have_networks_and_names_of_their_own(two):
    net = two[0]
    resolved = SystemdResolved(net.client, "198.51.100.1")
    before = lotor.traces(net.client)
    assert names(net.client) == [OUTER_NAMES] * 4
    with ExitStack() as ends:
        one = connecting(ends, net.client, GATEWAY)
        one.expect("connected as 10.99.99.1")
        assert names(net.client) == [FIRST_NAMES, OUTER_NAMES, OUTER_NAMES, OUTER_NAMES]
        other = connecting(ends, net.client, OTHER)
        other.expect("connected as 10.98.0.1")
        assert ping(net.client, INSIDE_HOST)
        assert ping(net.client, BEHIND)  # in a network of both, more specific in the second
        assert names(net.client) == [FIRST_NAMES, SECOND_NAMES, SECOND_NAMES, OUTER_NAMES]
        again = connecting(ends, net.client, GATEWAY)
        again.expect("another connection of this host leads to")
        assert again.end() == 20, again.screen
        resolved.restart()
        assert names(net.client) == [FIRST_NAMES, SECOND_NAMES, SECOND_NAMES, OUTER_NAMES]
        one.interrupt()
        assert one.end() == 0, one.screen
        assert names(net.client) == [OUTER_NAMES, SECOND_NAMES, SECOND_NAMES, OUTER_NAMES]
        assert ping(net.client, BEHIND)
        resolved.stop()
        other.interrupt()
        assert other.end() == 0, other.screen
    resolved.restart()
    assert names(net.client) == [OUTER_NAMES] * 4
    assert lotor.traces(net.client) == before


def client(net, certificate):
    """One daemon, a block for each gateway, both up from the start."""
    saved = 'xauth_login "alice";\nauto_connect on;\nkill_switch on;\n'
    text = lotor.howto("client", **STRONG, script="").replace("mode_cfg on;", f"mode_cfg on;\n{saved}")
    block = re.search(r"(?ms)^remote .*?^\}\n", text).group(0)
    text = text.replace(block, block + block.replace(GATEWAY, OTHER))
    program = lotor.Lotor(net.client)
    program.configure(text)
    program.node.write(f"{lotor.CERTIFICATES}/ca.crt", certificate)
    program.node.write("/etc/racoon/psk.txt", "alice alicepass\n", 0o600)
    return program


def is_up(program, *addresses):
    return sorted(each["address"] for each in program.sessions() if each["state"] == "up") == sorted(addresses)


def test_two_connections_of_one_daemon_come_and_go_each_for_itself(two):
    net, first, _ = two
    program = client(net, net.client.path("/etc/ca.crt").read_bytes())
    idle = lotor.traces(net.client)
    program.start("-d")
    assert wait_until(lambda: is_up(program, "10.99.99.1", "10.98.0.1"))
    assert ping(net.client, INSIDE_HOST)
    assert ping(net.client, BEHIND)
    resolv = net.client.run("cat", "/etc/resolv.conf").stdout
    assert {f"nameserver {INSIDE_HOST}", f"nameserver {BEHIND}"} <= set(resolv.splitlines())
    first.stop()  # tells its clients
    assert wait_until(lambda: is_up(program, "10.98.0.1"))
    assert ping(net.client, BEHIND)
    assert not ping(net.client, INSIDE_HOST)  # its kill switch shuts its own networks alone
    assert program.call("vd", GATEWAY).code == 0
    assert is_up(program, "10.98.0.1")
    assert ping(net.client, BEHIND)
    resolv = net.client.run("cat", "/etc/resolv.conf").stdout
    assert f"nameserver {BEHIND}" in resolv
    assert f"nameserver {INSIDE_HOST}" not in resolv
    assert program.call("vd", OTHER).code == 0
    assert net.client.run("cat", "/etc/resolv.conf").stdout == "nameserver 198.51.100.1\n"
    program.stop()
    assert lotor.traces(net.client) == idle


def test_a_client_beside_a_gateway_on_one_host(two):
    """The first gateway's host dials the second one, while it serves."""
    net, first, second = two
    net.gateway.write("/etc/ca.crt", net.client.path("/etc/ca.crt").read_bytes())
    net.router.ip("route", "add", "198.51.100.11/32", "dev", "lan")
    net.gateway.ip("route", "add", "198.51.100.0/24", "via", "192.0.2.1")
    with ExitStack() as ends:
        guest = connecting(ends, net.client, GATEWAY)
        guest.expect("connected as 10.99.99.1")
        before = lotor.traces(net.gateway)
        beside = connecting(ends, net.gateway, OTHER)
        beside.expect("connected as 10.98.0.1")
        assert ping(net.gateway, BEHIND)
        assert ping(net.client, INSIDE_HOST)
        assert [each["user"] for each in second.sessions()] == ["alice"]
        assert [each["role"] for each in first.sessions()] == ["gateway"]
        beside.interrupt()
        assert beside.end() == 0, beside.screen
        assert lotor.traces(net.gateway) == before
        assert ping(net.client, INSIDE_HOST)
        guest.interrupt()
        assert guest.end() == 0
