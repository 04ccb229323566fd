"""What this gateway tells a client: a lease, the administrator's values and the banner file as it reads now."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path

from lotor.model.configuration import LONGEST_BANNER, ModeConfiguration
from lotor.model.judgement import Failure
from lotor.ports.leases import Leases

log = logging.getLogger(__name__)

NOWHERE = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class Template:
    """The part of the answer that is the same for everybody; its `address` is not used."""

    values: ModeConfiguration = field(default_factory=lambda: ModeConfiguration(address=NOWHERE))
    banner: Path | None = None


class GatewayConfigurations:
    """Answers `AcquireConfiguration`. `template` is asked every time, so that a reload counts at once."""

    def __init__(self, leases: Leases, template: Callable[[], Template | None]) -> None:
        self._leases = leases
        self._template = template

    def acquire(self, session: int, user: str) -> ModeConfiguration | Failure:
        template = self._template()
        if template is None:
            return Failure("this gateway has no mode_cfg section: it gives no addresses")
        lease = self._leases.acquire(session, user)
        if isinstance(lease, Failure):
            return lease
        # a reload may bring IPv6 values before the pool, which is made at the start, has addresses for them
        values = template.values if lease.address6 is not None else template.values.without_ipv6()
        netmask = lease.netmask or values.netmask
        return replace(
            values,
            address=lease.address,
            netmask=netmask,
            address6=lease.address6,
            banner=read_banner(template.banner),
        )

    def release(self, session: int) -> None:
        self._leases.release(session)


def read_banner(path: Path | None) -> bytes:
    """At most `LONGEST_BANNER` octets; a file that cannot be read is a warning and an empty banner."""
    if path is None:
        return b""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO must not hold the gateway up
        with os.fdopen(descriptor, "rb") as file:
            return file.read(LONGEST_BANNER) or b""
    except OSError as error:
        log.warning("banner %s cannot be read: %s; clients get none", path, error.strerror)
        return b""
