"""Requests and responses of the administrator's socket: each is one declaration, which serves writing and reading."""

from __future__ import annotations

import binascii
import json
import unicodedata
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

from lotor.model.declared import Declared
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.model.text import clean

LONGEST_REQUEST = 65536
"""Octets of one request line, its line feed included."""
LONGEST_RESPONSE = 16 * 1024 * 1024
LONGEST_LINE = 1024
LONGEST_SECRET = 4096
LARGEST = 2.0**64
"""Of figures in a `Json`: no counter of the kernel goes further, and what is not finite has no place in a sentence."""

Line: TypeAlias = str
"""Text of one line, without control and format characters (an override of its direction is one): it may reach a log,
a terminal or a file."""
Text: TypeAlias = str
"""Lines of text. Like every text in a `Json` it is cleaned where it is read: a daemon that an intruder owns writes to
the terminal of root."""
Json: TypeAlias = dict[str, Any]
Lines: TypeAlias = tuple[str, ...]
Secrets: TypeAlias = dict[Field, Secret]

NOTHING: Json = {}


class BadMessage(ValueError):  # noqa: N818 - says what came, as `Malformed` does
    """A line that is no message. The text names what is wrong and never repeats a value."""


class Connect(Declared):
    """`lotor vc`. `user` None: `xauth_login`, or ask. Answered by `Prompt` and `Progress`, then `Connected` or
    `Failed`; closing the connection before that gives the attempt up."""

    gateway: Line
    user: Line | None = None


class Answer(Declared):
    """To a `Prompt`. None: the person gave nothing."""

    values: Secrets | None = None


class Until(Declared):
    """Waits for the end of the session with that number, or, where its connection comes back by itself, for the end of
    that: `Progress` tells when it is lost and when it is back. Answered by `Failed`, which says why it ended, at once
    where it is over already."""

    session: int


class Disconnect(Declared):
    """`lotor vd`."""

    gateway: Line


class Logout(Declared):
    """`lotor logout`: end the session of an id of accounting or of an inside address, else every session of a login;
    without any of them the session of that number; with deletes to the peers. `everywhere`: at all gateways of the
    fleet, if there is one. Answered by `Disconnected`, at a fleet by `Everywhere`, or `Failed`."""

    user: Line | None = None
    session: int = 0
    everywhere: bool = False


class Gateways(Declared):
    """`lotor status --all`, answered by `Everywhere`, or `Failed` where the gateway stands alone. `user`: only the
    sessions of that login."""

    user: Line = ""


class Status(Declared):
    """`lotor status`, answered by `Report`: the sessions behind the one with the number `after`, as many as stand on a
    page; the report's `next` asks for the next page. `subject`: only those of a login, an address, an identity or a
    number. `sort`: the first page in another order, the value of a `Sort`, behind the first `skip` of it."""

    after: int = 0
    subject: Line = ""
    sort: Line = ""
    skip: int = 0


class Sort(Enum):
    """Orders of sessions: the most or the newest first, names by the alphabet, and what is not known last."""

    RATE = "rate"
    IN = "in"
    OUT = "out"
    LOSS = "loss"
    LATENCY = "latency"
    USER = "user"
    SINCE = "since"


class Metrics(Declared):
    """`lotor metrics`, answered by `Measured`."""


class Explain(Declared):
    """`lotor explain`. `subject` is a login, an address, an identity or a session's number; empty: all."""

    subject: Line = ""


class Events(Declared):
    """Stream of `Happened` until the connection closes."""


class Debug(Declared):
    """`lotor debug`: for so many seconds, or until the connection closes, all events of `subject`, a login or an
    address, are lines of the log and `Happened`. Answered by `Done` at the end, or `Failed`."""

    subject: Line
    seconds: int


class Reload(Declared):
    """Read the configuration again; a bad one changes nothing."""


class Portal(Declared):
    """`lotor portal`: what a login page needs leaves in clear for so many seconds."""

    seconds: int


class Bans(Declared):
    """`lotor ban list`, answered by `Banned`."""


