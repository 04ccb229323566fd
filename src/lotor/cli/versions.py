"""`lotor status --versions`: by which version of IKE people come, with which client and algorithms, now and before; and
whom the last day of IKEv1 keeps out."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.cli import locate
from lotor.cli.columns import Column, fitted
from lotor.cli.past_rows import version
from lotor.cli.terminal import Style, columns, say
from lotor.daemon.exits import Exit, StartError
from lotor.model.frozen import frozen

if TYPE_CHECKING:
    from lotor.auth.ikev1 import Until
    from lotor.config.settings import ModeCfg, Settings
    from lotor.control.views import StatusView

MOST = 100_000
"""Ways in that are told apart; those of later sessions are left out, and said."""
NOW = "now"
COLUMNS = (
    Column("IKE", 3, 0),
    Column("user", 6, 0),
    Column("client", 6, 3),
    Column("algorithms", 10, 4),
    Column("times", 5, 2, right=True),
    Column("last", 5, 1),
    Column("IKEv1 until", 11, 0),
)


@frozen
class Way:
    """A way in: who, by which version (0: not known), with which program and algorithms. `sessions`: how many there
    were; `up` how many there are; `last`: when the last one was there, seconds since 1970. `until`: the user's last day
    of IKEv1, empty for none or where it is not known; `over`: it has passed."""

    ike: int
    user: str
    client: str
    suite: str
    sessions: int = 0
    up: int = 0
    last: float = 0.0
    until: str = ""
    over: bool = False


@frozen
class Seen:
    """One session."""

    id: tuple[int, str, str, str]
    at: float
    up: bool


def show(context: click.Context, options: dict[str, object]) -> None:
    """Raises `StartError` where neither a daemon nor a store tells anything."""
    if options["watch"] or options["verbose"] or options["sort"]:
        raise click.UsageError("--versions goes with --all, --json, --socket, --file and a login alone")
    notes = list[str]()
    settings = _settings(options, notes)
    if options["everywhere"]:
        present, past = None, _everywhere(options)
    else:
        present = _present(context, options, notes)
        past = _past(settings, notes, reached=present is not None) if settings is not None else None
    if present is None and past is None:
        raise StartError("; ".join(notes), Exit.NO_DAEMON)
    subject = str(options["subject"])
    found = [each for each in ways([*(present or ()), *(past or ())], notes) if not subject or each.user == subject]
    found = list(dated(found, _days(settings, notes), datetime.now().astimezone().date()))
    if options["as_json"]:
        told = {"schema": 1, "ways": [_plain(each) for each in found], "notes": notes}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _draw(found, notes)


def ways(seen: Iterable[Seen], notes: list[str]) -> list[Way]:
    """IKEv1 first, and of one version those who were there last."""
    found: dict[tuple[int, str, str, str], Way] = {}
    left = 0
    for each in seen:
        if each.id not in found and len(found) >= MOST:
            left += 1
            continue
        way = found.get(each.id) or Way(*each.id)
        last = max(way.last, each.at)
        found[each.id] = replace(way, sessions=way.sessions + 1, up=way.up + each.up, last=last)
    if left:
        notes.append(f"{left} sessions are left out: there are more than {MOST} ways in")
    return sorted(found.values(), key=lambda each: (each.ike, -each.last, each.user))


def dated(found: Iterable[Way], day: Callable[[str], date | None], today: date) -> Iterator[Way]:
    """With the last day of who does not come by IKEv2."""
    for each in found:
        until = day(each.user) if each.ike != 2 and each.user else None
        yield each if until is None else replace(each, until=f"{until}", over=until < today)


def _plain(way: Way) -> dict[str, object]:
    return {**asdict(way), "last": datetime.fromtimestamp(way.last).astimezone().isoformat(timespec="seconds")}


def _draw(found: list[Way], notes: list[str]) -> None:
    if found:
        head, *lines = fitted(COLUMNS, [_row(each) for each in found], columns())
        say(head, Style.HEAD)
        for way, line in zip(found, lines, strict=True):
            say(line, Style.WARNING if way.over else Style.PLAIN)
    else:
        click.echo("no session is known")
    by = {ike: {each.user for each in found if each.ike == ike and each.user} for ike in (1, 2)}
    click.echo(f"\nby IKEv1: {len(by[1])} users, {len(by[1] - by[2])} of them never by IKEv2; by IKEv2: {len(by[2])}")
    for each in notes:
        click.echo(each)


def _row(way: Way) -> list[str]:
    last = NOW if way.up else f"{datetime.fromtimestamp(way.last).astimezone():%Y-%m-%d}"
    until = f"{way.until} (over)" if way.over else way.until
    return [version(way.ike), way.user or "-", way.client or "-", way.suite or "-", str(way.sessions), last, until]


def _file(options: dict[str, object]) -> Path:
    named = options["file"]
    return locate.configuration(Path(str(named)) if named else None)


def _settings(options: dict[str, object], notes: list[str]) -> Settings | None:
    """None where there is no configuration, or none that can be read: a note."""
    from lotor.config import ConfigError, load

    path = _file(options)
    with contextlib.suppress(ConfigError, OSError):
        return load(path).settings
    notes.append(f"past sessions and last days are not known: {path} cannot be used, lotor check tells why")
    return None


def _present(context: click.Context, options: dict[str, object], notes: list[str]) -> list[Seen] | None:
    """Those that are up, as the daemon has them; None where it cannot be asked: a note."""
    from lotor.cli.calling import look, whole_status

    try:
        with look(context, options) as daemon:
            view = whole_status(daemon, "")
    except StartError as error:
        notes.append(f"present sessions are not known: {error}")
        return None
    return list(_up(view))


def _up(view: StatusView) -> Iterator[Seen]:
    now = time.time()
    for each in view["sessions"]:
        if each["role"] != "client" and each["state"] == "up":
            client = each["vendor"] or each["device"]
            yield Seen((each["ike"], each["user"] or each["peer"], client, each["ike_suite"]), now, up=True)


def _everywhere(options: dict[str, object]) -> list[Seen] | None:
    """Those of all gateways of a fleet, from its database, which knows who is there, too. Raises `StartError`."""
    from lotor.cli.fleet_past import everybody

    if options["socket"]:
        raise click.UsageError("--versions --all asks the fleet's database: --socket has no meaning with it")
    now, found = time.time(), list[Seen]()
    for each in everybody(_file(options), str(options["subject"]), MOST):
        at = now if each.ended is None else each.ended
        found.append(Seen((each.ike, each.user, each.client, each.suite), at, up=each.ended is None))
    return found


def _past(settings: Settings, notes: list[str], *, reached: bool) -> list[Seen] | None:
    """Those that have ended; where no daemon was `reached` also those that have not. A gap is a note, and None where
    nothing is known. A client alone has no past."""
    from lotor.cli.history import past
    from lotor.store.sessions import Wanted

    if settings.mode_cfg is None:
        return None
    if settings.store is None:
        notes.append("past sessions are not known: the configuration says store none")
        return None
    found = list[Seen]()
    try:
        for each in past(settings.store.path, Wanted()):
            if each.ended is not None or not reached:
                at = each.ended if each.ended is not None else each.began + each.seconds
                found.append(Seen((each.ike, each.user, each.client, each.suite), at, up=False))
    except StartError as error:
        notes.append(f"past sessions are not known: {error}")
        return found or None
    return found


def _days(settings: Settings | None, notes: list[str]) -> Callable[[str], date | None]:
    """Who has which last day: by the list of users, the groups of this host and of that list, and the configuration."""
    mode_cfg = settings.mode_cfg if settings is not None else None
    if mode_cfg is None:
        return lambda _: None
    from lotor.auth.checks import NotJudgedError

    until, groups = _until(mode_cfg)

    def day(user: str) -> date | None:
        try:
            return until.day(user, groups(user))
        except NotJudgedError as error:
            why = error.reason.text
        except OSError as error:
            why = error.strerror or str(error)
        told = f"last days of IKEv1 are not known: {why}"
        if told not in notes and len(notes) < 8:
            notes.append(told)
        return None

    return day


def _until(mode_cfg: ModeCfg) -> tuple[Until, Callable[[str], frozenset[str]]]:
    """As the gateway judges, and the groups that come with a login, as far as a file knows them."""
    from lotor.auth.local import LocalLogins
    from lotor.auth.users import UserFile
    from lotor.config.settings import AuthSource
    from lotor.warden.engines import until_of

    if mode_cfg.auth_source is not AuthSource.LOCAL:
        return until_of(mode_cfg), lambda _: frozenset()
    logins = LocalLogins(UserFile(mode_cfg.users.path))
    return until_of(mode_cfg, logins), logins.groups
