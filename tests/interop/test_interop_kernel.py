"""lotor with ESP of the kernel (User Mode Linux): as gateway of every kind of client, as client, and after kill -9.

Each test boots what it needs once and asks everything of it: a kernel takes seconds to start, and lotor in it more.
"""

from __future__ import annotations

import json
import re

import pytest

from lab import lotor
from lab.dialling import carries, dialled, ping, road_warrior, transfer
from lab.ikev2 import join, person, prepare, serve, traveller
from lab.internet import GATEWAY, INSIDE_HOST
from lab.kernels import KernelCharon, by_kernel, client_kernel, gateway_kernel
from lab.libreswan import Libreswan
from lab.lotor import connect
from lab.node import wait_until
from lab.pings import Pings
from lab.strongswan_v2 import Client
from lab.wire import Watch

pytestmark = pytest.mark.usefixtures("uml")
KEY = "a long shared key of the lab"
FOREIGN = """set -e
ends='src 10.1.0.1 dst 10.1.0.2'
keys="enc cbc(aes) 0x$(printf %032d 1) auth hmac(sha1) 0x$(printf %040d 2)"
ip xfrm state add $ends proto esp spi 0x1000 reqid 7 mode tunnel $keys
ip xfrm policy add src 10.3.0.0/24 dst 10.4.0.0/24 dir out tmpl $ends proto esp reqid 7 mode tunnel
ip link add foreign type dummy
"""


def engine(program):
    return json.loads(program.must("status", "--json").stdout)["engine"]


def whole(flood):
    """Each was answered once."""
    return flood.lost() == [] and not flood.repeated


def in_the_kernel(kernel):
    """SAs, policies, and devices but those of the machine itself."""
    what = "ip -o xfrm state count; ip xfrm policy | grep -A1 ^src.*[0-9]/ | grep -v socket; ip -br address"
    return kernel.shell(what).stdout


def pairs_of_bob(gateway):
    """How many SA pairs he had so far."""
    return len(re.findall(r"\(bob\): SA pair \d+ up", gateway.journal()))


def naming(ciphers, text):
    """A configuration whose SA pairs may have these."""
    return text.replace("encryption_algorithm aes_gcm_16 256, aes 256;", f"encryption_algorithm {ciphers};")


def suite_of(client):
    """Of the SA pair of a connection that is made."""
    done = connect(client, "alice", "alicepass")
    assert done.code == 0, done
    return client.sessions()[0]["children"][0]["suite"]


def test_a_gateway_of_old_and_new_clients_behind_a_nat(internet, certificates):
    """vpnc by IKEv1 and strongSwan by IKEv2, each in UDP, at one gateway. The router forgets its mappings: the kernel
    follows the one that has no MOBIKE."""
    gateway = by_kernel(prepare(internet, certificates), gateway_kernel(internet))
    assert (engine(gateway)["name"], engine(gateway)["device"]) == ("kernel", "lotor0")
    old, new = internet.clients
    vpnc = dialled(old, certificates, group="dh14", pfs="nopfs")
    charon = join(new, certificates)
    charon.initiate()
    assert carries(internet, old, vpnc.environment()["INTERNAL_IP4_ADDRESS"])
    assert carries(internet, new, "10.99.99.2")
    flood = Pings(new, INSIDE_HOST, 100)
    for _ in range(3):
        charon.control("--rekey", "--child", "net")
    charon.control("--rekey", "--ike", "ra")
    assert whole(flood)
    gateway.running.expect("IKE SA renewed")
    internet.rebind()
    assert wait_until(lambda: ping(old, INSIDE_HOST))
    assert ping(internet.inside, vpnc.environment()["INTERNAL_IP4_ADDRESS"]), gateway.journal()
    gateway.running.expect("moved")


def test_a_gateway_whose_path_takes_small_datagrams_alone(direct_internet, certificates):
    """Native ESP with lotor's own client, which wants compression and renews its keys."""
    net = direct_internet
    small = {"esp_frag": "900", "nat_traversal": "on", "compression_algorithm": "deflate; ipcomp accept"}
    program = lotor.gateway(net.gateway, certificates, **small)
    lotor.add_user(program, "alice", "alicepass")
    gateway = by_kernel(program, gateway_kernel(net, nat=False))
    offered = {"nat_traversal": "on", "compression_algorithm": "deflate; ipcomp on", "lifetime": "time 10 sec"}
    client = road_warrior(net.client, certificates, **offered)
    done = connect(client, "alice", "alicepass")
    assert done.code == 0, done
    (child,) = gateway.sessions()[0]["children"]
    assert (child["compression"], child["encapsulation"]) == ("deflate", "esp")
    watch = Watch(net.router, "wan", GATEWAY)
    assert carries(net, net.client, "10.99.99.1")
    assert transfer(net.inside, net.client, INSIDE_HOST, content=b"0" * 1_000_000)
    assert ping(net.client, INSIDE_HOST, "-s", "1300", "-p", "00")
    seen = watch.stop()
    assert seen.esp > 100
    assert seen.udp < 10
    assert (seen.largest <= 900, seen.fragments) == (True, 0), seen
    assert Pings(net.client, INSIDE_HOST, 400).lost() == []
    assert client.journal().count("SA pair") >= 4


