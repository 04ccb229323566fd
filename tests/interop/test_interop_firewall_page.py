"""What docs/firewall.md shows is pasted as it stands, on a host whose firewall lets nothing through before."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lab import lotor
from lab.dialling import ping, serve
from lab.internet import INSIDE_HOST
from lab.lotor import Lotor
from lab.node import Node, wait_until

PAGE = Path(__file__).parents[2] / "docs" / "firewall.md"


def block(heading: str) -> str:
    """The first block of a section."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.search(r"^```(?:sh|nft)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group(1)


def paste(node: Node, heading: str) -> None:
    node.run("sh", "-ec", block(heading))


def closed(node: Node) -> None:
    """Both versions of iptables write to nftables."""
    node.run("sh", "-ec", "iptables -P INPUT DROP; iptables -P FORWARD DROP")


def open_again(node: Node) -> None:
    node.run("sh", "-ec", "iptables -P INPUT ACCEPT; iptables -P FORWARD ACCEPT; iptables -F; iptables -t nat -F")


def close_by_nft(node: Node) -> None:
    chains = "".join(
        f"chain {each} {{ type filter hook {each} priority filter; policy drop; }}\n" for each in ("input", "forward")
    )
    node.run("nft", "-f", "-", stdin=f"table inet gateway {{\n{chains}}}\n")


def paste_nft(node: Node) -> None:
    node.write("/etc/nftables.conf", block("nftables"))
    node.run("nft", "-f", "/etc/nftables.conf")
    node.run("nft", "-f", "/etc/nftables.conf")  # once more changes nothing


def start_ufw(node: Node) -> None:
    node.run("ufw", "--force", "enable")


def stop_ufw(node: Node) -> None:
    node.run("ufw", "--force", "disable")
    node.run("sh", "-ec", "iptables -F; iptables -X; iptables -t nat -F")


def start_firewalld(node: Node) -> None:
    """With a message bus of its own: both live in the node's own /run."""
    node.run("mkdir", "-p", "/run/dbus")
    node.start("dbus", "dbus-daemon", "--system", "--nofork", "--nopidfile")
    assert wait_until(lambda: node.path("/run/dbus/system_bus_socket").exists())
    node.start("firewalld", "firewalld", "--nofork", "--nopid")
    assert wait_until(lambda: node.run("firewall-cmd", "--state", check=False).code == 0)


def stop_firewalld(node: Node) -> None:
    for program in reversed(node.programs):
        if program.name in {"firewalld", "dbus"}:
            program.stop()


def start_docker_chains(node: Node) -> None:
    """As Docker leaves them (docs.docker.com, "Packet filtering and firewalls")."""
    chain = "iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -A FORWARD -j DOCKER-USER"
    node.run("sh", "-ec", f"iptables -P FORWARD DROP; {chain}")


def stop_docker_chains(node: Node) -> None:
    open_again(node)
    node.run("iptables", "-X")


class Firewall(NamedTuple):
    heading: str
    close: Callable[[Node], None]
    paste: Callable[[Node], None]
    end: Callable[[Node], None]


def of(heading: str, close: Callable[[Node], None], end: Callable[[Node], None]) -> Firewall:
    return Firewall(heading, close, lambda node: paste(node, heading), end)


FIREWALLS = (
    Firewall("nftables", close_by_nft, paste_nft, lambda node: node.run("nft", "delete", "table", "inet", "gateway")),
    of("iptables", closed, open_again),
    of("ufw", start_ufw, stop_ufw),
    of("firewalld", start_firewalld, stop_firewalld),
    of("Beside Docker", start_docker_chains, stop_docker_chains),
)


def connected(client: Lotor) -> None:
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done


def test_what_the_page_shows_lets_clients_in_and_to_the_inside(internet, certificates):
    """The inside has no route to the pool: without the page's NAT nothing comes back."""
    node = internet.gateway
    node.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    paste(node, "Forwarding")
    serve(internet, certificates)
    internet.inside.ip("route", "del", "default")
    client = lotor.client(internet.client, certificates)
    client.start()
    connected(client)
    for firewall in FIREWALLS:
        firewall.close(node)
        assert not ping(internet.client, INSIDE_HOST, "-c1", "-W1"), f"{firewall.heading} is not closed before"
        firewall.paste(node)
        assert client.call("vd", "192.0.2.50").code == 0
        connected(client)
        assert ping(internet.client, INSIDE_HOST), firewall.heading
        firewall.end(node)


def test_every_block_of_the_page_is_pasted():
    headings = re.findall(r"^## (.+)\n(?:(?!^## ).*\n)*?```(?:sh|nft)$", PAGE.read_text(), re.MULTILINE)
    assert headings == ["Forwarding", *(each.heading for each in FIREWALLS)]
