"""Accounts as lines of the journal, in a form that programs may rely on (docs/gateway.md)."""

from __future__ import annotations

import json
import logging
import time

from lotor.model.entry import RECORD_KEY, Entry, Making, Value
from lotor.model.kinds import Kind
from lotor.model.text import clean
from lotor.ports.accounting import Account, Usage

log = logging.getLogger(__name__)


START = "AccountingStart"
INTERIM = "AccountingInterim"
STOP = "AccountingStop"
"""Among the events of the log (docs/events.md)."""


class JournalAccounting:
    """Implements `ports.Accounting`: takes everything, at once."""

    async def start(self, account: Account) -> None:
        _write(f"accounting start {_account(account)}", lambda: Entry(START, _fields(account)))

    async def interim(self, account: Account, usage: Usage) -> None:
        used = _usage(usage)
        line = f"accounting interim {_account(account)} {_words(used)}"
        _write(line, lambda: Entry(INTERIM, {**_fields(account), **used}))

    async def stop(self, account: Account, usage: Usage, why: Kind) -> None:
        used, reason = _usage(usage), why.value
        line = f"accounting stop {_account(account)} {_words(used)} reason={reason}"
        _write(line, lambda: Entry(STOP, {**_fields(account), **used, "reason": reason}))


def _words(used: dict[str, int]) -> str:
    return " ".join(f"{name}={value}" for name, value in used.items())


def _write(line: str, making: Making) -> None:
    # Not log.info(): looking for the caller on the stack takes as long as all the rest.
    if log.isEnabledFor(logging.INFO):
        record = logging.LogRecord(log.name, logging.INFO, __file__, 0, "%s", (line,), None)
        vars(record)[RECORD_KEY] = making
        log.handle(record)


def _account(account: Account) -> str:
    told = f"id={account.id} user={_quoted(account.user)} source={account.source} "
    told += f"inside={_inside(account)} began={_began(account)}"
    if account.groups:
        told += f" groups={_quoted(_groups(account))}"
    if account.machine:
        told += f" machine={_quoted(account.machine)}"
    if account.accounting_classes:
        told += f" class={_classes(account)}"
    return told


def _fields(account: Account) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "id": account.id,
        "user": clean(account.user),
        "source": str(account.source.address),
        "port": account.source.port,
        "inside": _inside(account),
        "began": _began(account),
    }
    if account.groups:
        fields["groups"] = clean(_groups(account))
    if account.machine:
        fields["machine"] = clean(account.machine)
    if account.accounting_classes:
        fields["class"] = _classes(account)
    return fields


def _inside(account: Account) -> str:
    return ",".join(map(str, account.inside))


def _groups(account: Account) -> str:
    return ",".join(sorted(account.groups))


def _classes(account: Account) -> str:
    return ",".join(each.hex() for each in account.accounting_classes)


def _began(account: Account) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(account.began))


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "seconds": usage.seconds,
        "octets_in": usage.octets_in,
        "octets_out": usage.octets_out,
        "packets_in": usage.packets_in,
        "packets_out": usage.packets_out,
    }


def _quoted(text: str) -> str:
    """A JSON string: whatever a peer chose ends at the second quote and stays on its line."""
    return json.dumps(clean(text), ensure_ascii=False)
