"""The conversation with an authority (RFC 8555 §7): account, order, proofs of the names, certificates."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Protocol

from lotor.acme.faults import PREFIX, AcmeFault, Problem, fault_of
from lotor.acme.https import LONGEST_URL, NO_ACME, Answer, Https, checked
from lotor.acme.task import LOOK, READY, Task, finish
from lotor.privsep.certifying import MOST_CHAIN, Statement

MOST_NONCES = 10
"""Attempts for one request: an authority may forget nonces now and then (RFC 8555 §6.5)."""
MOST_AUTHORIZATIONS = 100
SHORTEST, LONGEST = 0.5, 15.0
"""Seconds between two questions whether something is done."""
LONGEST_TOKEN = 512


class Signs(Protocol):
    """What the command does. Raises `AcmeFault` where it does not."""

    def sign(self, statement: Statement) -> bytes: ...

    def agree(self, terms: str) -> bool: ...


Presents = Callable[[str, str, str], AbstractContextManager[None]]
"""Within, whoever comes is shown the proof: name, token, key authorization."""


@dataclass(slots=True)
class Conversation:
    """`until`: of the monotonic clock; then nothing is waited for any more."""

    task: Task
    https: Https
    signs: Signs
    presents: Presents
    until: float
    nonce: str = ""
    account: str | None = None
    places: dict[str, object] | None = None

    def certificates(self, take: Callable[[int, bytes], None]) -> None:
        """One after another. Raises `AcmeFault`."""
        self._begin()
        for number, request in enumerate(self.task.requests):
            take(number, self._certificate(request))

    def _begin(self) -> None:
        self.places = self._plain("GET", self.task.server).document()
        told = self.places.get("meta")
        meta = told if isinstance(told, dict) else {}
        if meta.get("externalAccountRequired") is True:
            raise fault_of(Problem("externalAccountRequired", "it wants an external account"), self._challenge)
        terms = meta.get("termsOfService", "")
        if terms and not self.signs.agree(str(terms)[:LONGEST_URL]):
            raise AcmeFault("nobody agreed to the terms of the authority", "--agree-terms agrees, after reading them")
        self.account = checked(self._post(self._place("newAccount"), self.task.account).fields.get("location"))

    def _certificate(self, request: bytes) -> bytes:
        answer = self._post(self._place("newOrder"), self.task.order)
        place, order = checked(answer.fields.get("location")), answer.document()
        authorizations = order.get("authorizations")
        if not isinstance(authorizations, list) or len(authorizations) > MOST_AUTHORIZATIONS:
            raise AcmeFault("the authority's order names no authorizations", NO_ACME)
        for each in authorizations:
            self._prove(checked(each))
        self._post(checked(order.get("finalize")), finish(request))
        done = self._settled(place, "valid", ("pending", "ready", "processing"))
        chain = self._post(checked(done.get("certificate")), LOOK).body
        if len(chain) > MOST_CHAIN:
            raise AcmeFault(f"the authority's chain has more than {MOST_CHAIN} octets", NO_ACME)
        return chain

    def _prove(self, place: str) -> None:
        """One name. Nothing is shown for one that the authority believes already."""
        found = self._post(place, LOOK).document()
        if found.get("status") == "valid":
            return
        identifier, offered = found.get("identifier"), found.get("challenges")
        name = str(identifier.get("value", "")) if isinstance(identifier, dict) else ""
        wanted = [each for each in offered if _is(each, self._challenge)] if isinstance(offered, list) else []
        if name not in self.task.names or not wanted:
            text = f"the authority offers no {self._challenge} for {name if name in self.task.names else 'a name'}"
            raise AcmeFault(text, "take the other one by --challenge")
        token = wanted[0].get("token")
        if not isinstance(token, str) or not _is_token(token):
            raise AcmeFault("the authority's challenge has no token", NO_ACME)
        with self.presents(name, token, f"{token}.{self.task.thumbprint}"):
            self._post(checked(wanted[0].get("url")), READY)
            self._settled(place, "valid", ("pending", "processing"))

    # --- requests ----------------------------------------------------------------------------------------------------

    def _settled(self, place: str, good: str, open_: tuple[str, ...]) -> dict[str, object]:
        """Asks until it is decided. Raises the reason where it is decided otherwise, also by what is no state."""
        while True:
            answer = self._post(place, LOOK)
            found = answer.document()
            if found.get("status") == good:
                return found
            if found.get("status") not in open_:
                raise fault_of(_why(found), self._challenge)
            pause = min(max(answer.after() or 1.0, SHORTEST), LONGEST)
            if monotonic() + pause > self.until:
                text = f"the authority did not decide within {self.task.seconds:g} seconds"
                raise AcmeFault(text, "try again later")
            sleep(pause)

    def _post(self, place: str, payload: bytes) -> Answer:
        """A signed request."""
        for _ in range(MOST_NONCES):
            if not self.nonce:
                self.nonce = self._plain("HEAD", self._place("newNonce")).fields.get("replay-nonce", "")
            nonce, self.nonce = self.nonce, ""
            body = self.signs.sign(Statement(place, nonce, payload, self.account))
            answer = self.https.ask("POST", place, body)
            self.nonce = answer.fields.get("replay-nonce", "")
            if answer.status < 400:
                return answer
            told = answer.document()
            if told.get("type") != f"{PREFIX}badNonce":
                break
        raise fault_of(Problem.of(told), self._challenge, answer.after())

    def _plain(self, method: str, place: str) -> Answer:
        answer = self.https.ask(method, place)
        if answer.status >= 300:
            told = Problem.of(answer.document()) if answer.body else Problem("", f"status {answer.status}")
            raise fault_of(told, self._challenge, answer.after())
        return answer

    def _place(self, name: str) -> str:
        return checked((self.places or {}).get(name))

    @property
    def _challenge(self) -> str:
        return self.task.challenge.value


def _is(offered: object, challenge: str) -> bool:
    return isinstance(offered, dict) and offered.get("type") == challenge


def _is_token(text: str) -> bool:
    """Letters of base64url: nothing else goes into a path (RFC 8555 §8.1)."""
    return 0 < len(text) <= LONGEST_TOKEN and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def _why(found: dict[str, object]) -> Problem:
    """Of an order or an authorization that came to nothing."""
    challenges = found.get("challenges")
    listed = challenges if isinstance(challenges, list) else []
    failed = [each.get("error") for each in listed if isinstance(each, dict)]
    told = next((each for each in (*failed, found.get("error")) if each), None)
    problem = Problem.of(told)
    identifier = found.get("identifier")
    name = str(identifier.get("value", "")) if isinstance(identifier, dict) else problem.name
    return Problem(problem.kind, problem.detail or f"it is {found.get('status')}"[:64], name[:256])
