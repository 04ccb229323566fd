"""The table of all checks, in the order in which they are told."""

from __future__ import annotations

from lotor.doctor import (
    certificate,
    clock,
    configuration,
    daemon,
    esp,
    firewall,
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
from lotor.doctor.check import BOTH, CLIENT, GATEWAY, Check

CHECKS = (
    Check(
        "configuration",
        BOTH,
        "is there a file, and how many errors does `lotor check` find in it?",
        configuration.look,
        configuration.judge,
    ),
    Check(
        "daemon",
        BOTH,
        "does one answer at the control socket of this configuration, and what does `lotor status` remark?",
        daemon.look,
        daemon.judge,
    ),
    Check(
        "ports",
        BOTH,
        "who has UDP 500 and 4500 (or what `listen { }` says), and are the addresses of `listen { }` this host's?",
        ports.look,
        ports.judge,
    ),
    Check("TUN", BOTH, "are device, driver and right there? None is made.", tun.look, tun.judge),
    Check(
        "ESP",
        BOTH,
        "where `engine` wants the kernel's ([kernel](kernel.md)): does this kernel have it and xfrm interfaces, or is "
        "one kept out by a line of modprobe.d? Does the device of `esp_offload` seal ESP? No module is loaded.",
        esp.look,
        esp.judge,
    ),
    Check("clock", BOTH, "is it kept in time, and is it later than this program was made?", clock.look, clock.judge),
    Check(
        "forwarding",
        GATEWAY,
        "does the kernel forward IPv4, IPv6 where the pool has it, and on lotor's device?",
        forwarding.look,
        forwarding.judge,
    ),
    Check(
        "network",
        GATEWAY,
        "is this host as the `network` block wants it? [`lotor network show`](commands.md) tells more.",
        network.look,
        network.judge,
    ),
    Check(
        "firewall",
        GATEWAY,
        "does a rule of firewalld, ufw, Docker, iptables or nftables drop UDP 500, 4500 or ESP that come in, or what "
        "goes between lotor's device and the inside?",
        firewall.look,
        firewall.judge,
    ),
    Check(
        "way back",
        GATEWAY,
        "is the pool masqueraded, or answered for by ARP? Else a `dns4` server inside is sent one echo request "
        "from the last address of the pool, where root asks.",
        way_back.look,
        way_back.judge,
    ),
    Check(
        "MTU", BOTH, "do the outer links carry the largest datagrams of the tunnels (`esp_frag`)?", mtu.look, mtu.judge
    ),
    Check(
        "certificate",
        BOTH,
        "is the gateway's valid, and what do Apple, Windows, vpnc and strongSwan say to it and to each NAME? Is the "
        "authority that a client trusts there and valid?",
        certificate.look,
        certificate.judge,
    ),
    Check(
        "names",
        GATEWAY,
        "do NAMEs, `my_identifier` and the names of the certificate lead to this host?",
        names.look,
        names.judge,
    ),
    Check(
        "name servers",
        BOTH,
        "do those that clients are given (`dns4`, `dns6`), and on a client those of resolv.conf, answer?",
        resolvers.look,
        resolvers.judge,
    ),
    Check(
        "gateway",
        CLIENT,
        "is its name found, and is there a way to it that is not through another VPN? With `--probe`: what does it say "
        "at UDP 500 and 4500 to a first message?",
        gateways.look,
        gateways.judge,
    ),
    Check(
        "leftovers",
        BOTH,
        "did a daemon that was killed leave changes on this host, or the host closed?",
        leftovers.look,
        leftovers.judge,
    ),
    Check("other VPNs", CLIENT, "which are up, and does everything leave by one of them?", vpns.look, vpns.judge),
)