class AddBan(Declared):
    """`lotor ban add`: nobody of `subject` (an address, a network or a login) logs in for so many seconds. Answered by
    `Banned` with this one, or `Failed`."""

    subject: Line
    seconds: int


class Lift(Declared):
    """`lotor ban lift`, answered by `Done` or `Failed`."""

    subject: Line


class Drain(Declared):
    """`lotor drain`: clients go to one of `gateways`, or where the configuration says; `over`: none any more. Answered
    by `Done` or `Failed`."""

    gateways: Lines = ()
    over: bool = False


class Prompt(Declared):
    """Ask the person for `wants` (values of `model.login.Field`). `message` is the gateway's text, clean."""

    wants: Lines
    message: Text = ""


class Progress(Declared):
    """Something for the waiting person to know; more responses follow."""

    text: Line


class Connected(Declared):
    """`address` and `address6` are empty when the gateway gave none; `banner` is clean; `already`: the tunnel was up
    before; `session` is its number."""

    address: Line
    banner: Text = ""
    already: bool = False
    address6: Line = ""
    session: int = 0


class Disconnected(Declared):
    """How many sessions were ended."""

    sessions: int


class Report(Declared):
    """`lotor.control.views.StatusView`."""

    status: Json


class Measured(Declared):
    """`lotor.metrics.view.MetricsView`."""

    figures: Json


class Everywhere(Declared):
    """`lotor.control.views.FleetView`, or to a `Logout` `LogoutView`."""

    report: Json


class Banned(Declared):
    """`lotor.control.views.BansView`."""

    bans: Json


class Explained(Declared):
    """`lotor.control.views.ExplainView`."""

    report: Json


class Happened(Declared):
    """One event: `at` in seconds of the wall clock, `session` 0 when it is of none; `kind` and `facts` of the reason,
    where it tells of a refusal, a failure or an end."""

    at: float
    event: Line
    session: int
    text: Text
    kind: Line = ""
    facts: Json = NOTHING


class Done(Declared):
    """A request without a result of its own was carried out."""

    text: Text = ""


NOT_LOGGED_IN = "not-logged-in"


class Failed(Declared):
    """`cause` is the name of a `model.reason.Cause` or of an exit code, empty for a fault of the request itself; `fix`
    what a person may do about it; `kind` and `facts` of the reason, where a connection came to nothing, or `kind` is
    `NOT_LOGGED_IN`."""

    text: Text
    cause: Line = ""
    fix: Text = ""
    kind: Line = ""
    facts: Json = NOTHING


Look = Status | Metrics | Explain | Bans | Gateways
Act = Connect | Disconnect | Logout | Reload | Portal | AddBan | Lift | Drain
Request = Look | Act | Answer | Until | Events | Debug
Told = Report | Measured | Explained | Banned | Everywhere
Response = Prompt | Progress | Connected | Disconnected | Told | Happened | Done | Failed
Message = Request | Response

REQUESTS: dict[str, type[Request]] = {
    "connect": Connect,
    "answer": Answer,
    "until": Until,
    "disconnect": Disconnect,
    "logout": Logout,
    "status": Status,
    "metrics": Metrics,
    "explain": Explain,
    "events": Events,
    "debug": Debug,
    "reload": Reload,
    "portal": Portal,
    "bans": Bans,
    "ban": AddBan,
    "lift": Lift,
    "gateways": Gateways,
    "drain": Drain,
}
RESPONSES: dict[str, type[Response]] = {
    "prompt": Prompt,
    "progress": Progress,
    "connected": Connected,
    "disconnected": Disconnected,
    "report": Report,
    "measured": Measured,
    "explained": Explained,
    "banned": Banned,
    "everywhere": Everywhere,
    "happened": Happened,
    "done": Done,
    "failed": Failed,
}
NAMES: dict[type[Message], str] = {kind: name for table in (REQUESTS, RESPONSES) for name, kind in table.items()}


