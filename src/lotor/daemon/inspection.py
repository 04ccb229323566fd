"""All that can be said of a configuration without starting anything, for `lotor check`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from lotor import config
from lotor.config import Checked, ConfigError, Examined, RemoteSettings, Settings, devices, render
from lotor.config.listening import isakmp
from lotor.config.origins import Effective, effective
from lotor.config.overlaps import Overlap, overlaps
from lotor.config.placing import cautions, faults
from lotor.config.problem import Problem
from lotor.crypto.certificates import Certificate
from lotor.crypto.x509.received import parse_certificate
from lotor.daemon import active_config
from lotor.hosts.connected import connected
from lotor.keys.keyring import Keyring
from lotor.model.frozen import frozen
from lotor.model.identity import IdKind
from lotor.model.policy import Side
from lotor.pki.acme import renewal_fault
from lotor.pki.clients import EVERYBODY, Judgement, judged_together
from lotor.wire import dhcp


@frozen
class Inspection:
    """`problems` keep the daemon from starting, `warnings` are ready to be read. `settings`: every effective one;
    none where the text cannot be read. `certificates`: what clients think of those of each remote, by its name;
    `chains`: those themselves, in the order of the file, each leaf first. `checked` None: the text cannot be read.
    `devices`: what clients of IKEv2 will find wrong, by the name of the remote."""

    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    settings: tuple[Effective, ...] = ()
    certificates: dict[str, list[Judgement]] = field(default_factory=dict)
    overlaps: tuple[Overlap, ...] = ()
    chains: dict[str, tuple[tuple[Certificate, ...], ...]] = field(default_factory=dict)
    checked: Checked | None = None
    devices: dict[str, list[devices.Finding]] = field(default_factory=dict)


def inspect(path: Path, now: datetime | None = None, typed: Iterable[str] = ()) -> Inspection:
    """`typed`: what people type for the gateway, beside the names that the file has."""
    from lotor.warden import loading  # what holds keys is never loaded into a daemon without rights

    found = config.examine(path)
    checked = found.checked
    if checked is None:
        return Inspection(tuple(found.sorted()), _told(found))
    keyring, store = loading.keyring_of(checked), active_config.store_of(checked)
    wrong = found.sorted(faults(checked.settings, [*keyring.problems, *store.problems]))
    warnings = (*_told(found), *cautions(keyring.problems), *cautions(store.problems))
    if not wrong:
        wrong, warnings = _equipped(found, warnings)
    chains = dict(_chains(checked.sound, keyring))
    now = now or datetime.now(UTC)
    names = {each.name: _names(each, checked.settings, typed) for each in checked.sound}
    return Inspection(
        tuple(wrong),
        warnings,
        tuple(effective(checked.settings)),
        {
            remote.name: [
                *_unrenewed(remote, now),
                *judged_together(chains[remote.name], names[remote.name], now, remote.ike_version),
            ]
            for remote in checked.sound
            if remote.name in chains
        },
        tuple(overlaps(checked.settings, connected())),
        chains,
        checked,
        dict(_devices(checked)),
    )


def _devices(checked: Checked) -> Iterator[tuple[str, list[devices.Finding]]]:
    """Of the gateway's blocks that speak IKEv2."""
    routes = _routes(checked.settings)
    for remote in checked.sound:
        policy = config.second_version(remote, checked)
        if policy is not None and policy.side is Side.GATEWAY:
            yield remote.name, devices.found(policy, routes)


def _routes(settings: Settings) -> devices.Routes | None:
    """What a client without a group of its own has of a split tunnel."""
    given = config.mode_configuration(settings.mode_cfg) if settings.mode_cfg is not None else None
    if given is None or given.is_full:
        return None
    networks = given.split_include
    return devices.Routes(len(networks), dhcp.left_out(networks), given.informs, settings.engine.asks_kernel)


def _told(found: Examined) -> tuple[str, ...]:
    return tuple(render(each, "warning") for each in found.warnings)


def _equipped(found: Examined, warnings: tuple[str, ...]) -> tuple[list[Problem], tuple[str, ...]]:
    """What only a whole configuration shows."""
    try:
        return [], active_config.whole(found).warnings
    except ConfigError as error:
        return list(error.problems), warnings


def _chains(
    remotes: tuple[RemoteSettings, ...], keyring: Keyring
) -> Iterator[tuple[str, tuple[tuple[Certificate, ...], ...]]]:
    """Of the gateway's blocks that have certificates which could be read."""
    for remote in remotes:
        own = keyring.credential(remote.name).own
        chains = tuple(tuple(parse_certificate(der) for der in each.chain) for each in own)
        if chains and config.side_of(remote) is Side.GATEWAY:
            yield remote.name, chains


def _unrenewed(remote: RemoteSettings, now: datetime) -> Iterator[Judgement]:
    for files in remote.certificates:
        if text := renewal_fault(files.certificate.path, now):
            yield Judgement(EVERYBODY, False, f"{files.certificate.path}: {text}")


def _names(remote: RemoteSettings, settings: Settings, typed: Iterable[str]) -> list[str]:
    """What clients are likely to type: what the gateway calls itself, and the addresses that it listens on by name."""
    mine = remote.my_identifier
    said = [mine.value] if mine.value and mine.kind in {IdKind.FQDN, IdKind.IPV4_ADDR, IdKind.IPV6_ADDR} else []
    listening = [str(each.address) for each in isakmp(settings.listen) if not each.address.is_unspecified]
    return list(dict.fromkeys([*typed, *said, *(each for each in listening if not ip_address(each).is_loopback)]))
