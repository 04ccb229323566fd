"""The person at this client, as the core asks for them: given ahead, saved in psk.txt, or prompted for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from lotor.client.requests import Requests
from lotor.ike.events import Configured, Ended, Event, LoggedIn, Renewed, Started, Up
from lotor.ike.questions import AskPerson
from lotor.model.frozen import frozen
from lotor.model.login import REPEATABLE, Credentials, Declined
from lotor.model.policy import Side
from lotor.model.prompt import Field
from lotor.model.reasons.logins import NobodyAnswers
from lotor.model.secret import Secret

Given: TypeAlias = dict[Field, Secret]


@frozen
class Files:
    """What the administrator wrote down: `login` is the `xauth_login` of a `remote` block, `password` what psk.txt
    holds for it."""

    login: Callable[[str], str | None]
    password: Callable[[str], Awaitable[Secret | None]]


class ClientPersons:
    """Passwords are kept while the connection they opened is up, because each new phase 1 asks for the login again."""

    def __init__(self, requests: Requests, files: Files) -> None:
        self._requests = requests
        self._files = files
        self._remotes: dict[int, str] = {}
        self._answered: dict[int, Given] = {}
        self._kept: dict[str, Given] = {}
        self._opened: dict[int, Given] = {}
        self._prompts: dict[int, asyncio.Task[Given | None]] = {}

    async def ask(self, question: AskPerson) -> Credentials | Declined:
        given = await self._given(question)
        missing = tuple(each for each in question.wants if each not in given)
        if missing:
            prompted = await self._prompt(question, missing)
            if prompted is None:
                return Declined(_unanswered(question, missing))
            given |= prompted
        self._answered[question.session] = self._answered.get(question.session, {}) | given
        return Credentials(tuple((each, given[each]) for each in question.wants if each in given))

    def follow(self, event: Event) -> None:
        match event:
            case Started(session=session, side=Side.CLIENT, remote=remote):
                self._remotes[session] = remote
            case LoggedIn(session=session) | Configured(session=session) | Up(session=session) if (
                session in self._remotes
            ):
                self._keep(session)
            case Renewed(attempt=attempt) if attempt in self._remotes:
                self._keep(attempt)
                self._forget(attempt)
            case Ended(session=session) if session in self._remotes:
                self._forget(session)

    def kept(self, session: int) -> Given:
        """What opened a session that is up, and opens it again. Answers that are good for once are not in it."""
        return dict(self._opened.get(session, {}))

    async def saved(self, remote: str) -> Secret | None:
        """What psk.txt holds for the `xauth_login` of a block."""
        return await self._files.password(remote)

    async def _given(self, question: AskPerson) -> Given:
        """Everything known without asking. From the second round on only the name: nothing refused is sent again.

        Only the login of the block's own `xauth_login` has a saved password: the file also holds keys, and a person
        who may name a login must not have any line of it sent to the gateway."""
        request = self._requests.request(question.session)
        given: Given = dict(self._kept.get(question.remote, {})) if request is None else dict(request.given)
        login = self._files.login(question.remote)
        if Field.USER_NAME not in given and login is not None:
            given[Field.USER_NAME] = Secret(login)
        if question.round > 1:
            return {name: value for name, value in given.items() if name is Field.USER_NAME}
        if Field.PASSWORD not in given and login is not None and given[Field.USER_NAME] == Secret(login):
            saved = await self.saved(question.remote)
            given |= {Field.PASSWORD: saved} if saved is not None else {}
        return given

    async def _prompt(self, question: AskPerson, missing: tuple[Field, ...]) -> Given | None:
        """None also when the session ends while the person is still typing."""
        request = self._requests.request(question.session)
        if request is None or request.prompter is None:
            return None
        task = asyncio.ensure_future(request.prompter.prompt(missing, question.message))
        self._prompts[question.session] = task
        try:
            answers = await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():
                task.cancel()
                raise
            return None
        finally:
            self._prompts.pop(question.session, None)
        return answers if answers is not None and set(missing) <= answers.keys() else None

    def _keep(self, session: int) -> None:
        answered = self._answered.pop(session, None)
        if answered is None:  # a ticket brought it back, and what opened it before may be asked for again
            request = self._requests.request(session)
            answered = request.given if request is not None and session not in self._opened else {}
        kept = {name: value for name, value in answered.items() if name in REPEATABLE}
        if kept:
            self._kept[self._remotes[session]] = self._opened[session] = kept

    def _forget(self, session: int) -> None:
        remote = self._remotes.pop(session)
        self._answered.pop(session, None)
        self._opened.pop(session, None)
        if prompt := self._prompts.pop(session, None):
            prompt.cancel()
        if remote not in self._remotes.values():
            self._kept.pop(remote, None)


def _unanswered(question: AskPerson, missing: tuple[Field, ...]) -> NobodyAnswers:
    return NobodyAnswers(" and ".join(each.value for each in missing), again=question.round > 1)
