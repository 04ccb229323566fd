"""A whole login with everything shown that can be shown: no password, no key and no pre-shared key is in it."""

from __future__ import annotations

import base64
import gc
from dataclasses import replace

import pytest

from lotor.ike.context import CoreContext
from lotor.ike.events import ChildUp, Ended
from lotor.ike.flight import Flight
from lotor.ike.gates import Gates
from lotor.ike.intents import ChildExpired, Reload
from lotor.ike.questions import AskPerson, CheckLogin, Question
from lotor.ike.session import Life
from lotor.ike.sessions import Sessions
from lotor.ike.timers import Timer, Timers
from lotor.ike.v1.authenticate import Parties
from lotor.ike.v1.exchange import Exchange
from lotor.ike.v1.exchanges import Exchanges
from lotor.ike.v1.informational import KeyedVoice
from lotor.ike.v1.session import V1Session
from lotor.model.algorithms import AuthMethod, Group
from lotor.model.login import Challenge, Credentials
from lotor.model.policy import ExchangeMode, Policy
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.runtime import fields
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import build_chain, parse_chain
from lotor.wire.v1.numbers import ConfigType, XauthAttribute
from lotor.wire.v1.payloads import Attributes
from peers.world import CHILD, CLIENT, GATEWAY, connect, is_up, pair, suite_with

PASSWORD, CODE = "correct horse battery", "a 987654321 code"


def forms(secret: bytes) -> set[str]:
    """How octets get into a log."""
    plain = {secret.decode("latin-1"), repr(secret)[2:-1], str(list(secret)), str(int.from_bytes(secret, "big"))}
    return plain | {secret.hex(), secret.hex(" "), secret.hex(":"), base64.b64encode(secret).decode().rstrip("=")}


WHOLE = (
    V1Session,
    KeyedVoice,
    Sessions,
    CoreContext,
    Timers,
    Timer,
    Exchange,
    Exchanges,
    Flight,
    Gates,
    Life,
    Parties,
    Policy,
)
"""Types whose text holds a whole session or a whole policy: once is enough."""


class Log:
    """Everything that was told or could be printed on the way, each line once."""

    def __init__(self, *hosts) -> None:
        self.lines: set[str] = set()
        self.endpoints = [host.endpoint for host in hosts]
        self.secrets: dict[str, bytes] = {"password": PASSWORD.encode(), "code": CODE.encode(), "psk": hosts[0].psk}
        for host in hosts:
            self._listen(host)

    def _listen(self, host) -> None:
        host.endpoint = Shown(host.endpoint, self)

    def note(self, effects) -> None:
        for effect in effects:
            self.lines |= {repr(effect), str(effect)}
            event = getattr(effect, "event", None)
            if event is not None:
                self.lines |= {event.text(), repr(event), str(fields.entry(event, {}))}

    def look_around(self) -> None:
        """Every object of the program that the login made and that is alive, as a debugger or a careless log line would
        show it."""
        for thing in gc.get_objects():
            kind = type(thing)
            if kind.__module__.startswith("lotor.") and kind not in WHOLE:
                self.lines.add(repr(thing))
        for endpoint in self.endpoints:
            self.lines.add(repr(endpoint._sessions.by_id))

    def learn(self, host) -> None:
        for session in host.endpoint._sessions.by_id.values():
            if session.established:
                keys = session.isakmp_sa.keys
                for name in ("skeyid", "skeyid_d", "skeyid_a", "ka"):
                    self.secrets[f"{host.name} {name}"] = getattr(keys, name).reveal()
            for each in session.children:
                for way in (each.child.inbound, each.child.outbound):
                    self.secrets[f"{host.name} key {way.spi}"] = way.encryption.reveal()
                    self.secrets[f"{host.name} integrity {way.spi}"] = way.integrity.reveal()

    def shown(self) -> list[str]:
        text = "\n".join(self.lines)
        return [name for name, secret in self.secrets.items() if any(form in text for form in forms(secret))]