def encode(message: Message) -> bytes:
    """One line with its line feed."""
    values = {name: KINDS[kind].dump(getattr(message, name)) for name, kind in message.declared.items()}
    return json.dumps({"type": NAMES[type(message)], **values}, ensure_ascii=False).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """`BadMessage` for anything but a well-formed request with exactly the declared fields."""
    request: Request = _decode(line, REQUESTS)
    return request


def decode_response(line: bytes) -> Response:
    response: Response = _decode(line, RESPONSES)
    return response


class Kind(NamedTuple):
    """How values of one declared type become JSON and come back; `load` raises `BadMessage` or `TypeError`."""

    dump: Callable[[Any], object]
    load: Callable[[object], object]


def _decode(line: bytes, table: dict[str, Any]) -> Any:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        raise BadMessage("not a line of JSON") from None
    if not isinstance(values, dict):
        raise BadMessage("not a JSON object")
    name = values.pop("type", None)
    kind = table.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadMessage(f"type must be one of {', '.join(table)}")
    return _build(kind, values)


def _build(kind: type[Any], values: dict[str, object]) -> Any:
    declared: dict[str, str] = kind.declared
    if not values.keys() <= declared.keys():
        raise BadMessage(f"{NAMES[kind]} has the fields {', '.join(declared) or '(none)'} and no others")
    loaded = {}
    for name, value in values.items():
        try:
            loaded[name] = KINDS[declared[name]].load(value)
        except (BadMessage, TypeError, ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, BadMessage) else "of the wrong type"
            raise BadMessage(f"{name} of {NAMES[kind]} is {reason}") from None
    try:
        return kind(**loaded)
    except TypeError:
        raise BadMessage(f"{NAMES[kind]} lacks a field of {', '.join(declared)}") from None


def _same(value: Any) -> object:
    return value


def _exactly(*kinds: type) -> Callable[[object], object]:
    def load(value: object) -> object:
        if type(value) not in kinds:
            raise TypeError
        return value

    return load


def _line(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    if len(value) > LONGEST_LINE:
        raise BadMessage(f"longer than {LONGEST_LINE} characters")
    if any(unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for each in value):
        raise BadMessage("not one line of text: control and format characters are refused")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return clean(value, lines=True, longest=LONGEST_RESPONSE)


def _json(value: object) -> Json:
    if not isinstance(value, dict):
        raise TypeError
    return {_text(name): _cleaned(each) for name, each in value.items()}


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, int | float) and not -LARGEST <= value <= LARGEST:  # nothing is compared with a NaN
        raise BadMessage("a number beyond all counting")
    return _json(value) if isinstance(value, dict) else value


def _optional_line(value: object) -> str | None:
    return None if value is None else _line(value)


def _lines(value: object) -> Lines:
    if not isinstance(value, list):
        raise TypeError
    return tuple(_line(each) for each in value)


def _dump_secrets(values: Secrets | None) -> dict[str, str] | None:
    if values is None:
        return None
    return {name.value: binascii.b2a_base64(value.reveal(), newline=False).decode() for name, value in values.items()}


def _load_secrets(value: object) -> Secrets | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise TypeError
    return {_field(name): _load_secret(each) for name, each in value.items()}


def _field(name: str) -> Field:
    try:
        return Field(name)
    except ValueError:
        raise BadMessage(f"not about one of {', '.join(each.value for each in Field)}") from None


def _load_secret(value: object) -> Secret:
    if not isinstance(value, str):
        raise TypeError
    try:
        octets = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        raise BadMessage("not base64") from None
    if len(octets) > LONGEST_SECRET:
        raise BadMessage(f"longer than {LONGEST_SECRET} octets")
    return Secret(octets)


KINDS: dict[str, Kind] = {
    "Line": Kind(_same, _line),
    "Line | None": Kind(_same, _optional_line),
    "Text": Kind(_same, _text),
    "Lines": Kind(list, _lines),
    "Json": Kind(_same, _json),
    "Secrets | None": Kind(_dump_secrets, _load_secrets),
    "bool": Kind(_same, _exactly(bool)),
    "int": Kind(_same, _exactly(int)),
    "float": Kind(_same, _exactly(int, float)),
}
