"""The RADIUS servers that a configuration uses: those of `radiuscfg`, where it has none those of /etc/radius.conf; and
what is missing to use them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lotor.config import radius_conf
from lotor.config.methods import is_gateway
from lotor.config.problem import Problem
from lotor.config.radsec import with_files, with_rest
from lotor.config.settings import Accounting, AuthSource, ConfSource, ModeCfg, Places, Radius, Settings
from lotor.config.tables.backends import RADIUSCFG
from lotor.model.login import LOGIN_SECONDS


def with_servers(settings: Settings) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings with the servers that they use, and what is wrong with these."""
    mode_cfg = settings.mode_cfg
    if mode_cfg is None:
        return settings, ()
    problems = list(_sources(mode_cfg))
    wants = wanted(mode_cfg)
    if not wants:
        rest = with_rest(settings.radius) if settings.radius is not None else None
        return replace(settings, radius=rest), tuple(problems)
    radius: Radius = settings.radius or RADIUSCFG.complete({}, {}, Places(mode_cfg.places.head))
    if missing := [kind for kind in wants if not getattr(radius, kind)]:
        read = radius_conf.read(radius_conf.RADIUS_CONF)
        radius = replace(radius, **{kind: getattr(read, kind) for kind in missing})
        problems += _of_file(read, radius, missing, mode_cfg)
    radius, of_tls = with_files(radius, [server for kind in wants for server in getattr(radius, kind)])
    problems += of_tls
    return replace(settings, radius=with_rest(radius)), tuple(problems)


def advice(settings: Settings) -> Iterator[Problem]:
    """Tries that get less time than is written, and servers that are heard for nothing."""
    yield from _dynamic(settings)
    mode_cfg = settings.mode_cfg
    if mode_cfg is None or not is_gateway(settings) or mode_cfg.auth_source is not AuthSource.RADIUS:
        return
    radius = with_servers(settings)[0].radius
    if radius is None:
        return
    seconds = sum((each.timeout or radius.timeout) * (each.tries or radius.retries) for each in radius.auth)
    if seconds > LOGIN_SECONDS:
        at = radius.places.fields.get("timeout") or mode_cfg.places.of("auth_source")
        text = (
            f"when no RADIUS server answers, all tries together would take {seconds} seconds, and a login is cut off "
            f"after {LOGIN_SECONDS:g}: each try gets its share of that, less than its timeout; lower timeout or retries"
        )
        yield Problem.at(at, text)


def _dynamic(settings: Settings) -> Iterator[Problem]:
    radius = settings.radius
    if radius is None:
        return
    addresses = [each.address for each in radius.dynamic_clients]
    for twice in sorted({str(each) for each in addresses if addresses.count(each) > 1}):
        text = f"{twice} is named twice: the last secret counts"
        yield Problem.at(radius.places.of("dynamic_clients"), text)
    if radius.dynamic_listen and not addresses:
        text = "nobody may ask there: name a server by dynamic_client"
        yield Problem.at(radius.places.of("dynamic_listen"), text)


def wanted(mode_cfg: ModeCfg) -> tuple[str, ...]:
    """The kinds of servers that are used, by the words of radius.conf."""
    logins = mode_cfg.auth_source is AuthSource.RADIUS
    return ("auth",) * logins + ("acct",) * (mode_cfg.accounting is Accounting.RADIUS)


def _of_file(read: radius_conf.RadiusConf, radius: Radius, missing: list[str], mode_cfg: ModeCfg) -> Iterator[Problem]:
    """No server at all is told where one is needed, since no line asks for the file by name."""
    yield from read.problems
    for kind in missing:
        if not getattr(radius, kind) and not read.problems:
            field = "auth_source" if kind == "auth" else "accounting"
            file = f'write "{kind} HOST SECRET" into {radius_conf.RADIUS_CONF} (root\'s, mode 0600)'
            text = f'no RADIUS server is named: {file}, or add radiuscfg {{ {kind} "HOST" "SECRET"; }}'
            yield Problem.at(mode_cfg.places.of(field), text)


def _sources(mode_cfg: ModeCfg) -> Iterator[Problem]:
    if mode_cfg.conf_source is ConfSource.RADIUS and mode_cfg.auth_source is not AuthSource.RADIUS:
        text = "the address comes with the answer to a login: conf_source radius needs auth_source radius"
        yield Problem.at(mode_cfg.places.of("conf_source"), text)