class Shown:
    """An endpoint whose every effect is noted."""

    def __init__(self, endpoint, log: Log) -> None:
        self._endpoint, self._log = endpoint, log

    def __getattr__(self, name: str):
        found = getattr(self._endpoint, name)
        if name not in ("receive", "answer", "command", "tick"):
            return found

        def call(*arguments):
            effects = found(*arguments)
            self._log.note(effects)
            return effects

        return call


def _world(method: AuthMethod, mode: ExchangeMode):
    suite = suite_with(method)
    common = {"proposals": (suite,), "exchange_modes": (mode,), "certificates": (b"\x30\x03a-leaf" + bytes(900),)}
    world, gateway, client = pair(gateway=replace(GATEWAY, **common), client=replace(CLIENT, **common))
    child = replace(CHILD, pfs_group=Group.MODP1024)
    for host in (gateway, client):
        host.psk = b"group key 0123456789 of everybody"
        world.do(host, host.endpoint.command(Reload(Policy(host.policy.remotes, child)), world.now))
    gateway.users = (("alice", PASSWORD),)
    client.answers[AskPerson] = lambda question: Credentials(
        ((Field.PASSCODE, Secret(CODE)),)
        if Field.PASSCODE in question.wants
        else ((Field.USER_NAME, Secret("alice")), (Field.PASSWORD, Secret(PASSWORD)))
    )
    return world, gateway, client


@pytest.fixture
def alone():
    """What other tests left is not of this login: the collector does not list what is frozen. To print all of it took
    minutes, and gigabytes."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", list(AuthMethod))
@pytest.mark.parametrize("right", [True, False])
def test_nothing_that_is_shown_holds_a_secret(method, mode, right):
    world, gateway, client = _world(method, mode)
    log, rounds = Log(gateway, client), []

    def check(question: CheckLogin):
        log.look_around()
        rounds.append(question)
        if len(rounds) == 1:
            return Challenge("Code?", (Field.PASSCODE,), "second")
        return gateway._check(question.but(attempt=rounds[0].attempt))

    gateway.answers[CheckLogin] = check
    gateway.users = gateway.users if right else (("alice", "another"),)
    connect(world, client, gateway)
    world.run(30, lambda: is_up(client) and is_up(gateway))
    for host in (gateway, client):
        log.learn(host)
    if client.of(ChildUp):
        pair_ = client.of(ChildUp)[0].child
        world.do(client, client.endpoint.command(ChildExpired(pair_.id, hard=False), world.now))
        world.run(3)
        log.learn(client)
    log.look_around()
    world.run(400, lambda: bool(client.of(Ended)))
    assert len(log.secrets) >= 3 + 4 * right
    assert len(log.lines) > 100
    assert not log.shown()


@pytest.mark.usefixtures("alone")
def test_the_log_would_see_a_secret():
    world, gateway, client = _world(AuthMethod.HYBRID_RSA, ExchangeMode.AGGRESSIVE)
    log = Log(gateway, client)
    connect(world, client, gateway)
    world.run(30, lambda: is_up(client) and is_up(gateway))
    log.learn(gateway)
    name = next(name for name in log.secrets if name.endswith("skeyid_d"))
    log.look_around()
    assert log.shown() == []
    log.lines.add(f"SKEYID_d {log.secrets[name].hex()}")
    assert log.shown() == [name]
    held = Unnoticed(PASSWORD)
    log.look_around()
    assert sorted(log.shown()) == sorted(["password", name])
    del held


class Unnoticed(Question[None]):
    """An object that shows a secret, somewhere in the program."""

    __module__ = "lotor.somewhere"

    word: str


def test_a_login_that_was_read_prints_without_its_answers():
    answers = (
        Attribute.tlv(XauthAttribute.USER_NAME, b"alice"),
        Attribute.tlv(XauthAttribute.USER_PASSWORD, PASSWORD.encode()),
        Attribute.tlv(XauthAttribute.PASSCODE, CODE.encode()),
    )
    first, octets = build_chain([Attributes(ConfigType.REPLY, 0, answers)])
    for thing in (answers, parse_chain(first, octets), parse_chain(first, octets).payloads):
        assert not any(form in repr(thing) for secret in (PASSWORD, CODE) for form in forms(secret.encode()))
