"""A client's settings without a file: what `lotor connect --ca ca.crt -u USER GATEWAY` needs."""

from __future__ import annotations

from pathlib import Path

from lotor.config.settings import Address, Settings
from lotor.model.algorithms import Group


def roadwarrior(
    gateway: str,
    ca_file: Path,
    address: Address | None = None,
    login: str | None = None,
    group: Group = Group.MODP2048,
) -> Settings:
    """One remote named `gateway`: aggressive mode, hybrid RSA, mode config, strong proposals only.

    `address` is the gateway's when `gateway` is a host name; `group` the Diffie-Hellman group (aggressive mode can
    offer only one).
    """
    raise NotImplementedError(gateway, ca_file, address, login, group)
