"""IKEv2 without a NAT, where MOBIKE moves IKE to port 4500 and ESP stays IP protocol 50: beside strongSwan with ESP of
its kernel, which takes nothing else, and a client that comes into a NAT and out of it again."""

from __future__ import annotations

import pytest

from lab.dialling import carries, moves, ping
from lab.ikev2 import person, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.kernels import KernelCharon, client_kernel, gateway_kernel
from lab.lotor import connect
from lab.node import wait_until
from lab.strongswan_v2 import Client, Gateway

pytestmark = pytest.mark.usefixtures("uml")


def encapsulation(program):
    ((child,),) = [each["children"] for each in program.sessions()]
    return child["encapsulation"]


def test_a_client_of_strongswan_with_esp_of_its_kernel(direct_internet, certificates):
    gateway = serve(direct_internet, certificates)
    charon = KernelCharon(client_kernel(direct_internet))
    charon.join_v2(certificates / "ca.crt", Client(GATEWAY, "gw.example.org"))
    charon.initiate()
    assert encapsulation(gateway) == "esp"
    assert carries(direct_internet, charon.node, "10.99.99.1")


def test_a_gateway_of_strongswan_with_esp_of_its_kernel(direct_internet, certificates):
    charon = KernelCharon(gateway_kernel(direct_internet, nat=False))
    charon.serve_v2(certificates / "vpngw.crt", certificates / "vpngw.key", Gateway())
    client = person(direct_internet.client, certificates, more="eap mschapv2;")
    done = connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert encapsulation(client) == "esp"
    assert carries(direct_internet, direct_internet.client, "10.99.99.10")


def test_a_client_that_comes_into_a_nat_and_out_of_it_again(direct_internet, certificates):
    net = direct_internet
    gateway = serve(net, certificates)
    client = person(net.client, certificates)
    assert connect(client, "alice", "alicepass").code == 0
    for number, way in enumerate(("esp", "udp", "esp")):
        if number:
            net.translate(on=way == "udp")
            moves(net.client, f"198.51.100.{100 + number}")
        assert wait_until(lambda: ping(net.client, INSIDE_HOST)), gateway.journal()
        assert wait_until(lambda way=way: (encapsulation(client), encapsulation(gateway)) == (way, way))
        assert carries(net, net.client, "10.99.99.1")
