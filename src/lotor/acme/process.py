"""The process that speaks with an authority: it gives up its rights first, and has no key.

What the authority says and who comes to the open port is read here alone. The command that started it signs requests,
and looks at each certificate before it believes it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import ssl
import sys
from contextlib import AbstractContextManager, suppress
from time import monotonic
from typing import TypeVar

from lotor.acme.conversation import Conversation
from lotor.acme.faults import AcmeFault
from lotor.acme.https import Https
from lotor.acme.showing import Stand
from lotor.acme.task import Challenge, Task
from lotor.confinement import hardening
from lotor.confinement.identity import Identity
from lotor.confinement.sandbox import Files, Profile, Unconfined, confine, program_files
from lotor.confinement.unprivileged import give_up, tie
from lotor.privsep import errand
from lotor.privsep.asking import Asker, Refused
from lotor.privsep.certifying import (
    AGREE,
    ISSUED,
    REFUSED_BY,
    SHOW_CHALLENGE,
    SIGN_STATEMENT,
    Issued,
    Refusal,
    Showing,
    Statement,
)
from lotor.privsep.frames import Ended
from lotor.privsep.living import StartFailure, tell_failure
from lotor.privsep.verb import Verb

MODULE = "lotor.acme.process"
FOR_PERSON = 600.0
"""Seconds that an answer of the command may take: a person reads the terms."""

Request = TypeVar("Request")
Response = TypeVar("Response")


def main(number: int) -> None:
    """`number` is that of the line's descriptor. It ends with the process at the other end."""
    line = socket.socket(fileno=number)
    asks = tie(line)
    with suppress(Ended):
        task, listening = errand.heard(line, Task)
        try:
            context = ssl.create_default_context(cafile=task.root or None)  # while it may open the files
            if os.geteuid() == 0:
                give_up(Identity.of(task.identity), asks, Files())
            else:
                hardening.renounce()
                confine(Files(read=program_files()), Profile.DAEMON)
        except (Unconfined, OSError) as why:
            tell_failure(line, StartFailure(str(why), "", 1))
            return
        asyncio.run(work(line, task, listening, context))


async def work(line: socket.socket, task: Task, listening: socket.socket, context: ssl.SSLContext) -> None:
    asker = Asker(line, lambda _: None, "command")
    command = Command(asker, asyncio.get_running_loop())
    with suppress(Ended, Refused):
        try:
            await asyncio.to_thread(converse, task, listening, context, command)
        except AcmeFault as fault:
            await asker.ask(REFUSED_BY, Refusal(fault.text, fault.fix, fault.after))
    asker.close()


def converse(task: Task, listening: socket.socket, context: ssl.SSLContext, command: Command) -> None:
    """In a thread of its own."""
    stand = Stand(listening)
    stand.serve(tls=task.challenge is Challenge.TLS)

    def presents(name: str, token: str, authorization: str) -> AbstractContextManager[None]:
        if task.challenge is Challenge.HTTP:
            return stand.text(token, authorization)
        return stand.certificate(name, command.show(name, authorization))

    https = Https(context, task.patience)
    Conversation(task, https, command, presents, monotonic() + task.seconds).certificates(command.take)


class Command:
    """The command at the other end of the line, for a thread that waits."""

    def __init__(self, asker: Asker, loop: asyncio.AbstractEventLoop) -> None:
        self._asker, self._loop = asker, loop

    def sign(self, statement: Statement) -> bytes:
        return self._ask(SIGN_STATEMENT, statement)

    def agree(self, terms: str) -> bool:
        return self._ask(AGREE, terms)

    def show(self, name: str, authorization: str) -> bytes:
        digest = hashlib.sha256(authorization.encode()).digest()
        return self._ask(SHOW_CHALLENGE, Showing(name, digest)).reveal()

    def take(self, number: int, chain: bytes) -> None:
        self._ask(ISSUED, Issued(number, chain))

    def _ask(self, verb: Verb[Request, Response], value: Request) -> Response:
        asking = asyncio.run_coroutine_threadsafe(self._asker.ask(verb, value), self._loop)
        try:
            return asking.result(FOR_PERSON).value
        except (Ended, Refused, TimeoutError, ValueError):
            raise AcmeFault("the command did not answer its process") from None


if __name__ == "__main__":
    main(int(sys.argv[-1]))
