"""The text of accounts and records as they lie in the store. What another version wrote, or a disk garbled, is read as
nothing rather than wrongly."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any

from lotor.model.kinds import Kind
from lotor.model.network import Address, Network, Peer
from lotor.ports.accounting import Account, Record, Status, Usage


def account_text(account: Account) -> str:
    fields = {
        "id": account.id,
        "user": account.user,
        "source": [str(account.source.address), account.source.port],
        "inside": [str(each) for each in account.inside],
        "began": account.began,
        "groups": sorted(account.groups),
        "classes": [each.hex() for each in account.accounting_classes],
        "called": str(account.called) if account.called is not None else None,
        "ike": account.ike,
        "machine": account.machine,
        "resumed": account.resumed,
    }
    return json.dumps(fields)


def account_of(text: str) -> Account:
    """Raises `ValueError`."""
    try:
        return _account(json.loads(text))
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"no account of a session: {type(error).__name__}") from None


def usage_text(usage: Usage) -> str:
    return json.dumps(
        [usage.seconds, usage.octets_in, usage.octets_out, usage.packets_in, usage.packets_out],
    )


def usage_of(text: str) -> Usage:
    """Raises `ValueError`."""
    try:
        seconds, octets_in, octets_out, packets_in, packets_out = map(int, json.loads(text))
    except (TypeError, OverflowError):
        raise ValueError("no figures of a session") from None
    return Usage(seconds, octets_in, octets_out, packets_in, packets_out)


def record_text(record: Record) -> str:
    """All but what has columns of its own."""
    account, usage = record.account, record.usage
    return json.dumps(
        [
            account_text(account) if account is not None else None,
            usage_text(usage) if usage is not None else None,
            record.why.value if record.why is not None else None,
        ]
    )


def record_of(status: int, at: float, delay: int, text: str) -> Record:
    """Raises `ValueError`."""
    try:
        account, usage, why = json.loads(text)
        return Record(
            Status(status),
            at,
            account_of(account) if account is not None else None,
            usage_of(usage) if usage is not None else None,
            Kind(why) if why is not None else None,
            delay,
        )
    except TypeError:
        raise ValueError("no record of a session") from None


def _account(fields: dict[str, Any]) -> Account:
    address, port = fields["source"]
    called = fields["called"]
    return Account(
        str(fields["id"]),
        str(fields["user"]),
        Peer(ip_address(address), int(port)),
        tuple(map(_inside, fields["inside"])),
        float(fields["began"]),
        frozenset(map(str, fields["groups"])),
        tuple(map(bytes.fromhex, fields["classes"])),
        ip_address(called) if called is not None else None,
        ike=int(fields.get("ike", 1)),  # an older program knew no other version
        machine=str(fields.get("machine", "")),  # nor any device
        resumed=fields.get("resumed") is True,
    )


def _inside(text: str) -> Address | Network:
    return ip_network(text) if "/" in text else ip_address(text)
