"""What a gateway's host has to do for its clients' traffic: forward it, and translate it where the inside knows no way
back. Nothing else of lotor sets this up; all of it is in this module.

Both outlive a restart of the host: systemd-sysctl reads the file of sysctl.d, a unit of systemd's loads the table of
nftables.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from ipaddress import IPv4Network

from lotor.daemon.exits import StartError
from lotor.init import service
from lotor.init.host import Target
from lotor.init.steps import Called, Step, Switched, file

SYSCTL = "/etc/sysctl.d/90-lotor.conf"
RULES = "/etc/lotor/network.nft"
UNIT = "lotor-network.service"
UNITS = "/etc/systemd/system"
TABLE = "lotor_network"
FORWARD = "net.ipv4.ip_forward"
WITHOUT_NFT = (
    "translating the addresses of clients needs nft, which is not here: install nftables, or give --no-masquerade"
)

_SYSCTL = f"# Clients of lotor reach what is behind this gateway.\n{FORWARD} = 1\n"
_RULES = """\
#!/usr/sbin/nft -f
# Clients of lotor appear with this host's addresses, so that nobody inside needs a route to {pool}.

table ip {table}
delete table ip {table}

table ip {table} {{
        chain leave {{
                type nat hook postrouting priority 100; policy accept;
                ip saddr {pool} ip daddr != {pool} oifname != "lotor*" counter masquerade
        }}
}}
"""
_UNIT = """\
[Unit]
Description=Addresses of lotor's clients are translated (masquerading)
Documentation=man:lotor-init(8)
Before=lotor.service
# Without lotor, of a package or as it made this unit, there is nothing to translate.
ConditionFileIsExecutable=|/usr/bin/lotor
ConditionFileIsExecutable=|{program}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={nft} -f {rules}
ExecReload={nft} -f {rules}
ExecStop=-{nft} delete table ip {table}

[Install]
WantedBy=multi-user.target
"""
_GONE = f"add table ip {TABLE}; delete table ip {TABLE}"
"""For nft: the table is not there, whether it was or not."""


def files(target: Target, pool: IPv4Network, *, masquerade: bool) -> list[Step]:
    """Raises `StartError` where a program is missing."""
    found: list[Step] = [file(target, SYSCTL, _SYSCTL.encode(), "forwarding, at each boot")]
    if not masquerade:
        return found
    if not target.has("nft"):
        raise StartError(WITHOUT_NFT)
    found.append(file(target, RULES, _RULES.format(pool=pool, table=TABLE).encode(), "rules of nftables", 0o755))
    if target.systemd():
        nft, program = target.commands.find("nft"), sys.executable.replace("%", "%%")
        unit = _UNIT.format(nft=nft, rules=RULES, table=TABLE, program=program).encode()
        reload = ("systemctl", "daemon-reload")
        found += [Called((), reload), file(target, f"{UNITS}/{UNIT}", unit, "loads them at each boot")]
    return found


def acts(target: Target, *, masquerade: bool) -> list[Step]:
    found: list[Step] = [*_forwarding(target)]
    if masquerade and target.systemd():
        found.append(Called(("systemctl", "daemon-reload")))
        found += service.started(target, UNIT)
    elif masquerade:
        load = ("nft", "-f", RULES)
        loaded = target.path(RULES).exists() and target.answers("nft", "list", "table", "ip", TABLE)
        found.append(Called(load, load if loaded else ("nft", _GONE)))
    return found


def remarks(target: Target, *, masquerade: bool) -> list[str]:
    if not masquerade:
        return ["hosts inside need a route to the clients' addresses by way of this gateway"]
    return [] if target.systemd() else [f"no systemd runs here: at each boot run nft -f {RULES}"]


def _forwarding(target: Target) -> Iterable[Step]:
    place = target.path(f"/proc/sys/{FORWARD.replace('.', '/')}")
    before = place.read_text().strip() if place.exists() else ""
    if before == "0":
        yield Switched(FORWARD, "1", before)
