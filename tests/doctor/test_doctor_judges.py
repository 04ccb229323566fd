"""Each judgement from plain facts: what is told, how grave it is, and the command that mends it."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from lotor.doctor import (
    certificate,
    clock,
    configuration,
    daemon,
    forwarding,
    gateways,
    leftovers,
    mtu,
    names,
    network,
    ports,
    resolvers,
    tun,
    vpns,
    way_back,
)
from lotor.doctor.finding import Grade
from lotor.doctor.lookups import Lookup, Reply
from lotor.doctor.probe import Answer, Kind
from lotor.doctor.subject import Wish, subject
from lotor.hosts import closures
from lotor.hosts.changes import Closing, written
from lotor.hosts.holder import Holder
from lotor.hosts.owner import Owner
from lotor.model.network import Peer
from lotor.model.policy import Side
from lotor.pki.clients import Judgement

ANY, HERE = ip_address("0.0.0.0"), ip_address("192.0.2.50")
WANTED = (Peer(ANY, 500), Peer(ANY, 4500))
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def told(found):
    return [(each.grade.value, each.text, each.mends) for each in found]


def only(found):
    (each,) = found
    return each


def seen(holders=(), **facts):
    by_port = {port: tuple(each for each in holders if port in {500, 4500}) for port in (500, 4500)}
    return ports.Ports(WANTED, by_port, frozenset({HERE}), **facts)


def test_a_port_that_another_program_has():
    found = only(ports.judge(seen([Holder(HERE, "charon", 812)], stops={812: "systemctl disable --now s.service"})))
    assert told([found]) == [
        ("wrong", "UDP 500 and 4500 in use by charon (process 812)", ("systemctl disable --now s.service",))
    ]


def test_a_port_that_a_client_does_not_need():
    found = only(ports.judge(seen([Holder(ANY, "charon", 812)], gateway=False)))
    assert (found.grade, found.mends) == (Grade.WARN, ("kill 812",))
    assert only(ports.judge(seen([Holder(ANY, "lotor", 812)], gateway=False))).grade is Grade.OK


@pytest.mark.parametrize(
    ("facts", "grade", "text"),
    [
        ({}, Grade.OK, "UDP 500 and 4500 free"),
        ({"daemon": 7}, Grade.WRONG, "the daemon runs, but nobody has UDP 500 and 4500 open"),
        ({"holders": [Holder(ANY, "lotor", 7)], "daemon": 7}, Grade.OK, "UDP 500 and 4500: lotor has them (process 7)"),
        ({"holders": [Holder(ANY)], "daemon": 7}, Grade.OK, "UDP 500 and 4500: lotor has them (process 7)"),
        ({"holders": [Holder(ANY)]}, Grade.UNKNOWN, "UDP 500 and 4500 in use by a program that this user may not see"),
        ({"holders": [Holder(ANY, "lotor", 9)]}, Grade.WRONG, "UDP 500 and 4500 in use by lotor (process 9)"),
        ({"holders": [Holder(ip_address("::"), "unbound", 9)]}, Grade.OK, "UDP 500 and 4500 free"),
    ],
)
def test_ports(facts, grade, text):
    assert [(each.grade, each.text) for each in ports.judge(seen(**facts))] == [(grade, text)]


def test_a_socket_of_another_address_is_in_nobodys_way():
    wanted = (Peer(HERE, 500),)
    other = (Holder(ip_address("127.0.0.1"), "charon", 812),)
    found = only(ports.judge(ports.Ports(wanted, {500: other}, frozenset({HERE}))))
    assert found.grade is Grade.OK


def test_an_address_of_listen_that_is_not_here():
    found = list(ports.judge(ports.Ports((Peer(HERE, 500),), {500: ()}, frozenset())))
    assert found[0].text == "192.0.2.50 of listen { } is no address of this host"


@pytest.mark.parametrize(
    ("cgroup", "command"),
    [
        ("0::/system.slice/strongswan-starter.service\n", "systemctl disable --now strongswan-starter.service"),
        ("0::/system.slice/system-openvpn.slice/openvpn@a.service\n", "systemctl disable --now openvpn@a.service"),
        ("0::/user.slice/user-0.slice/session-3.scope\n", "kill 812"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/$(reboot).service\n", "kill 812"),
        ("0::/system.slice/$(reboot).service\n", "systemctl disable --now '$(reboot).service'"),
        (r"0::/system.slice/a\x2db.service", r"systemctl disable --now 'a\x2db.service'"),
        (f"0::/system.slice/docker-{'0123456789ab' * 5}0123.scope\n", "docker stop 0123456789ab"),
        (f"12:cpu:/docker/{'0123456789ab' * 5}0123\n", "docker stop 0123456789ab"),
        ("", "kill 812"),
    ],
)
def test_what_stops_a_program(cgroup, command):
    assert ports.stop_of(812, cgroup) == command


def test_errors_of_the_configuration_are_counted_only():
    path = Path("/etc/lotor/racoon.conf")
    facts = [
        configuration.File(path, errors, root, client)
        for errors, root, client in (
            (3, True, False),
            (1, False, False),
            (None, True, False),
            (None, True, True),
            (0, True, False),
        )
    ]
    assert [only(configuration.judge(each)).grade.value for each in facts] == ["wrong", "?", "wrong", "ok", "ok"]
    assert only(configuration.judge(facts[0])).text == "lotor check says 3 errors"


@pytest.mark.parametrize(
    ("process", "forbidden", "gateway", "grade"),
    [(7, False, True, "ok"), (None, True, True, "?"), (None, False, True, "wrong"), (None, False, False, "warn")],
)
def test_a_daemon(process, forbidden, gateway, grade):
    seen_ = daemon.Seen(Path("/run/lotor.sock"), process, forbidden, gateway=gateway, start="lotor daemon")
    assert only(daemon.judge(seen_)).grade.value == grade


def test_a_daemon_that_says_nothing_and_one_that_remarks():
    place = Path("/run/lotor.sock")
    silent = only(daemon.judge(daemon.Seen(place, 7, silent=True, start="lotor daemon")))
    assert (silent.grade, silent.mends) == (Grade.WRONG, ("kill 7", "lotor daemon"))
    _, remark = daemon.judge(daemon.Seen(place, 7, remarks=("the connection to gw is lost: unreachable",)))
    assert (remark.grade, remark.text) == (Grade.WARN, "it remarks: the connection to gw is lost: unreachable")


def test_a_daemon_is_asked_within_bounds(tmp_path):
    """One that listens and never answers holds nobody up, and is known by its process."""
    place = tmp_path / "lotor.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        seen_ = daemon.look(subject(tmp_path / "none.conf", place, Wish()))
    assert (seen_.process, seen_.silent) == (os.getpid(), True)
    assert daemon.look(subject(tmp_path / "none.conf", tmp_path / "nobody", Wish())).process is None


@pytest.mark.parametrize(
    ("facts", "grade", "mend"),
    [
        ((True, True, False, True, False), "ok", ()),
        ((True, False, True, True, False), "ok", ()),
        ((False, True, True, True, False), "wrong", ("modprobe tun",)),
        ((False, True, True, True, True), "wrong", ("--device /dev/net/tun --cap-add NET_ADMIN",)),
        ((True, False, False, True, False), "wrong", ("reboot",)),
        ((True, True, True, False, True), "wrong", ("--device /dev/net/tun --cap-add NET_ADMIN",)),
        ((True, True, True, None, False), "?", ("sudo lotor doctor",)),
    ],
)
def test_a_tun_device(facts, grade, mend):
    found = only(tun.judge(tun.Tun(*facts)))
    assert (found.grade.value, found.mends) == (grade, mend)


def test_what_proc_says_of_the_driver_and_of_rights(tmp_path):
    assert tun.driver_in("200 tun\n 10 misc\n")
    assert not tun.driver_in("201 tunnel\n")
    (tmp_path / "modules.dep").write_text("kernel/drivers/net/tun.ko.xz: kernel/net/x.ko\n")
    assert tun.module_in(tmp_path)
    assert not tun.module_in(tmp_path / "another")
    assert tun.may_administer("Name:\tlotor\nCapEff:\t00000000a80435fb\n") is True
    assert tun.may_administer("CapEff:\t00000000a80425fb\n") is False


def test_forwarding():
    found = told(forwarding.judge(forwarding.Forwarding({4: False, 6: True})))
    assert found[0][0] == "wrong"
    assert found[0][2][0] == "sysctl -w net.ipv4.ip_forward=1"
    assert found[1][:2] == ("ok", "IPv6 is forwarded")
    assert told(forwarding.judge(forwarding.Forwarding({4: False}, ours=True)))[0][2] == ("lotor network apply",)
    shut = told(forwarding.judge(forwarding.Forwarding({4: True}, ("lotor0",))))
    assert shut[1][2] == ("sysctl -w net.ipv4.conf.lotor0.forwarding=1",)


@pytest.mark.parametrize(
    ("kept", "built", "grade"),
    [
        (True, -1, "ok"),
        (False, -1, "warn"),
        (None, -1, "?"),
        (True, 1, "wrong"),
    ],
)
def test_a_clock(kept, built, grade):
    found = only(clock.judge(clock.Clock(NOW, kept, NOW + timedelta(days=built))))
    assert found.grade.value == grade
    assert "2026-11-29 12:00 UTC" in found.text


@pytest.mark.parametrize(
    ("octets", "limit", "grade"), [(1500, 65535, "ok"), (1280, 65535, "warn"), (1280, 1280, "ok"), (1280, 1400, "warn")]
)
def test_what_a_link_carries(octets, limit, grade):
    found = only(mtu.judge(mtu.Outer((("eth0", octets),), limit, 1406)))
    assert found.grade.value == grade
    assert found.mends == (("esp_frag 1280;   # in each remote block of racoon.conf",) if grade == "warn" else ())


def proof(*judgements, ours=True):
    return certificate.Proofs(
        (certificate.Proof("anonymous", Path("/etc/certs"), judgements, ("a.example.net",), ours),)
    )


def test_a_certificate_that_every_client_takes():
    assert only(certificate.judge(proof())).grade is Grade.OK


def test_a_certificate_that_has_expired_is_made_anew():
    found = only(certificate.judge(proof(Judgement("everybody", refuses=True, text="CN=x expired on 2026-01-01"))))
    assert found.grade is Grade.WRONG
    assert found.mends == ("lotor pki gateway -d /etc/certs --force a.example.net", "lotor reload")


def test_a_certificate_by_acme_is_renewed_by_acme():
    late = Judgement("everybody", refuses=False, text="its renewal by ACME failed")
    mine = certificate.Proof("anonymous", Path("/etc/certs"), (late,), ("a.example.net",), acme=True)
    found = only(certificate.judge(certificate.Proofs((mine,))))
    assert (found.grade, found.mends) == (Grade.WARN, ("lotor pki acme --renew -d /etc/certs",))


def test_a_name_that_is_missing_is_told_once():
    judgements = [Judgement(each, refuses=True, text="b is not in it") for each in ("Apple", "Windows", "strongSwan")]
    found = only(certificate.judge(proof(*judgements, ours=False)))
    assert (found.grade, found.text) == (Grade.WRONG, "Apple, Windows, strongSwan refuse it: b is not in it")
    assert found.mends[0].startswith("lotor pki request -d /etc/certs a.example.net ")


def test_what_one_kind_of_client_refuses_is_to_be_looked_at():
    hint = Judgement("vpnc", refuses=False, text="it takes one certificate")
    found = list(certificate.judge(proof(Judgement("Apple", refuses=True, text="SHA-1"), hint)))
    assert [(each.grade, each.text) for each in found] == [(Grade.WARN, "Apple refuses it: SHA-1")]


def test_a_clients_authority():
    late = Judgement("everybody", refuses=True, text="CN=CA expired")
    found = [
        only(certificate.judge(certificate.Proofs(client=(each,))))
        for each in (
            certificate.Anchors(Path("ca.crt")),
            certificate.Anchors(Path("ca.crt"), (late,)),
            certificate.Anchors(Path("ca.crt"), fault="ca.crt is not there"),
        )
    ]
    assert [each.grade.value for each in found] == ["ok", "wrong", "wrong"]


@pytest.mark.parametrize(
    ("lookup", "grade"),
    [
        (Lookup("gw", (HERE,)), "ok"),
        (Lookup("gw", (ip_address("127.0.1.1"),)), "?"),
        (Lookup("gw", (ip_address("203.0.113.9"),)), "warn"),
        (Lookup("gw", fault="no answer within 4 s"), "warn"),
        (Lookup("typed", fault="Name or service not known"), "wrong"),
    ],
)
def test_a_name_of_the_gateway(lookup, grade):
    found = only(names.judge(names.Names((lookup,), frozenset({HERE, ip_address("10.0.0.1")}), frozenset({"typed"}))))
    assert found.grade.value == grade
    if grade == "wrong":
        assert found.mends == ("typed. A 192.0.2.50   # in its zone",)


def test_name_servers():
    given = tuple((HERE, each) for each in Reply)
    found = list(resolvers.judge(resolvers.Asked(given, (), frozenset(), frozenset({Side.GATEWAY}))))
    assert [each.grade.value for each in found] == ["ok", "wrong", "wrong", "wrong"]
    here = only(resolvers.judge(resolvers.Asked(given[2:3], (), frozenset({HERE}), frozenset({Side.GATEWAY}))))
    assert here.mends == ("ss -ulpn 'sport = :53'",)


@pytest.mark.parametrize(
    ("replies", "grade"),
    [
        ([Reply.ANSWERS], "ok"),
        ([Reply.SILENT, Reply.ANSWERS], "warn"),
        ([Reply.SILENT, Reply.UNREACHABLE], "wrong"),
        ([], "?"),
    ],
)
def test_a_clients_own_name_servers(replies, grade):
    own = tuple((HERE, each) for each in replies)
    found = only(resolvers.judge(resolvers.Asked((), own, frozenset(), frozenset({Side.CLIENT}))))
    assert found.grade.value == grade


def test_what_resolv_conf_names():
    text = "# nameserver 192.0.2.1\nsearch example.net\nnameserver 192.0.2.2\nnameserver fe80::1%eth0\nnameserver x\n"
    assert resolvers.servers(text) == [ip_address("192.0.2.2"), ip_address("fe80::1")]


POOL = (ip_network("10.99.99.1/32"), ip_network("10.99.99.2/31"), ip_network("10.99.99.4/30"))
LAN = way_back.Lan(ip_network("10.99.0.0/16"), "eth1", proxied=False)


def back(**facts):
    return only(way_back.judge(way_back.WayBack(POOL, **{"masqueraded": False, "own": HERE, **facts})))


def test_the_way_back():
    assert back(masqueraded=True).grade is Grade.OK
    assert back(lans=(LAN,)).mends == ("sysctl -w net.ipv4.conf.eth1.proxy_arp=1",)
    assert back(lans=(replace(LAN, device="eth1.7"),)).mends == ("sysctl -w net/ipv4/conf/eth1.7/proxy_arp=1",)
    assert back(echoes=((ip_address("203.0.113.10"), True),)).grade is Grade.OK
    lost = back(echoes=((ip_address("203.0.113.10"), False),))
    route = "ip route add 10.99.99.0/29 via 192.0.2.50   # on the router of the inside"
    assert (lost.grade, lost.mends) == (Grade.WARN, (route,))
    assert (back().grade, back().mends) == (Grade.UNKNOWN, (route,))
    assert "may be masqueraded" in back(masqueraded=None).text
    assert "may be masqueraded" in back(masqueraded=None, echoes=((ip_address("203.0.113.10"), False),)).text


def way(**facts):
    return gateways.judge((gateways.Way("gw.example.net", HERE, "eth0", **facts),))


def answers(first, second):
    return way(answers=((500, Answer(first, "NO_PROPOSAL_CHOSEN")), (4500, Answer(second))))


def test_a_gateway_that_is_not_found():
    found = only(gateways.judge((gateways.Way("gw", None, fault="Name or service not known"),)))
    assert found.grade is Grade.WRONG
    assert only(gateways.judge(())).mends == ("lotor doctor GATEWAY",)


def test_a_gateway_that_was_not_asked():
    assert [each.grade.value for each in way()] == ["ok", "?"]
    assert [each.grade.value for each in way(tunnel=True)] == ["warn", "?"]


@pytest.mark.parametrize(
    ("first", "second", "grades"),
    [
        (Kind.AGREED, Kind.AGREED, ["ok", "ok", "ok"]),
        (Kind.REFUSED, Kind.SILENT, ["ok", "warn", "?"]),
        (Kind.SILENT, Kind.SILENT, ["ok", "wrong", "wrong"]),
        (Kind.CLOSED, Kind.CLOSED, ["ok", "wrong", "wrong"]),
    ],
)
def test_what_a_gateway_says(first, second, grades):
    assert [each.grade.value for each in answers(first, second)] == grades


def test_what_the_network_block_wants():
    assert only(network.judge(network.Wanted(there=False))).grade is Grade.OK
    assert only(network.judge(network.Wanted(there=True))).grade is Grade.OK
    first, last = network.judge(network.Wanted(there=True, missing=("no table", "no forwarding")))
    assert (first.grade, first.mends, last.mends) == (Grade.WRONG, (), ("lotor network apply",))


def test_other_vpns():
    assert only(vpns.judge(vpns.Tunnels((), "eth0"))).grade is Grade.OK
    assert only(vpns.judge(vpns.Tunnels((("wg0", True),), "eth0"))).grade is Grade.OK
    assert only(vpns.judge(vpns.Tunnels((("wg0", True),), "wg0"))).mends == ("wg-quick down wg0",)
    assert only(vpns.judge(vpns.Tunnels((("tun0", False),), "tun0"))).mends == ("ip link set tun0 down",)


def test_what_kind_of_device_is_a_tunnel(tmp_path):
    for name, uevent in (("eth0", "INTERFACE=eth0\n"), ("wg0", "DEVTYPE=wireguard\n"), ("tun0", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "uevent").write_text(uevent)
    (tmp_path / "tun0" / "tun_flags").write_text("0x1001\n")
    names_ = ("eth0", "wg0", "tun0", "ppp0", "gone")
    assert [gateways.is_tunnel(each, tmp_path) for each in names_] == [False, True, True, True, False]


def journal(owner, *changes):
    fields = {"pid": owner.pid, "started": owner.started, "namespace": owner.namespace, "version": owner.version}
    return "".join(f"{json.dumps(each)}\n" for each in (fields, *({"change": name} for name in changes)))


def test_what_a_killed_daemon_left():
    dead, here = Owner(os.getpid(), 1, 4), Owner.myself()
    kinds = ("AddressMade", "AddressMade", "RouteMade", "Table", "Closing")
    text = journal(dead, *kinds)
    left = leftovers.left_in("a.journal", text, 4)
    assert left == leftovers.Left("a.journal", kinds)
    assert leftovers.left_in("a.journal", text, 5) is None
    assert leftovers.left_in("a.journal", journal(here, "RouteMade"), here.namespace) is None
    assert leftovers.left_in("a.journal", "nonsense", 4) is None
    found = only(leftovers.judge(leftovers.Leftovers((left,), "lotor daemon")))
    assert "left 2 addresses, 1 route, 1 table of nftables, 1 kill switch: the next start takes it back" in found.text
    assert found.mends == ("lotor daemon",)


def test_a_host_that_was_left_closed(tmp_path):
    gone = Owner(os.getpid(), 1, Owner.myself().namespace)
    closing = Closing("lotor-closed-0", "192.0.2.50", "office", ["0.0.0.0/0"], [], 2)
    (tmp_path / "4-0.journal").write_text(journal(gone) + json.dumps(written(closing)) + "\n")
    seen = leftovers.Leftovers((), "lotor daemon", closures.gateways(tmp_path))
    found = only(leftovers.judge(seen))
    assert "closed: what belongs into the tunnel to 192.0.2.50 is unreachable" in found.text
    assert found.mends == ("lotor vd 192.0.2.50",)
    closed, rest = leftovers.judge(replace(seen, hidden="Permission denied"))
    assert closed == found, "everybody may see it"
    assert rest.grade is Grade.UNKNOWN
