"""`lotor connect --ca`: the client without a daemon and without a configuration file, until Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lotor import config
from lotor.cli import terminal
from lotor.cli.prompting import CredentialPrompt, outcome
from lotor.client.addresses import resolve, typed
from lotor.client.targets import Target
from lotor.config import ConfigError
from lotor.control.messages import Secrets
from lotor.daemon import logs
from lotor.daemon.active_config import ActiveConfig, equip
from lotor.daemon.assembly import assemble, dismantle
from lotor.daemon.exits import CAUSES, Exit, StartError
from lotor.daemon.explaining import fix_of
from lotor.daemon.privilege import demand_privilege
from lotor.daemon.service import connected
from lotor.daemon.visits import attend
from lotor.daemon.wiring import Wiring
from lotor.ike.events import Ended, Event
from lotor.model.network import Address
from lotor.model.prompt import Field
from lotor.model.reason import Cause, Reason
from lotor.model.reasons.ends import Interrupted
from lotor.model.reasons.local import EngineFault
from lotor.runtime.present import Present
from lotor.runtime.sessions import Session
from lotor.warden import hardening
from lotor.warden.loading import Holding, prepare
from lotor.warden.warden import Warden, hold

Ask = Callable[[tuple[Field, ...], str], Secrets | None]

INTERRUPTED = Interrupted()


def connect_here(gateway: str, ca: Path, user: str | None, prompt: CredentialPrompt, lift: Callable[[], None]) -> None:
    """Returns when the person ends the connection; `StartError` when it does not come up or is lost,
    `KeyboardInterrupt` when the person gives up before. `lift`: from then on what is typed may be seen."""
    os.umask(0o077)
    demand_privilege()
    hardening.withhold_memory()
    addresses, host = _resolve(gateway)
    loaded, active = _loaded(gateway, ca, user)
    logs.set_up(logs.Sink.STDERR, "warning", debug=False)
    logging.getLogger("lotor").setLevel(logging.ERROR)  # what matters to this person is said by the command itself
    logging.getLogger("lotor.hosts").setLevel(logging.WARNING)  # but for DNS or routes that could not be set up whole
    first, *also = active.policy.remotes
    target = Target(first, addresses[0], host, tuple(addresses[1:]), tuple(also))
    session = ForegroundSession((loaded, active), target, prompt, lift)
    reason = asyncio.run(session.run())
    if reason is INTERRUPTED and not session.up:
        raise KeyboardInterrupt
    if reason.cause is Cause.ADMINISTRATOR:
        click.echo("VPN connection terminated")
        return
    text = prompt.unanswered if reason.cause is Cause.LOGIN_DECLINED and prompt.unanswered else reason.text
    raise StartError(text, CAUSES[reason.cause], session.fix)


def _resolve(gateway: str) -> tuple[list[Address], str | None]:
    """The addresses, and the name if one was typed."""
    if (address := typed(gateway)) is not None:
        return [address], None
    try:
        return asyncio.run(resolve(gateway)), gateway
    except OSError as error:
        raise StartError(error.strerror or str(error)) from error


def _loaded(gateway: str, ca: Path, user: str | None) -> tuple[Holding, ActiveConfig]:
    """What was typed, and nothing that a name server made of it."""
    try:
        loaded = prepare(config.roadwarrior(gateway, ca, user))
        return loaded, equip(loaded.provision)
    except ConfigError as error:
        raise StartError("; ".join(each.text for each in error.problems), Exit.CONFIGURATION) from error


class TerminalPrompter:
    """Implements `client.requests.Prompter`: typing happens in a thread that does not keep the program alive."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def prompt(self, wants: tuple[Field, ...], message: str) -> Secrets | None:
        loop = asyncio.get_running_loop()
        typed: asyncio.Future[Secrets | None] = loop.create_future()

        def settle(answers: Secrets | None) -> None:
            if not typed.done():
                typed.set_result(answers)

        def work() -> None:
            answers = self._ask(wants, message)
            loop.call_soon_threadsafe(settle, answers)

        threading.Thread(target=work, daemon=True).start()
        return await typed

    async def tell(self, text: str) -> None:
        terminal.tell(text)


class ForegroundSession:
    """One connection from beginning to end."""

    def __init__(
        self,
        configuration: tuple[Holding, ActiveConfig],
        target: Target,
        prompt: CredentialPrompt,
        lift: Callable[[], None],
    ) -> None:
        self._loaded, self._active = configuration
        self._target = target
        self._prompt = prompt
        self._prompter = TerminalPrompter(prompt.answer)
        self._lift = lift
        self._over: asyncio.Future[Reason] | None = None
        self._session = 0
        self.fix = ""

    async def run(self) -> Reason:
        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, lambda: self._end(INTERRUPTED))
        warden = Warden(lambda: self._loaded, self._loaded, hold())
        hardening.bound(scripts=False)
        try:
            await warden.start()
            return await self._with_rights(warden, self._over)
        finally:
            await warden.stop()

    async def _with_rights(self, warden: Warden, over: asyncio.Future[Reason]) -> Reason:
        present = Present(self._active)
        assembled = await assemble(present, warden.privileged, lambda why: self._end(EngineFault(why)))
        server = await attend(assembled.wiring, self._active.settings.remotes[0].name)
        try:
            return await self._connection(assembled.wiring, over)
        finally:
            await assembled.wiring.stop()
            if server is not None:
                await server.stop()
            await dismantle(assembled)

    @property
    def up(self) -> bool:
        """Whether there was a tunnel."""
        return bool(self._session)

    async def _connection(self, wiring: Wiring, over: asyncio.Future[Reason]) -> Reason:
        found = await self._reach(wiring, over)
        if isinstance(found, Reason):
            self.fix = fix_of(wiring.attempts, found)
            return found
        self._session = found.id
        self._lift()
        told = connected(found, already=False)
        click.echo(outcome(told, str(self._target.address)))
        click.echo(f"connected as {told.address}, Ctrl-C ends it" if told.address else "connected, Ctrl-C ends it")
        wiring.listen(self._follow)
        return await over

    async def _reach(self, wiring: Wiring, over: asyncio.Future[Reason]) -> Session | Reason:
        """A wrong password may be typed again; `over` ends the attempt that is under way."""
        while True:
            attempt = asyncio.ensure_future(wiring.connections.reach(self._target, self._prompt.user, self._prompter))
            either: set[asyncio.Future[Any]] = {attempt, over}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not attempt.done():
                attempt.cancel()
                await asyncio.wait({attempt})
                return over.result()
            found = attempt.result()
            if not isinstance(found, Reason) or not self._prompt.again(CAUSES[found.cause], found.text):
                return found

    def _follow(self, event: Event) -> None:
        if isinstance(event, Ended) and event.session == self._session:
            self._end(event.reason)

    def _end(self, reason: Reason) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(reason)
