"""Whether the kernel forwards what clients send on, and what comes back to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from lotor.doctor.finding import Finding, ok, wrong
from lotor.doctor.subject import Subject
from lotor.hosts import sysctl
from lotor.hosts.tun import OWN
from lotor.model.frozen import frozen

CONFIGURED = "/etc/sysctl.d/90-lotor.conf"
DEVICES = Path("/proc/sys/net/ipv4/conf")


@frozen
class Forwarding:
    """By IP version of the pool: whether it is forwarded. `shut`: devices of lotor that forward no IPv4. `ours`: a
    `network` block has the daemon switch it on."""

    on: Mapping[int, bool]
    shut: tuple[str, ...] = ()
    ours: bool = False


def look(subject: Subject) -> Forwarding:
    versions = {each.version for each in subject.pool} or {4}
    devices = sorted(DEVICES.glob(f"{OWN}*/forwarding"))
    shut = tuple(each.parent.name for each in devices if each.read_text().strip() == "0")
    network = subject.settings.network if subject.settings else None
    ours = network is not None and network.forward
    return Forwarding({version: sysctl.forwards(version) for version in sorted(versions)}, shut, ours)


def judge(forwarding: Forwarding) -> Iterator[Finding]:
    for version, on in forwarding.on.items():
        if on:
            yield ok(f"IPv{version} is forwarded")
        else:
            text = f"IPv{version} forwarding is off: clients reach this host only"
            added = "" if forwarding.ours else " (network { } in racoon.conf has the daemon switch it on)"
            yield wrong(f"{text}{added}", *_mends(sysctl.shown(sysctl.FORWARDING[version]), ours=forwarding.ours))
    if forwarding.on.get(4):
        for device in forwarding.shut:
            yield wrong(f"{device} does not forward", f"sysctl -w net.ipv4.conf.{device}.forwarding=1")


def _mends(name: str, *, ours: bool) -> tuple[str, ...]:
    """Now, and at each boot; what a `network` block asks for has a command of its own."""
    if ours:
        return ("lotor network apply",)
    return f"sysctl -w {name}=1", f"echo {name}=1 >> {CONFIGURED}"
