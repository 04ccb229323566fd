"""One attempt told in plain words: for `lotor explain`, and as one line for the journal."""

from __future__ import annotations

from lotor.explain import fingerprint, remedies, shown
from lotor.explain.attempts import Attempt
from lotor.explain.fingerprint import Trace
from lotor.ike.v1.authenticate import ONLY_LOGIN
from lotor.model.algorithms import AuthMethod
from lotor.model.frozen import frozen
from lotor.model.kinds import Kind
from lotor.model.policy import Side
from lotor.model.reason import Cause

MOST_WORDS = 6
HYBRID = frozenset(each.value for each in AuthMethod if each.hybrid)


@frozen
class Row:
    """One thing worth telling, under its name."""

    name: str
    text: str


def rows(attempt: Attempt) -> tuple[Row, ...]:
    """What is known, in the order in which it happened."""
    rows = [
        Row("who", _who(attempt)),
        Row("peer is", peer(attempt)),
        Row("offered", _offered(attempt)),
        Row("announced", _listed(attempt.vendors, " ")),
        Row("chosen", _chosen(attempt)),
        Row("identity", _identity(attempt)),
        Row("IKE SA" if attempt.by_ikev2 else "phase 1", _established(attempt)),
        Row("NAT", attempt.nat.removeprefix("NAT ")),
        Row("login", _login(attempt)),
        Row("address", _address(attempt)),
        *(Row("SA pair", f"{number}: {text}") for number, text in attempt.pairs.items()),
        *(Row("then", text) for text in attempt.happened if attempt.session),
        Row("now" if attempt.over is None else "ended", _end(attempt)),
        Row("device shows", device_shows(attempt)),
        Row("fix", remedies.remedy(attempt)),
    ]
    return tuple(row for row in rows if row.text)


def line(attempt: Attempt) -> str:
    """The same as one line."""
    return "; ".join(f"{row.name}: {row.text}" for row in rows(attempt))


def outcome(attempt: Attempt) -> str:
    """One of `up`, `connecting`, `ended`, `failed`."""
    if attempt.over is None:
        return "up" if attempt.up else "connecting"
    return "ended" if attempt.up else "failed"


def peer(attempt: Attempt) -> str:
    """The program at the other end, as far as its messages show."""
    if attempt.side is Side.CLIENT:
        return fingerprint.responder(attempt.vendors) if attempt.vendors else ""
    if not attempt.offers and not attempt.vendors:
        return ""
    return fingerprint.initiator(Trace(attempt.vendors, attempt.offers, attempt.nonce))


def _who(attempt: Attempt) -> str:
    if attempt.session == 0:
        return f"a stranger at {attempt.address}, never let in"
    moved = f", since then {attempt.moved_to}" if attempt.moved_to else ""
    if attempt.side is Side.CLIENT:
        return f"this host to the gateway {attempt.address}{moved}, remote {attempt.remote}, {attempt.path}"
    return f"a client at {attempt.address}{moved}, remote {attempt.remote}, {attempt.path}"


def _offered(attempt: Attempt) -> str:
    return f"in {attempt.mode}: {_listed(attempt.offers, ', ')}" if attempt.offers else ""


def _listed(words: tuple[str, ...], between: str) -> str:
    more = f" and {len(words) - MOST_WORDS} more" if len(words) > 2 * MOST_WORDS else ""
    return between.join(words[: MOST_WORDS if more else None]) + more


def _chosen(attempt: Attempt) -> str:
    if attempt.chosen:
        return attempt.chosen if attempt.by_ikev2 else f"{attempt.chosen} with {attempt.method}"
    return "nothing" if attempt.offers and attempt.over is not None else ""


def _established(attempt: Attempt) -> str:
    return f"established: {attempt.established}" if attempt.established else ""


def device_shows(attempt: Attempt) -> str:
    """What the person reads on the device, or why there is nothing to read; empty where nothing is known of it."""
    found = shown.sight(attempt)
    return found.shows if found is not None else ""


def _identity(attempt: Attempt) -> str:
    if attempt.disbelieved is not None and attempt.disbelieved == attempt.reason:
        return f"{attempt.peer}, refused: see the end"
    if attempt.verdict:
        return f"{attempt.peer}: {ONLY_LOGIN if attempt.inner and _hybrid(attempt) else attempt.verdict}"
    if attempt.side is Side.GATEWAY and attempt.claimed:
        return f"{attempt.claimed}, not proved"
    return ""


def _hybrid(attempt: Attempt) -> bool:
    """A client that proves nothing in phase 1."""
    return attempt.side is Side.GATEWAY and attempt.method in HYBRID


def _login(attempt: Attempt) -> str:
    if not attempt.rounds:
        return attempt.login
    if attempt.reason is not None and attempt.reason.cause is Cause.POOL_EXHAUSTED:
        none = "no address is left" if attempt.reason.kind is Kind.POOL_EXHAUSTED else "no address was given"
        return f"asked for {', then '.join(map(_wants, attempt.rounds))}; the login is right, but {none}"
    verdict = attempt.login or _login_at_the_client(attempt)
    return f"asked for {', then '.join(_wants(each) for each in attempt.rounds)}; {verdict}"


def _login_at_the_client(attempt: Attempt) -> str:
    """The gateway's verdict, as it shows in what followed."""
    if attempt.inner or attempt.up:
        return "accepted"
    refused = attempt.reason is not None and attempt.reason.cause is Cause.LOGIN_REFUSED
    return "refused" if refused else "no verdict"


def _wants(asked: str) -> str:
    return asked.partition(": ")[2].replace(", ", " and ")


def _address(attempt: Attempt) -> str:
    if not attempt.inner:
        return ""
    return f"{attempt.inner} for {attempt.user}" if attempt.user else attempt.inner


def _end(attempt: Attempt) -> str:
    if attempt.over is None or attempt.reason is None:
        return outcome(attempt) if attempt.up else f"connecting: {_waits_for(attempt)}"
    headed = attempt.reason.headed and not attempt.turned
    told = attempt.why if headed else f"{attempt.reason.cause.value}: {attempt.why}"
    return f"{told} ({attempt.times} times)" if attempt.times > 1 else told


def _waits_for(attempt: Attempt) -> str:
    """What the next step needs."""
    other = "client" if attempt.side is Side.GATEWAY else "gateway"
    if not attempt.chosen:
        return f"the {other} has not answered yet"
    if not attempt.established:
        step = "proved itself" if attempt.by_ikev2 else "finished phase 1"
        return f"the {other} has not {step} yet"
    if attempt.inner:
        return "the SA pair is being agreed on"
    return "the login is under way" if attempt.rounds else f"the {other} has not gone on after phase 1 yet"
