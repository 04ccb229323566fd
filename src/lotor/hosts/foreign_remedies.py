"""The commands that open a chain of another program, for a person to judge and to run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lotor.hosts.foreign_rules import FAMILIES, Obstacle, Program
from lotor.model.network import Network


def remedy(obstacle: Obstacle, clients: Iterable[Network], device: str) -> list[str]:
    """The commands that open a chain for clients, for a person to judge and to run; none where it stops none of
    them."""
    if not any(obstacle.family in FAMILIES[each.version] for each in clients):
        return []
    match obstacle.program:
        case Program.FIREWALLD:
            return [
                f"firewall-cmd --permanent --zone=trusted --add-interface={device}",
                "firewall-cmd --reload",
            ]
        case Program.UFW:
            return [f"ufw route allow in on {device}", f"ufw route allow out on {device}"]
        case Program.DOCKER:
            return [f"{_iptables(obstacle)} -I DOCKER-USER {way} {device} -j ACCEPT" for way in ("-i", "-o")]
        case Program.IPTABLES:
            return [f"{_iptables(obstacle)} -I {obstacle.chain} {way} {device} -j ACCEPT" for way in ("-i", "-o")]
    return [f"nft insert rule {obstacle.place} {way} {device} accept" for way in ("iifname", "oifname")]


def admission(obstacle: Obstacle, ports: Sequence[int], zone: str = "") -> list[str]:
    """The commands that open a chain for UDP ports that come in; without ports for ESP itself. `zone` of firewalld;
    empty: its usual one."""
    if not ports:
        return _esp_admission(obstacle, zone)
    match obstacle.program:
        case Program.FIREWALLD:
            words = [f"--zone={zone}"] * bool(zone) + [f"--add-port={port}/udp" for port in ports]
            return [f"firewall-cmd --permanent {' '.join(words)}", "firewall-cmd --reload"]
        case Program.UFW:
            return [f"ufw allow {port}/udp" for port in ports]
        case Program.DOCKER | Program.IPTABLES:
            program = _iptables(obstacle)
            return [f"{program} -I {obstacle.chain} -p udp --dport {port} -j ACCEPT" for port in ports]
    numbers = ", ".join(map(str, ports))
    return [f"nft 'insert rule {obstacle.place} udp dport {{ {numbers} }} accept'"]


def _esp_admission(obstacle: Obstacle, zone: str) -> list[str]:
    match obstacle.program:
        case Program.FIREWALLD:
            words = [f"--zone={zone}"] * bool(zone) + ["--add-protocol=esp"]
            return [f"firewall-cmd --permanent {' '.join(words)}", "firewall-cmd --reload"]
        case Program.UFW:
            return ["ufw allow proto esp from any"]
        case Program.DOCKER | Program.IPTABLES:
            return [f"{_iptables(obstacle)} -I {obstacle.chain} -p esp -j ACCEPT"]
    return [f"nft insert rule {obstacle.place} meta l4proto esp accept"]


def _iptables(obstacle: Obstacle) -> str:
    return ("ip6tables" if obstacle.family == "ip6" else "iptables") + "-legacy" * obstacle.legacy
