"""What the configuration of an LDAP directory lacks, or should not have, and the file of its authorities."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lotor.config.files import NamedFiles
from lotor.config.methods import is_gateway
from lotor.config.problem import Problem
from lotor.config.servers import Ldap, LdapServer
from lotor.config.settings import AuthSource, ConfSource, GroupSource, ModeCfg, Settings
from lotor.files.private import FileError, read_trusted

LONGEST_AUTHORITIES = 32_768
"""Octets: a dozen certificates; those that a host trusts are read where they are used."""
EXAMPLE = 'ldapcfg { uri "ldaps://ldap.example.net"; base "ou=people,dc=example,dc=net"; attr_user "uid"; }'
_OF_HOSTS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")


def host_authorities() -> Path:
    """The file of the authorities that this host trusts; the usual name where there is none."""
    named = ssl.get_default_verify_paths().cafile
    places = [Path(each) for each in (named, *_OF_HOSTS) if each]
    return next((each for each in places if each.is_file()), Path(_OF_HOSTS[0]))


def encrypted(ldap: Ldap, server: LdapServer) -> bool:
    return ldap.tls or server.secure


def wanted(settings: Settings) -> str:
    """The directive by which a gateway needs the directory; empty where it needs none."""
    mode_cfg = settings.mode_cfg
    return _directive(mode_cfg) if mode_cfg is not None and is_gateway(settings) else ""


def filled(settings: Settings, files: NamedFiles) -> tuple[Settings, tuple[Problem, ...]]:
    """With the authorities read; and what is wrong."""
    directive, mode_cfg, ldap = wanted(settings), settings.mode_cfg, settings.ldap
    if mode_cfg is None or not directive:
        return settings, ()
    if ldap is None:
        at = mode_cfg.places.of(directive)
        return settings, (Problem.at(at, f"{directive} ldap needs to know the directory: add {EXAMPLE}"),)
    problems = [*_sources(mode_cfg), *_binding(ldap), *_clear(ldap)]
    if ldap.ca_file is None or not any(encrypted(ldap, each) for each in ldap.servers):
        return settings, tuple(problems)
    if unreadable := list(files.readable(ldap.ca_file)):
        return settings, (*problems, *unreadable)
    found, fault = authorities(ldap.ca_file.path)
    if fault:
        problems.append(Problem.at(ldap.ca_file.at, fault))
    return replace(settings, ldap=replace(ldap, authorities=found)), tuple(problems)


def advice(settings: Settings) -> Iterator[Problem]:
    ldap = settings.ldap
    if ldap is None or settings.mode_cfg is None:
        return
    if not wanted(settings):
        yield Problem.at(ldap.places.head, "nothing asks this directory: auth_source ldap, for one, would")
    elif ldap.clear_text and (server := _readable(ldap)) is not None:
        at = ldap.places.of("clear_text")
        yield Problem.at(at, f"everybody on the way to {server.url} reads the users' passwords: tls on; is better")
    if ldap.uri and {"host", "port"} & set(ldap.places.fields):
        yield Problem.at(ldap.places.of("host"), "host and port have no effect beside uri")
    if ldap.bind_pw is not None and ldap.bind_dn is None:
        yield Problem.at(ldap.places.of("bind_pw"), "bind_pw has no effect without bind_dn")


def _directive(mode_cfg: ModeCfg) -> str:
    if mode_cfg.auth_source is AuthSource.LDAP:
        return "auth_source"
    if mode_cfg.group_source is GroupSource.LDAP:
        return "group_source"
    return "conf_source" if mode_cfg.conf_source is ConfSource.LDAP else ""


def _sources(mode_cfg: ModeCfg) -> Iterator[Problem]:
    if mode_cfg.conf_source is ConfSource.LDAP and mode_cfg.auth_source is not AuthSource.LDAP:
        text = "conf_source ldap takes the address from the entry that logs in: it needs auth_source ldap"
        yield Problem.at(mode_cfg.places.of("conf_source"), text)


def _binding(ldap: Ldap) -> Iterator[Problem]:
    if ldap.bind_dn is not None and ldap.bind_pw is None:
        yield Problem.at(ldap.places.of("bind_dn"), 'bind_dn needs its password: add bind_pw "…";')


def _clear(ldap: Ldap) -> Iterator[Problem]:
    server = _readable(ldap)
    if server is not None and not ldap.clear_text:
        text = f"passwords would go to {server.url} in clear: add tls on; or take ldaps://; clear_text on; allows it"
        yield Problem.at(ldap.places.of("uri" if ldap.uri else "host"), text)


def _readable(ldap: Ldap) -> LdapServer | None:
    """The first server whose passwords others could read on the way."""
    return next((each for each in ldap.servers if not encrypted(ldap, each) and not _here(each.host)), None)


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def authorities(path: Path) -> tuple[str, str]:
    """PEM text, and what is wrong with it: a whole sentence. Whoever could change the file would be believed in the
    place of the servers."""
    try:
        text = read_trusted(path).decode("ascii", "replace").replace("\ufffd", "?")
        if len(text) > LONGEST_AUTHORITIES:
            return (
                "",
                f"{path} has more than {LONGEST_AUTHORITIES} octets: name one with the authority of these servers",
            )
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except FileError as fault:
        return "", str(fault)
    except (OSError, ValueError):
        return "", f"{path} holds no certificates in PEM that could be read"
    return text, ""
