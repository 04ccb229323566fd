"""Whether this version can carry out the settings on this host: everything that `resolve` would refuse, at once."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from lotor.config import directories, fleet, ikev2, ikev2_check, network, radius, sainfos
from lotor.config.ambiguity import ambiguous
from lotor.config.files import NamedFiles
from lotor.config.giving_check import ends, given_problems, gives_addresses
from lotor.config.methods import (
    admits_by_login,
    begins_aggressive,
    is_gateway,
    judges,
    key_methods,
    shares_key,
    side_of,
    signs,
    signs_in_eap,
)
from lotor.config.names import der_fault
from lotor.config.privsep import check_privsep
from lotor.config.problem import Problem
from lotor.config.settings import (
    Adminsock,
    Algorithm,
    Authentication,
    ConfSource,
    Listen,
    ModeCfg,
    RemoteSettings,
    SainfoSettings,
    Settings,
)
from lotor.config.tables.algorithms import ESP_CIPHERS, INTEGRITIES
from lotor.model.algorithms import AEADS, KeyKind
from lotor.model.distinguished import name_fault
from lotor.model.frozen import frozen
from lotor.model.identity import IdKind
from lotor.model.network import Network
from lotor.model.policy import ExchangeMode, Ppk, Side


@frozen
class Checked:
    """Settings, and what was found wrong with them; without `problems` the daemon can start. Made by `check`, once for
    each load. `sound`: the `remote` blocks without problems, including in the files that they name. `keyids`: the
    octets of keyid files by their paths."""

    settings: Settings
    problems: tuple[Problem, ...]
    sound: tuple[RemoteSettings, ...]
    keyids: Mapping[Path, bytes]


def check(settings: Settings) -> Checked:
    """Finds every reason why the daemon cannot start with these settings: unsupported directives, incomplete blocks,
    files that are missing or unreadable. Needs no credentials, but for the servers of logins: their secrets are in the
    settings that come back."""
    settings, servers = radius.with_servers(settings) if is_gateway(settings) else (settings, ())
    files = NamedFiles()
    settings, of_directory = directories.filled(settings, files)
    settings, of_fleet = fleet.filled(settings, files)
    remotes = [(remote, list(_remote(remote, settings, files))) for remote in settings.remotes]
    problems = [*settings.reservations, *_blocks(settings), *(each for _, found in remotes for each in found)]
    if is_gateway(settings) and settings.mode_cfg:
        problems += _mode_cfg(settings.mode_cfg, settings.remotes, files)
    problems += [
        *ambiguous(settings.remotes),
        *ikev2_check.ambiguous(settings.remotes),
        *_sainfos(settings.sainfos),
        *_listen(settings.listen),
    ]
    problems += sainfos.problems(settings.remotes, settings.sainfos)
    problems += [*check_privsep(settings.privsep), *network.problems(settings), *servers, *of_directory, *of_fleet]
    told = sorted(set(problems), key=lambda problem: (problem.path, problem.line, problem.column))
    return Checked(settings, tuple(told), tuple(remote for remote, found in remotes if not found), files.keyids)


def check_blocks(remotes: tuple[RemoteSettings, ...], written: Iterable[SainfoSettings]) -> Iterator[Problem]:
    """Problems of some blocks of a configuration whose other blocks could not be read."""
    for remote in remotes:
        yield from _alone(remote)
    yield from ambiguous(remotes)
    yield from ikev2_check.ambiguous(remotes)
    yield from _sainfos(written)


def _blocks(settings: Settings) -> Iterator[Problem]:
    if settings.mode_cfg is None:
        text = "there is no mode_cfg block, so clients would get no address: add mode_cfg { network4 …; pool_size …; }"
        for remote in settings.remotes:
            if admits_by_login(remote):
                yield Problem.at(remote.places.head, text)


def _remote(remote: RemoteSettings, settings: Settings, files: NamedFiles) -> Iterator[Problem]:
    yield from _alone(remote)
    yield from _proofs(remote, settings)
    yield from ikev2_check.problems(remote, settings)
    yield from _remote_files(remote, settings, files)


def _alone(remote: RemoteSettings) -> Iterator[Problem]:
    if not any(remote.exchange_mode) and ikev2.speaks_1(remote):
        text = "no exchange mode of this list can be used: add main or aggressive"
        yield Problem.at(remote.places.of("exchange_mode"), text)
    yield from _sides(remote)
    yield from _groups(remote)
    yield from _identifiers(remote)
    yield from _unverifiable(remote)


def _proofs(remote: RemoteSettings, settings: Settings) -> Iterator[Problem]:
    """What the methods need: a certificate where this end signs, an authority where the peer does, or a file of
    keys."""
    gateway = side_of(remote) is Side.GATEWAY
    ours, theirs = ("gateway", "client") if gateway else ("client", "gateway")
    if (signs(remote) or signs_in_eap(remote)) and "certificates" not in remote.places.fields:
        name = "vpngw" if gateway else "user"
        text = f'the {ours} proves itself by a certificate: add certificate_type x509 "{name}.crt" "{name}.key";'
        yield Problem.at(remote.places.head, text)
    if (
        judges(remote)
        and remote.verify_cert
        and not any((remote.ca, remote.peers_certfile, settings.paths.certificate))
    ):
        text = f'nothing tells which {theirs} certificates to trust: add ca_type x509 "ca.crt";'
        yield Problem.at(remote.places.head, text)
    for method in key_methods(remote):
        if settings.paths.pre_shared_key is None:
            text = f'{method.name} needs the file of keys: add path pre_shared_key "FILE"; outside of all braces'
            yield Problem.at(method.at, text)


def _sides(remote: RemoteSettings) -> Iterator[Problem]:
    methods = [proposal.authentication_method for proposal in remote.proposals]
    first = next((each for each in methods if each.value and each.value.side), None)
    for method in methods:
        if first and first.value and method.value and method.value.side not in {None, first.value.side}:
            text = f"{method.name} and {first.name} cannot be in one remote: they are two sides"
            yield Problem.at(method.at, text)
    rsa, elliptic = (_first_with(kind, methods) for kind in (KeyKind.RSA, KeyKind.ECDSA))
    if rsa and elliptic:
        text = f"{elliptic.name} and {rsa.name} cannot be in one remote: a certificate has one key, of ECDSA or of RSA"
        yield Problem.at(elliptic.at, text)


def _first_with(key: KeyKind, methods: list[Algorithm[Authentication]]) -> Algorithm[Authentication] | None:
    return next((each for each in methods if each.value and each.value.method.certificate_key is key), None)


def _groups(remote: RemoteSettings) -> Iterator[Problem]:
    """The initiator of aggressive mode sends a public value before anything is agreed, so its group must be known."""
    if not begins_aggressive(remote):
        return
    first = remote.proposals[0].dh_group
    for proposal in remote.proposals[1:]:
        group: Algorithm[object] = proposal.dh_group
        if group.value is not None and first.value is not None and group.value != first.value:
            text = f"aggressive mode can offer one group only: the first proposal has {first.name}, this {group.name}"
            yield Problem.at(group.at, text)


def _identifiers(remote: RemoteSettings) -> Iterator[Problem]:
    mine = remote.my_identifier
    if mine.kind is IdKind.DER_ASN1_DN and mine.value is None and remote.certificate is None:
        text = "without a name it is the subject of the own certificate: add certificate_type x509 …; or the name"
        yield Problem.at(remote.places.of("my_identifier"), f"my_identifier asn1dn: {text}")
    yield from _names(remote)


def _names(remote: RemoteSettings) -> Iterator[Problem]:
    """Distinguished names: our own must be writable in DER, those of peers only comparable."""
    for identifier in (remote.my_identifier, *remote.peers_identifiers):
        if identifier.kind is not IdKind.DER_ASN1_DN or identifier.value is None:
            continue
        fault = der_fault if identifier is remote.my_identifier else name_fault
        if text := fault(identifier.value):
            yield Problem.at(identifier.at, f"this name cannot be read: {text}")


def _unverifiable(remote: RemoteSettings) -> Iterator[Problem]:
    """A shared key proves no name: with `verify_identifier on` the names have to be listed. Only a gateway in
    aggressive mode looks the key up by the name, and so compares names."""
    method = next(key_methods(remote), None)
    if not remote.verify_identifier or remote.peers_identifiers or method is None:
        return
    if side_of(remote) is Side.GATEWAY and ExchangeMode.MAIN not in remote.exchange_mode:
        return
    text = (
        f"with {method.name} there is nothing that verify_identifier on could compare the peer's identity with: "
        'add peers_identifier, like peers_identifier fqdn "vpn.example.net";'
    )
    yield Problem.at(remote.places.of("verify_identifier"), text)


def _remote_files(remote: RemoteSettings, settings: Settings, files: NamedFiles) -> Iterator[Problem]:
    yield from files.of_remote({each.name: getattr(remote, each.name) for each in fields(remote)})
    if settings.paths.pre_shared_key and (remote.xauth_login or shares_key(remote)):
        yield from files.readable(settings.paths.pre_shared_key)
    if settings.paths.ppk and remote.ppk is not Ppk.OFF:
        yield from files.readable(settings.paths.ppk)


def _mode_cfg(mode_cfg: ModeCfg, remotes: Iterable[RemoteSettings], files: NamedFiles) -> Iterator[Problem]:
    if not gives_addresses(mode_cfg) and any(map(admits_by_login, remotes)):
        yield Problem.at(mode_cfg.places.head, "there are no addresses to give: add network4 and pool_size")
    yield from ends(mode_cfg)
    yield from _ipv6(mode_cfg)
    yield from given_problems(mode_cfg, files)
    if mode_cfg.banner and "banner" in mode_cfg.places.fields:
        yield from files.readable(mode_cfg.banner)


def _ipv6(mode_cfg: ModeCfg) -> Iterator[Problem]:
    """IPv6 is given in addition to IPv4, which every client has."""
    others = [*(each.network6 for each in mode_cfg.pools), *(each for each in mode_cfg.granted_networks if _is6(each))]
    if mode_cfg.network6 is None and not any(others) and mode_cfg.conf_source is ConfSource.LOCAL:
        networks = [network for each in mode_cfg.split_networks for network in each.networks]
        if mode_cfg.dns6 or any(map(_is6, networks)):
            at = mode_cfg.places.of("dns6" if mode_cfg.dns6 else "split_networks")
            yield Problem.at(at, "only clients with an IPv6 address are told of IPv6: add network6")


def _is6(network: Network) -> bool:
    return network.version == 6


def _sainfos(written: Iterable[SainfoSettings]) -> Iterator[Problem]:
    for sainfo in written:
        yield from _empty(sainfo)


def _empty(sainfo: SainfoSettings) -> Iterator[Problem]:
    ciphers, integrities = sainfo.encryption_algorithm, sainfo.authentication_algorithm
    if not any(each.value for each in ciphers):
        text = f"no encryption_algorithm of this list can be used{_why(ciphers)}: add aes"
        yield Problem.at(sainfo.places.of("encryption_algorithm"), text)
    needy = next((each.name for each in ciphers if each.value and each.value not in AEADS), None)
    if needy and not integrities:
        text = f"{needy} does not authenticate packets: add authentication_algorithm hmac_sha256;"
        yield Problem.at(sainfo.places.head, text)
    elif needy and not any(each.value for each in integrities):
        text = f"no authentication_algorithm of this list can be used{_why(integrities)}: add hmac_sha256"
        yield Problem.at(sainfo.places.of("authentication_algorithm"), text)


def _why(listed: Iterable[Algorithm[Any]]) -> str:
    """What the tables say of refused algorithms."""
    refused = {word: each.refused for each in (*ESP_CIPHERS, *INTEGRITIES) for word in each.words}
    told = [f"{each.name}: {refused[each.name]}" for each in listed if refused.get(each.name)]
    return f" ({'; '.join(dict.fromkeys(told))})" if told else ""


def _listen(listen: Listen) -> Iterator[Problem]:
    yield from _adminsock(listen.adminsock)
    if listen.admin_group is not None and not _known(grp.getgrnam, listen.admin_group):
        text = f'there is no group "{listen.admin_group}" on this host: name another admin_group'
        yield Problem.at(listen.places.of("admin_group"), text)
    for version in (4, 6):
        lines = [each for each in listen.isakmp_natt if each.address.version == version]
        for line in lines:
            if line.port != lines[0].port:
                text = f"isakmp_natt has one port for all addresses of an IP version: {lines[0].address} has "
                yield Problem.at(line.at, f"{text}{lines[0].port}")


def _adminsock(socket: Adminsock | None) -> Iterator[Problem]:
    if socket is None:
        return
    if not _known(pwd.getpwnam, socket.owner):
        yield Problem.at(socket.at, f'there is no user "{socket.owner}" on this host: name another owner')
    if not _known(grp.getgrnam, socket.group):
        yield Problem.at(socket.at, f'there is no group "{socket.group}" on this host: name another group')


def _known(look_up: Callable[[str], object], name: str) -> bool:
    try:
        look_up(name)
    except KeyError:
        return False
    return True
