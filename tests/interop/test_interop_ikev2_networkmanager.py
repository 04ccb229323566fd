"""NetworkManager's plugin for strongSwan at lotor's gateway, set up by the file that `lotor profile` writes."""

from __future__ import annotations

import re

from lab import pki
from lab.dialling import carries, ping
from lab.ikev2 import serve
from lab.internet import INSIDE_HOST, ROUTER
from lab.networkmanager import CharonNm
from lab.node import wait_until


def keyfile(gateway, node, authority=None):
    """What `lotor profile` writes for alice; its authority is put where the file says, or another in its place."""
    gateway.node.run("mkdir", "-p", "/etc/profile.d/alice")
    done = gateway.call("profile", "alice", "--for", "networkmanager", "-o", "/etc/profile.d/alice")
    assert done.code == 0, done
    text = gateway.node.run("sh", "-c", "cat /etc/profile.d/alice/*.nmconnection").stdout
    certificate = gateway.node.run("sh", "-c", "cat /etc/profile.d/alice/*.pem").stdout
    node.write(re.search("^certificate=(.*)$", text, re.MULTILINE)[1], authority or certificate)
    node.write("/etc/hosts", "127.0.0.1 localhost\n192.0.2.50 gw.example.org\n")
    return text


def test_a_person_comes_in_by_the_file_of_lotor_profile_and_leaves(internet, certificates):
    gateway, node = serve(internet, certificates), internet.client
    client = CharonNm(node)
    assert client.connect(keyfile(gateway, node), "alicepass"), client.running.text()
    assert (client.given["address"], client.given["dns"]) == ("10.99.99.1", ["10.0.12.1"])
    assert carries(internet, node, "10.99.99.1")
    (session,) = gateway.sessions()
    assert (session["user"], session["ike"]) == ("alice", 2)
    assert client.disconnect()
    assert wait_until(lambda: gateway.sessions() == [])


def test_only_the_networks_of_the_file_go_through_the_tunnel(internet, certificates):
    gateway, node = serve(internet, certificates, inside="split_network include 203.0.113.0/24;"), internet.client
    client, text = CharonNm(node), keyfile(gateway, internet.client)
    assert "never-default=true\nroute1=203.0.113.0/24" in text
    assert client.connect(text, "alicepass"), client.running.text()
    assert ping(node, INSIDE_HOST)
    assert "203.0.113.0/24 dev ipsec0" in node.ip("route", "show", "table", "220")
    assert "default" not in node.ip("route", "show", "table", "220")


def test_what_goes_wrong_is_said_by_the_gateway(internet, certificates):
    """The plugin tells NetworkManager of a wrong password what it tells of any failure."""
    gateway, node = serve(internet, certificates), internet.client
    client = CharonNm(node)
    assert not client.connect(keyfile(gateway, node), "wrong")
    assert wait_until(lambda: "wrong password" in gateway.call("explain", "alice").stdout)
    assert not client.connect(keyfile(gateway, node, pki.authority("Other CA").certificate), "alicepass")
    assert wait_until(lambda: "AUTHENTICATION_FAILED" in gateway.call("explain", ROUTER).stdout)
    assert wait_until(lambda: gateway.sessions() == [])
    assert "10.99.99." not in node.ip("-br", "address")
