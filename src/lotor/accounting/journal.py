"""Accounts as lines of the journal, in a form that programs may rely on (docs/gateway.md)."""

from __future__ import annotations

import json
import logging
import time

from lotor.model.reason import Reason
from lotor.model.text import clean
from lotor.ports.accounting import Account, Usage

log = logging.getLogger(__name__)


class JournalAccounting:
    """Implements `ports.Accounting`: takes everything, at once."""

    async def start(self, account: Account) -> None:
        _write(f"accounting start {_account(account)}")

    async def stop(self, account: Account, usage: Usage, reason: Reason) -> None:
        _write(f"accounting stop {_account(account)} {_usage(usage)} reason={reason.kind.value}")


def _write(line: str) -> None:
    # Not log.info(): looking for the caller on the stack takes as long as all the rest.
    if log.isEnabledFor(logging.INFO):
        log.handle(logging.LogRecord(log.name, logging.INFO, __file__, 0, "%s", (line,), None))


def _account(account: Account) -> str:
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(account.began))
    inside = ",".join(map(str, account.inside))
    told = f"id={account.id} user={_quoted(account.user)} source={account.source} inside={inside} began={began}"
    if account.groups:
        told += f" groups={_quoted(','.join(sorted(account.groups)))}"
    if account.accounting_class:
        told += f" class={account.accounting_class.hex()}"
    return told


def _usage(usage: Usage) -> str:
    return (
        f"seconds={usage.seconds} octets_in={usage.octets_in} octets_out={usage.octets_out} "
        f"packets_in={usage.packets_in} packets_out={usage.packets_out}"
    )


def _quoted(text: str) -> str:
    """A JSON string: whatever a peer chose ends at the second quote and stays on its line."""
    return json.dumps(clean(text), ensure_ascii=False)
