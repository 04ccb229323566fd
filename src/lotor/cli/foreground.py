"""`lotor connect --ca`: a client with neither a configuration file nor a daemon that runs already, until Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click

from lotor import config
from lotor.cli import terminal
from lotor.cli.calling import Daemon, refusal
from lotor.cli.prompting import CredentialPrompt, outcome, reach
from lotor.config import ConfigError
from lotor.confinement import hardening
from lotor.control.messages import Connected, Failed, Progress, Response, Until
from lotor.daemon import logs
from lotor.daemon.connecting import Call, connect
from lotor.daemon.entry import MODULE
from lotor.daemon.exits import Exit, StartError, typed
from lotor.daemon.privilege import demand_privilege, demand_wardens_privilege
from lotor.model.kinds import Kind
from lotor.model.reason import Cause
from lotor.warden.loading import Holding, prepare
from lotor.warden.spawning import Program, interpreter


def connect_here(person: PersonHere, ca: Path, typed: config.Typed, *, single: bool) -> None:
    """Returns when the person ends the connection; `StartError` when it does not come up or is lost (with `keep` only
    for what does not heal), `KeyboardInterrupt` when the person gives up before. `single`: in one process."""
    os.umask(0o077)
    demand_privilege()
    if not single:
        demand_wardens_privilege()
    hardening.withhold_memory()
    logs.set_up(logs.Sink.STDERR, "error", debug=False)  # what matters to this person is said by the command itself
    logging.getLogger("lotor.hosts").setLevel(logging.WARNING)  # but for DNS or routes that could not be set up whole
    with closing(Program(interpreter(MODULE), quiet=True)) as daemon:  # whoever owns a daemon reads no terminal
        if not single:
            daemon.begin()
        settings = loaded(person.gateway, ca, person.user, typed)
        call = Call(f"none: lotor connect {person.gateway}", settings, person)
        over = _alone(call) if single else asyncio.run(connect(call, daemon))
    if not over and not person.up:
        raise KeyboardInterrupt
    click.echo("VPN connection terminated")


def _alone(call: Call) -> bool:
    """What parses a peer's octets is never loaded into a warden."""
    from lotor.daemon.connecting_alone import connect as connect_alone
    from lotor.daemon.processes import ALONE

    terminal.tell(ALONE)
    return asyncio.run(connect_alone(call))


def loaded(gateway: str, ca: Path, user: str | None, said: config.Typed) -> Holding:
    """What was typed, and nothing that a name server made of it."""
    try:
        return prepare(config.roadwarrior(gateway, ca, user, said))
    except ConfigError as error:
        raise typed(error) from error


class PersonHere:
    """Who typed the command: asks the daemon to connect, and waits for the end. `up`: there was a tunnel. `lift`: from
    then on what is typed may be seen."""

    def __init__(self, gateway: str, user: str | None, prompt: CredentialPrompt, lift: Callable[[], None]) -> None:
        self.gateway = gateway
        self.user = user
        self.up = False
        self._prompt = prompt
        self._lift = lift

    def __call__(self, line: socket.socket) -> None:
        """`StartError` when it does not come up or is lost for good."""
        with Daemon(line) as daemon:
            found = reach(daemon, self.gateway, None, self._prompt)
            if not isinstance(found, Connected):
                raise _refusal(found)
            self.up = True
            self._lift()
            click.echo(outcome(found, self.gateway))
            click.echo(
                f"connected as {found.address}, Ctrl-C ends it" if found.address else "connected, Ctrl-C ends it"
            )
            daemon.send(Until(found.session))
            while isinstance(end := daemon.receive(), Progress):
                click.echo(end.text)
        if not isinstance(end, Failed) or end.cause != Cause.ADMINISTRATOR.name:
            raise refusal(end)


def _refusal(found: Response) -> StartError:
    """A name that nobody knows is a word that was typed wrong, and no fault of this host."""
    refused = refusal(found)
    if isinstance(found, Failed) and found.kind == Kind.GATEWAY_NOT_RESOLVED.value:
        refused.code = Exit.FAILED
    return refused
