"""What the gateway relies on in every back end that judges a login."""

from __future__ import annotations

import asyncio
import contextlib
from ipaddress import IPv4Address

import pytest

from far import FarPort
from lotor.auth import LocalLogins, SystemLogins, Throttle, UserFile
from lotor.auth.accounts import SystemFiles
from lotor.auth.current import NoLogins
from lotor.model.login import EapPacket, LoginAttempt, MschapResponse, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.privsep.far_logins import FarLogins
from lotor.warden.logins import HeldLogins


def local(directory):
    users = directory / "users"
    users.write_text("")
    users.chmod(0o600)
    return LocalLogins(UserFile(users))


def system(directory):
    files = SystemFiles(*(directory / name for name in ("passwd", "shadow", "group", "nologin")))
    for each in (files.passwd, files.shadow, files.group):
        each.write_text("")
    return SystemLogins(files)


BACKENDS = {
    "local": local,
    "system": system,
    "slowed down": lambda directory: Throttle(local(directory), 0.0),
    "none": lambda _: NoLogins(),
    "far": lambda directory: FarPort(FarLogins, HeldLogins(Throttle(local(directory), 0.0)).rows()),
}


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path):
    backend = BACKENDS[request.param](tmp_path)
    with backend if isinstance(backend, FarPort) else contextlib.nullcontext():
        yield backend


def attempt(password):
    return LoginAttempt("nobody", ((Field.PASSWORD, Secret(password)),), Peer(IPv4Address("192.0.2.9"), 500))


@pytest.mark.parametrize("password", [b"", b"wrong", b"\xff\0", b"x" * 1024])
def test_a_stranger_is_refused_with_a_reason_for_the_journal(backend, password):
    verdict = asyncio.run(backend.judge(attempt(password)))
    assert isinstance(verdict, Refused)
    assert verdict.reason.text
    assert verdict.judged


SHOWN = (MschapResponse(bytes(16), bytes(16), bytes(24)), EapPacket(b"\x02\x07\x00\x0b\x01nobody"))


@pytest.mark.parametrize("shown", SHOWN, ids=lambda each: type(each).__name__)
def test_who_shows_something_else_than_a_password_is_refused_too(backend, shown):
    verdict = asyncio.run(backend.judge(LoginAttempt("nobody", (), Peer(IPv4Address("192.0.2.9"), 500), shown=shown)))
    assert isinstance(verdict, Refused)
    assert verdict.reason.text


def test_an_unknown_conversation_may_be_abandoned(backend):
    asyncio.run(backend.abandon(b"unknown"))
