"""A client's settings without a file: what `lotor connect --ca ca.crt -u USER GATEWAY` needs."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from itertools import product
from pathlib import Path

from lotor.config.load import loads
from lotor.config.sainfos import KEY_LENGTHS, usual
from lotor.config.settings import (
    Address,
    Algorithm,
    Authentication,
    FileName,
    LogLevel,
    Places,
    Proposal,
    Settings,
)
from lotor.config.tables.ikev2 import BOTH
from lotor.config.tables.proposal import PROPOSAL
from lotor.config.tables.remote import REMOTE
from lotor.model.algorithms import AuthMethod, Cipher, EapMethod, Group, Hash
from lotor.model.frozen import frozen
from lotor.model.policy import ExchangeMode, ProposalCheck, Side, Switch

DPD_DELAY = 20
METHOD = Algorithm("hybrid_rsa_client", Authentication(AuthMethod.HYBRID_RSA, Side.CLIENT))


METHODS = (EapMethod.MSCHAPV2, EapMethod.GTC, EapMethod.TTLS)
"""By which a person logs in over IKEv2. The gateway has proved itself before; docs/ikev2.md says why TTLS is last."""


@frozen
class Typed:
    """What else was typed. `group`: the Diffie-Hellman group of IKEv1 (aggressive mode can offer only one); `keep`: the
    connection comes back; `server`: the name of a RADIUS server that shows a certificate of its own inside of EAP."""

    group: Group = Group.MODP2048
    keep: bool = False
    server: str | None = None


USUAL = Typed()


def roadwarrior(gateway: str, ca_file: Path, login: str | None = None, typed: Typed = USUAL) -> Settings:
    """Two remotes for the gateway, one for IKEv2 and for aggressive mode, which bears its name, and one for main mode:
    the gateway by its certificate, the person by a login, mode config, strong proposals only. The log says what went
    wrong: all else is told by the command.

    A host name stays one: what a name server says of it is no part of the settings, and its certificate has to name it.
    """
    values = {
        "proposal_check": ProposalCheck.OBEY,
        "ca": FileName(str(ca_file), ca_file.absolute()),
        "mode_cfg": True,
        "nat_traversal": Switch.ON,
        "ike_frag": Switch.ON,
        "xauth_login": login,
        "auto_connect": typed.keep,
        "proposals": tuple(_proposals(typed.group)),
        "eap": METHODS,
        "eap_server": typed.server,
    }
    named = {gateway: (ExchangeMode.AGGRESSIVE, BOTH), in_main_mode(gateway): (ExchangeMode.MAIN, (1,))}
    remotes = tuple(
        replace(
            REMOTE.complete(
                {"name": name, "address": _address(gateway), "port": 500},
                {**values, "exchange_mode": (mode,), "ike_version": versions},
                Places(),
            ),
            dpd_delay=DPD_DELAY,  # which nobody wrote into a file, so that the block would have what is usual
        )
        for name, (mode, versions) in named.items()
    )
    return replace(loads("").settings, remotes=remotes, sainfos=(usual(),), log=LogLevel.ERROR)


def in_main_mode(name: str) -> str:
    """The block that is tried where the gateway takes no offer of the block `name`."""
    return f"{name} in main mode"


def _address(gateway: str) -> Address | None:
    try:
        return ip_address(gateway)
    except ValueError:
        return None


def _proposals(group: Group) -> list[Proposal]:
    return [
        PROPOSAL.complete(
            {},
            {
                "encryption_algorithm": Algorithm("aes", Cipher.AES_CBC, bits),
                "hash_algorithm": Algorithm(digest.value, digest),
                "authentication_method": METHOD,
                "dh_group": Algorithm(group.name.lower(), group),
            },
            Places(),
        )
        for digest, bits in product((Hash.SHA256, Hash.SHA1), KEY_LENGTHS)
    ]
