"""What a person wants of `lotor init`, from options and answers: six questions of a gateway, two of a client."""

from __future__ import annotations

import grp
import os
from pathlib import Path

from lotor.cli.asking import Dialogue
from lotor.daemon.exits import Exit, StartError
from lotor.init.answers import (
    ClientWishes,
    GatewayWishes,
    clients_of,
    overlapping,
    pool_of,
    proposed_pool,
    proposed_servers,
    reach_of,
    servers_of,
    words_of,
)
from lotor.init.host import Target
from lotor.model.secret import Secret

USUAL_GROUP = "operator"
Options = dict[str, object]


def gateway_wishes(names: tuple[str, ...], options: Options, dialogue: Dialogue, target: Target) -> GatewayWishes:
    """Raises `StartError`."""
    ask = dialogue.choose
    chosen = (
        _names(" ".join(names))
        if names
        else ask(None, "Names and addresses by which clients reach this gateway", "", _names)
    )
    routes = target.networks()
    pool = ask(_text(options, "pool"), "Inner network of the clients", proposed_pool(routes), pool_of)
    reach = ask(_text(options, "reach"), "What clients reach through the tunnel (all, or networks)", "all", reach_of)
    if (other := overlapping(pool, routes, reach)) and not options["no_masquerade"]:
        raise StartError(f"the clients' network {pool} overlaps {other}, which this host reaches: give another --pool")
    servers = proposed_servers(target.resolvers(), reach)
    dns = ask(_text(options, "dns"), "DNS servers of the clients (addresses, or none)", servers, servers_of)
    user = ask(_text(options, "user"), "The first user (empty: none)", "", str.strip)
    clients = ask(_text(options, "clients"), "Clients", "lotor,strongswan", clients_of)
    return GatewayWishes(
        chosen,
        pool,
        reach,
        dns,
        user,
        _password(options, dialogue) if user else None,
        clients,
        shared_key=bool(options["shared_key"]),
        masquerade=not options["no_masquerade"],
    )


def client_wishes(gateway: str, options: Options, dialogue: Dialogue) -> ClientWishes:
    """Raises `StartError`."""
    authority = _authority(options["ca"])
    user = dialogue.choose(_text(options, "user"), "Login (empty: each connection asks)", "", str.strip)
    usual = USUAL_GROUP if _is_group(USUAL_GROUP) else "root"
    group = dialogue.choose(_text(options, "group"), "Group whose members may connect", usual, _group)
    password = _password(options, dialogue) if options["save_password"] else None
    return ClientWishes(gateway, authority, user, group, password)


def _names(text: str) -> tuple[str, ...]:
    words = tuple(words_of(text))
    if not words:
        raise StartError("a gateway needs a name: give the host names and addresses that clients will type", Exit.USAGE)
    return words


def _group(name: str) -> str:
    if not _is_group(name):
        raise StartError(f"there is no group '{name}' on this host: groupadd --system {name}", Exit.USAGE)
    return name


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _authority(file: object) -> bytes:
    from lotor.files.private import FileError, read_public

    try:
        return read_public(file if isinstance(file, Path) else Path(os.devnull))
    except FileError as fault:
        raise StartError(str(fault), Exit.CONFIGURATION) from None


def _password(options: Options, dialogue: Dialogue) -> Secret:
    file = options["password_file"]
    return dialogue.password(file if isinstance(file, Path) else None, from_stdin=bool(options["password_stdin"]))


def _text(options: Options, name: str) -> str | None:
    value = options[name]
    return value if isinstance(value, str) else None
