"""Requests to an authority over HTTPS: one connection each, and nothing without a bound."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPSConnection
from time import time
from urllib.parse import urlsplit

from lotor.acme.faults import AcmeFault
from lotor.model.frozen import frozen

LONGEST_URL = 2_000
MOST_OCTETS = 262_144
"""Of an answer: a chain of certificates has some 6 KiB."""
AGENT = "lotor"
LONGEST_WAIT = 7 * 86_400.0
"""Seconds that an authority may ask for."""


@frozen
class Answer:
    """`fields`: header fields by name in small letters."""

    status: int
    fields: dict[str, str]
    body: bytes

    def document(self) -> dict[str, object]:
        """The object of JSON that it must be; `AcmeFault`."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise AcmeFault(f"the authority answered with {self.status} and nothing that ACME knows", NO_ACME)
        return found

    def after(self) -> float | None:
        """Seconds that it asks to wait (RFC 9110 §10.2.3)."""
        said = self.fields.get("retry-after", "")
        try:
            found = float(said) if said.isdecimal() else parsedate_to_datetime(said).timestamp() - time()
        except (ValueError, OverflowError):
            return None
        return min(max(0.0, found), LONGEST_WAIT)


NO_ACME = "is it the URL of a directory of ACME?"


def checked(url: object) -> str:
    """A URL that an authority told; `AcmeFault` for one that is not over HTTPS."""
    if isinstance(url, str) and len(url) <= LONGEST_URL and url.isascii() and url.startswith("https://"):
        with suppress(ValueError):
            urlsplit(url)
            return url
    raise AcmeFault("the authority told a URL that is not one of HTTPS", NO_ACME)


class Https:
    """`patience`: seconds for each step of a request."""

    def __init__(self, context: ssl.SSLContext, patience: float) -> None:
        self._context, self._patience = context, patience

    def ask(self, method: str, url: str, body: bytes | None = None) -> Answer:
        """`AcmeFault` where no answer comes. Nothing is followed elsewhere."""
        parts = urlsplit(checked(url))
        host = parts.hostname or ""
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"User-Agent": AGENT, **({"Content-Type": "application/jose+json"} if body is not None else {})}
        try:
            connection = HTTPSConnection(host, parts.port, timeout=self._patience, context=self._context)
            try:
                connection.request(method, path, body, fields)
                return _read(connection)
            finally:
                connection.close()
        except ssl.SSLCertVerificationError as error:
            text = f"{host} has a certificate that this host does not trust: {error.verify_message}"
            raise AcmeFault(text, "for an authority of your own name its root by --root FILE") from None
        except TimeoutError:
            raise AcmeFault(f"{host} did not answer within {self._patience:g} seconds", TRY_LATER) from None
        except (OSError, HTTPException, ValueError) as error:
            raise AcmeFault(f"{host} cannot be asked: {_words(error)}", REACH) from None


TRY_LATER = "try again later, or look at the authority's page of its state"
REACH = "this host must reach it by TCP, and look its name up"


def _read(connection: HTTPSConnection) -> Answer:
    response = connection.getresponse()
    body = response.read(MOST_OCTETS + 1)
    if len(body) > MOST_OCTETS:
        raise AcmeFault(f"the authority's answer has more than {MOST_OCTETS} octets", NO_ACME)
    return Answer(response.status, {name.lower(): text for name, text in response.getheaders()}, body)


def _words(error: Exception) -> str:
    """Of the system, else the kind of error: its text may quote what came."""
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
