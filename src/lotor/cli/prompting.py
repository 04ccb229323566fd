"""What `lotor connect` asks a person, and what the person reads in the end; the same with a daemon and without one."""

from __future__ import annotations

import sys

from lotor.cli import terminal
from lotor.cli.calling import Daemon, refusal
from lotor.control.messages import Answer, Connect, Connected, Failed, Progress, Prompt, Response, Secrets
from lotor.daemon.exits import Exit, code_of
from lotor.model.prompt import Field
from lotor.model.reason import Cause

MOST_TRIES = 3
"""Passwords that a person may type in one go."""


class CredentialPrompt:
    """The person's answers: from standard input once when so wished, else from the terminal."""

    def __init__(self, *, password_stdin: bool) -> None:
        self._password_stdin = password_stdin
        self._used = False
        self._typed = False
        self._tries = 0
        self.unanswered = ""
        self.user: str | None = None

    def answer(self, wants: tuple[Field, ...], message: str) -> Secrets | None:
        """None when nobody can be asked; `unanswered` then says why."""
        if self._password_stdin:
            return self._from_stdin(wants)
        try:
            answers = terminal.ask(wants, message)
        except terminal.NoTerminalError as error:
            self.unanswered = str(error)
            return None
        self._typed = True
        if Field.USER_NAME in answers:
            self.user = answers[Field.USER_NAME].reveal().decode("utf-8", "replace")
        return answers

    def again(self, code: Exit, why: str) -> bool:
        """Whether a connection that came to nothing is worth another one: the login that the person typed was refused,
        and there are tries left. The person is told."""
        self._tries += 1
        typed, self._typed = self._typed, False
        if not typed or code is not Exit.LOGIN_REFUSED or self._tries >= MOST_TRIES:
            return False
        terminal.tell(f"{why}: try again")
        return True

    def _from_stdin(self, wants: tuple[Field, ...]) -> Secrets | None:
        """The one password that is there; a gateway that asks for more, or again, gets nothing."""
        if self._used or wants != (Field.PASSWORD,):
            return None
        self._used = True
        return {Field.PASSWORD: terminal.read_password(sys.stdin.buffer)}


def reach(daemon: Daemon, gateway: str, user: str | None, prompt: CredentialPrompt) -> Response:
    """Asks the daemon to connect; a wrong password may be typed again."""
    while True:
        response = _reach(daemon, gateway, prompt.user or user, prompt)
        if not isinstance(response, Failed) or not prompt.again(code_of(response.cause), response.text):
            return response


def _reach(daemon: Daemon, gateway: str, user: str | None, prompt: CredentialPrompt) -> Response:
    """Answers what the daemon wants to know meanwhile."""
    daemon.send(Connect(gateway, user))
    while isinstance(response := daemon.receive(), Prompt | Progress):
        if isinstance(response, Progress):
            terminal.tell(response.text)
        else:
            daemon.send(Answer(prompt.answer(tuple(Field(each) for each in response.wants), response.message)))
    if prompt.unanswered and isinstance(response, Failed) and response.cause == Cause.LOGIN_DECLINED.name:
        return Failed(prompt.unanswered, response.cause)
    return response


def outcome(response: Response, gateway: str) -> str:
    """What a person reads after a connect that worked; raises for one that did not."""
    if not isinstance(response, Connected):
        raise refusal(response)
    lines = [f"already connected to {gateway}"] if response.already else []
    lines.append(f"Bound to address {response.address}" if response.address else "VPN connection established")
    if response.address6:
        lines.append(f"Bound to address {response.address6}")
    if response.banner.strip():
        lines.append(terminal.framed(response.banner))
    return "\n".join(lines)
