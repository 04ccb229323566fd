"""docs/events.md, made from the events: `python -m lotor.runtime.document > docs/events.md` writes it."""

from __future__ import annotations

import re
import sys

from lotor.ike.events import Event, Level
from lotor.runtime.fields import names

HEAD = """# Events

Each event is one line of the log. Its name, its level, its sentence and its fields are stable: fields are added, and
nothing is renamed. Scripts that read lines may rely on the sentences, and better on the fields: `log_format json;`,
`lotor daemon --log json`, or the fields of systemd's journal ([monitoring.md](monitoring.md)).

A line of a session begins with `session NUMBER: `, and once the user is known with `session NUMBER (USER): `. What
stands in `<…>` below is a value. Text that a peer chose is cleaned: it has no line feed and no control character. No
line and no field holds a secret.

Beside its own fields an event of a session has these, as far as they are known: `session` (its number), `user` (the
login, or the identity that was proved), `source` (the peer's outer address) and `port`. The journal knows them as
`LOTOR_SESSION`, `LOTOR_USER`, `LOTOR_SOURCE` and `LOTOR_PORT`, and any other field as `LOTOR_` and its name in
capitals; `LOTOR_EVENT` is the name of the event.

`reason` is a kind of [reasons.md](reasons.md), which says what helps; `why` is the same as a sentence.

Strangers cause at most 20 lines a second, and 200 refused logins; what is beyond is counted in one line. The log has
other lines as well, of the host, of scripts, of a start or a reload. They are sentences for people, have no event and
may change.

`python -m lotor.runtime.document` writes this page.
"""

ACCOUNTING = """## Accounting

What they mean is in [gateway.md](gateway.md#accounting).

### AccountingStart

A session of a gateway is up.

- Level: `info`.
- Line: `accounting start id=<id> user=<user> source=<source>:<port> inside=<inside> began=<began>`
- Fields: `id`, `user`, `source`, `port`, `inside`, `began`, and where they were granted `groups`, `class`.

### AccountingInterim

What a session of a gateway has carried so far, where the configuration wants to know (`accounting_interval`).

- Level: `info`.
- Line: as above with `interim`, then ` seconds=<seconds> octets_in=<octets_in> octets_out=<octets_out>
  packets_in=<packets_in> packets_out=<packets_out>`
- Fields: those above, and `seconds`, `octets_in`, `octets_out`, `packets_in`, `packets_out`.

### AccountingStop

A session of a gateway has ended and is counted.

- Level: `info`.
- Line: as above with `stop`, then `reason=<reason>`.
- Fields: those above, and `reason`.
- What helps: the kind of its `reason` says it, see [reasons.md](reasons.md).

### AccountingSilent

Whoever keeps accounts does not take records; they wait ([accounting.md](accounting.md)).

- Level: `warning`.
- Line: `accounting <keeper> is silent, records wait: <why>`
- Fields: `keeper` (a word of `accounting`), `why`.
- What helps: look at the server that `why` names; nothing is lost meanwhile.

### AccountingBack

It takes them again.

- Level: `info`.
- Line: `accounting <keeper> answers again after <seconds> seconds`
- Fields: `keeper`, `seconds`, `records` (taken at once).
"""

TITLES = {
    Level.WARNING: "Warnings",
    Level.INFO: "What happens to sessions",
    Level.DEBUG: "Details, with `log debug`",
}


def document() -> str:
    """The page: a chapter for each level, and accounting."""
    return "\n".join([HEAD, *(_chapter(level) for level in TITLES), ACCOUNTING])


def _chapter(level: Level) -> str:
    found = sorted(
        (each for each in Event.__subclasses__() if each.level is level), key=lambda each: each.public_name()
    )
    return f"## {TITLES[level]}\n\n" + "\n".join(_entry(each) for each in found)


def _entry(kind: type[Event]) -> str:
    own = ", ".join(f"`{name}`" for name in names(kind)) or "none of its own"
    advice = f"- What helps: {_advice(kind)}." if _advice(kind) else None
    lines = [
        f"### {kind.public_name()}",
        "",
        first_sentence(str(kind.__doc__)),
        "",
        f"- Level: `{kind.level.name.lower()}`.",
        f"- Line: `{form(kind.line)}`",
        *([f"- With IKEv2: `{form(kind.line_v2)}`"] if kind.line_v2 else []),
        f"- Fields: {own}.",
        *([advice] if advice else []),
        "",
    ]
    return "\n".join(lines)


def _advice(kind: type[Event]) -> str:
    if kind.advice:
        return kind.advice
    return "the kind of its `reason` says it, see [reasons.md](reasons.md)" if "reason" in names(kind) else ""


def form(line: str) -> str:
    """A format string as people read one."""
    return re.sub(r"\{([^}:]+)(:[^}]*)?\}", lambda found: f"<{found[1].rstrip('_')}>", line)


def first_sentence(text: str) -> str:
    """Of a docstring."""
    return re.split(r"(?<=\.)\s", " ".join(text.split()), maxsplit=1)[0]


if __name__ == "__main__":
    sys.stdout.write(document())
