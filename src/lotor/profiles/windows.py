"""A PowerShell script that makes the connection on Windows 10 and 11, with the authority and the routes it needs."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from lotor.profiles.facts import Facts, File

STEPS = (
    "Save the file in Downloads.",
    "Click Start with the right button, then Terminal (Admin) or PowerShell (Admin).",
    "Type: cd $HOME\\Downloads",
    "Type: powershell -ExecutionPolicy Bypass -File {name}",
    "Click the network symbol, VPN, the new connection, Connect, and type name and password.",
)
GROUPS = {14: ("Group14", "PFS2048"), 19: ("ECP256", "ECP256"), 20: ("ECP384", "ECP384")}
WIDTH = 76
QUOTES = "'\u2018\u2019\u201a\u201b"
"""What ends such a text."""


def script(facts: Facts) -> File:
    """With everything in it; running it again replaces what it made before."""
    name = f"{facts.stem}.ps1"
    text = "\r\n".join(_lines(facts)) + "\r\n"
    return File(name, text.encode("utf-8-sig"), tuple(step.format(name=name) for step in STEPS))


def quoted(text: str) -> str:
    """A text for PowerShell, in which nothing is replaced. It takes typographic quotes for ordinary ones."""
    for quote in QUOTES:
        text = text.replace(quote, 2 * quote)
    return f"'{text}'"


def _lines(facts: Facts) -> Iterator[str]:
    yield "#Requires -RunAsAdministrator"
    yield f"# {_comment(facts.title)}: the connection to {_comment(facts.gateway)} by IKEv2 with name and password"
    yield "$ErrorActionPreference = 'Stop'"
    yield f"$name = {quoted(facts.title)}"
    yield f"$server = {quoted(facts.gateway)}"
    for der in facts.authorities:
        yield from _authority(der)
    yield "Get-VpnConnection -AllUserConnection -ErrorAction SilentlyContinue | Where-Object Name -eq $name |"
    yield "    Remove-VpnConnection -AllUserConnection -Force"
    split = "" if facts.everything else " -SplitTunneling"
    yield "Add-VpnConnection -Name $name -ServerAddress $server -TunnelType Ikev2 -AuthenticationMethod Eap `"
    yield f"    -EncryptionLevel Required -RememberCredential -AllUserConnection{split}"
    yield from _algorithms(facts)
    yield from _inside(facts)
    yield 'Write-Host "$name is there: the network symbol, VPN, $name, Connect."'


def _comment(text: str) -> str:
    return " ".join(text.split())


def _authority(der: bytes) -> Iterator[str]:
    """The machine's own store: IKEv2 looks into no other."""
    encoded = base64.b64encode(der).decode()
    yield "$der = [Convert]::FromBase64String(@'"
    yield from (encoded[start : start + WIDTH] for start in range(0, len(encoded), WIDTH))
    yield "'@)"
    yield "$ca = New-Object Security.Cryptography.X509Certificates.X509Certificate2(,$der)"
    yield "$store = New-Object Security.Cryptography.X509Certificates.X509Store('Root', 'LocalMachine')"
    yield "$store.Open('ReadWrite'); $store.Add($ca); $store.Close()"


def _algorithms(facts: Facts) -> Iterator[str]:
    """Without them Windows offers MODP-1024 alone."""
    wanted = facts.proposal
    group, pfs = GROUPS[wanted.group]
    gcm = f"GCMAES{wanted.key_bits}"
    yield "Set-VpnConnectionIPsecConfiguration -ConnectionName $name -AllUserConnection -Force `"
    yield f"    -EncryptionMethod {gcm} -IntegrityCheckMethod SHA{wanted.hash_bits} -DHGroup {group} `"
    yield f"    -CipherTransformConstants {gcm} -AuthenticationTransformConstants {gcm} `"
    yield f"    -PfsGroup {pfs}"


def _inside(facts: Facts) -> Iterator[str]:
    """Windows takes no routes from the gateway's traffic selectors."""
    for network in facts.networks:
        yield "Add-VpnConnectionRoute -ConnectionName $name -AllUserConnection `"
        yield f"    -DestinationPrefix {quoted(str(network))} | Out-Null"
    if facts.everything or not facts.dns:
        return
    servers = ", ".join(quoted(str(each)) for each in facts.dns)
    for domain in facts.domains:
        space = quoted(f".{domain.lstrip('.')}")
        yield f"Get-DnsClientNrptRule | Where-Object {{ $_.Namespace -contains {space} }} |"
        yield "    Remove-DnsClientNrptRule -Force"
        yield f"Add-DnsClientNrptRule -Namespace {space} -NameServers {servers} -Comment $name"