def test_a_client(internet, certificates):
    """It comes to a gateway in user space, renews keys, leaves, and nothing is left."""
    gateway = serve(internet, certificates)
    program = traveller(internet.client, certificates, lifetime="10 sec")
    kernel = client_kernel(internet)
    before = in_the_kernel(kernel)
    client = by_kernel(program, kernel)
    done = connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert engine(client)["name"] == "kernel"
    assert carries(internet, kernel, "10.99.99.1")
    assert Pings(kernel, INSIDE_HOST, 400).lost() == []
    assert client.journal().count("SA pair") >= 4
    assert client.call("vd", GATEWAY).code == 0
    assert wait_until(lambda: gateway.sessions() == [])
    assert client.stop() == 0
    assert in_the_kernel(kernel) == before


def test_peers_with_esp_of_their_kernels(internet, certificates):
    """strongSwan and libreswan, each in a kernel of its own as the gateway is, the latter with extended sequence
    numbers. The gateway renews the keys of the one under traffic; libreswan, which renews its own, drops what is under
    way to it by the old ones."""
    internet.gateway.write("/etc/racoon/psk.txt", f"alice {KEY}\nbob {KEY}\n", 0o600)
    program = prepare(internet, certificates, more="my_auth psk; peers_auth psk;", sainfo="lifetime time 20 sec;")
    gateway = by_kernel(program, gateway_kernel(internet))
    pluto = Libreswan(internet.client, "psk", certificates, KEY)
    charon = KernelCharon(client_kernel(internet, 1))
    terms = Client(GATEWAY, "gw.example.org", user="bob", password=KEY, proof="psk")
    charon.join_v2(certificates / "ca.crt", terms)
    charon.initiate()
    assert carries(internet, charon.node, "10.99.99.1")
    assert pluto.connect(), pluto.log()[-2000:]
    assert pluto.extended() == [True, True]
    pluto.control("--name", "ra", "--rekey-ipsec")
    assert pluto.pings(INSIDE_HOST)
    renewed = pairs_of_bob(gateway) + 1
    while pairs_of_bob(gateway) < renewed:
        assert whole(Pings(internet.inside, "10.99.99.1", 80))
    charon.terminate()
    pluto.control("--name", "ra", "--terminate")
    assert wait_until(lambda: gateway.sessions() == [])


def test_a_reload_names_what_the_kernel_lacks(internet, certificates):
    """At first without the module: both ends take the next suite, and a file with nothing else is refused. Then with
    it."""
    program, client = prepare(internet, certificates), traveller(internet.client, certificates)
    usual = program.node.path(lotor.CONFIGURATION).read_text()
    gateway = by_kernel(program, gateway_kernel(internet))
    client.configure(naming("chacha20_poly1305, aes_gcm_16 256", client.node.path(lotor.CONFIGURATION).read_text()))
    client.start("-d")
    alone, both = (naming(f"chacha20_poly1305{more}", usual) for more in ("", ", aes_gcm_16 256"))
    gateway.node.shell("modprobe -r chacha20poly1305")
    gateway.configure(f"engine kernel;\n{both}")
    gateway.must("reload")
    assert gateway.journal().count("the kernel carries no chacha20_poly1305, ") == 1
    gateway.configure(f"engine kernel;\n{alone}")
    refused = gateway.call("reload")
    assert refused.code == 4, refused
    assert "the kernel has none of the algorithms of a sainfo (chacha20_poly1305)" in refused.stderr
    assert suite_of(client) == "aes_gcm_16-256"
    gateway.node.shell("modprobe chacha20poly1305")
    gateway.must("reload")
    assert client.call("vd", GATEWAY).code == 0
    assert suite_of(client) == "chacha20_poly1305"
    assert carries(internet, internet.client, "10.99.99.1")


def test_a_process_is_killed(internet, certificates):
    """The daemon, then the warden: what the kernel has of lotor's goes, what others have stays, and all comes back."""
    program = prepare(internet, certificates)
    kernel = gateway_kernel(internet)
    kernel.shell(FOREIGN)
    before = in_the_kernel(kernel)
    assert "foreign" in before
    gateway = by_kernel(program, kernel)
    client = person(internet.client, certificates)
    assert connect(client, "alice", "alicepass").code == 0
    assert carries(internet, internet.client, "10.99.99.1")
    kernel.run("pkill", "-KILL", "-f", "lotor.daemon.entry")
    assert wait_until(lambda: gateway.journal().count("the daemon serves as process") == 2), gateway.journal()
    assert "10.99.99" not in in_the_kernel(kernel)
    client.call("vd", GATEWAY)
    assert wait_until(lambda: connect(client, "alice", "alicepass").code == 0)
    assert ping(internet.client, INSIDE_HOST)
    kernel.run("pkill", "-KILL", "-f", "lotor.cli.main")
    assert wait_until(lambda: not gateway.running.alive)
    assert in_the_kernel(kernel) != before
    gateway.start("-d")
    gateway.running.expect("undone on this host")
    client.call("vd", GATEWAY)
    assert wait_until(lambda: connect(client, "alice", "alicepass").code == 0)
    assert carries(internet, internet.client, "10.99.99.1")
    assert gateway.stop() == 0
    assert in_the_kernel(kernel) == before
