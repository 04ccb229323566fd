"""A connection of NetworkManager's plugin for strongSwan, as a keyfile."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from lotor.model.network import Network
from lotor.profiles.facts import Facts, File, steps_with

STEPS = (
    "Install NetworkManager's plugin: on Debian the package network-manager-strongswan.",
    "Save the authority as {authority}.",
    "Save the file as /etc/NetworkManager/system-connections/{name}, with mode 0600 and root as its owner.",
    "Type: nmcli connection reload && nmcli --ask connection up {quoted}",
)


def keyfile(facts: Facts) -> File:
    """The password is asked for (`password-flags` 2)."""
    name, beside = f"{facts.stem}.nmconnection", facts.authority()
    authority = f"/etc/ssl/certs/{beside.name}" if beside else ""
    networks4 = [each for each in facts.networks if each.version == 4]
    networks6 = [each for each in facts.networks if each.version == 6]
    text = f"""[connection]
id={escaped(facts.title)}
uuid={facts.identifier("networkmanager")}
type=vpn
autoconnect=false

[vpn]
service-type=org.freedesktop.NetworkManager.strongswan
address={facts.gateway}
{f"certificate={authority}" if authority else "# the authority is one of the host's"}
remote-identity={facts.gateway}
method=eap
user={escaped(facts.user)}
virtual=yes
encap=no
ipcomp=no
proposal=no
password-flags=2
{_selectors(facts)}
[ipv4]
method=auto
{_routed(networks4, everything=facts.everything)}{_names(facts)}
[ipv6]
method=auto
{_routed(networks6, everything=facts.everything)}"""
    steps = steps_with(STEPS, authority, name=name, quoted=shlex.quote(facts.title))
    return File(name, text.encode(), steps, beside)


def escaped(text: str) -> str:
    """As a keyfile of GLib wants it where it stands for one value."""
    for character, written in (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        text = text.replace(character, written)
    return text.replace(" ", "\\s", 1) if text.startswith(" ") else text


def _selectors(facts: Facts) -> str:
    return f"remote-ts={';'.join(str(each) for each in facts.networks)}\n" if facts.networks else ""


def _routed(networks: Sequence[Network], *, everything: bool) -> str:
    """Not everything: only these networks by this connection."""
    if everything:
        return ""
    routes = "".join(f"route{number}={each}\n" for number, each in enumerate(networks, 1))
    return f"never-default=true\n{routes}"


def _names(facts: Facts) -> str:
    servers = [str(each) for each in facts.dns if each.version == 4]
    if facts.everything or not facts.domains or not servers:
        return ""
    return f"dns={';'.join(servers)};\ndns-search={';'.join(f'~{each}' for each in facts.domains)};\n"
