"""What goes wrong with the database, as sentences for whoever runs the gateway; never with the password."""

from __future__ import annotations

import ssl

from lotor.config.servers import FleetSettings
from lotor.model.text import clean
from lotor.ports.fleet import RefusedError

LONGEST = 200
"""Characters of what a server says of its own faults."""

_BY_STATE = {
    "08": "ended the connection, or answered what no PostgreSQL does",
    "28": "refuses the user {user} or its password: look at the URL of store, and at pg_hba.conf there",
    "3D000": "has no database {database}: type there: createdb -O {user} {database}",
    "53300": "has no room for another connection: raise max_connections there (a gateway needs 5)",
    "25006": "is read-only, a standby maybe: name the one that takes changes in store",
    "53100": "has no room on its disk",
    "53200": "is out of memory",
    "57P03": "is starting or stopping",
    "57P01": "ended the connection: it stops, or somebody did it by hand",
    "57P02": "ended the connection after a crash",
    "57014": "did not carry it out in time",
    "55P03": "did not carry it out in time: somebody holds a lock there",
    "42501": "does not let {user} do that: type there: ALTER DATABASE {database} OWNER TO {user}, and give the tables "
    "of the schema lotor to {user}",
    "42P01": "has lost tables of lotor",
    "3F000": "has lost the tables of lotor",
    "42883": "has lost functions of lotor",
    "42703": "has tables of an older lotor: start a gateway of this one, which brings them up to date",
}
"""By SQLSTATE, or the class that it begins with (appendix A of PostgreSQL's manual)."""
TABLES_GONE = frozenset({"42P01", "3F000", "42883", "42703"})
COLLISIONS = frozenset({"40001", "40P01"})
"""Transactions that ran into each other: the same again does."""


class UnfitAnswerError(OSError):
    """The database answered with what was not asked for."""


def state_of(error: BaseException) -> str:
    """The SQLSTATE of an error that the server told; empty for any other."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else ""


def told(error: BaseException, settings: FleetSettings) -> OSError:
    """The same for people. What is a sentence already stays as it is."""
    if isinstance(error, RefusedError | UnfitAnswerError):
        return error
    fault = _said(error, settings)
    return OSError(f"the fleet's database {settings.shown} {_without_password(fault, settings)}")


def _said(error: BaseException, settings: FleetSettings) -> str:
    if state := state_of(error):
        return _said_there(state, str(error), settings)
    match error:
        case TimeoutError():
            return "does not answer"
        case OSError():
            return _said_of_the_way(error)
        case UnicodeError() | ValueError():
            return f"cannot be asked for that ({type(error).__name__})"
    return f"answers what no PostgreSQL does ({type(error).__name__})"


def _said_of_the_way(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {_cut(error.verify_message)}"
    if isinstance(error, ssl.SSLError):
        return f"and this host find no TLS together: {_cut(error.reason or 'no reason told')}"
    if "SSL" in str(error):
        return "takes no TLS: set ssl = on there, with a certificate"
    return f"cannot be reached: {_cut(error.strerror or str(error))}"


def _said_there(state: str, text: str, settings: FleetSettings) -> str:
    known = _BY_STATE.get(state) or _BY_STATE.get(state[:2])
    if known is None:
        return f"says: {_cut(text)} ({_cut(state[:5])})"
    return known.format(user=settings.user, database=settings.database)


def _cut(text: str) -> str:
    return clean(text, longest=LONGEST)


def _without_password(text: str, settings: FleetSettings) -> str:
    """A server that lies may say what it was told."""
    password = settings.password.reveal().decode("utf-8", "replace") if settings.password else ""
    return text.replace(password, "…") if password and settings.password else text
