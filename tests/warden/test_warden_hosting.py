"""What a daemon that an intruder owns has of the host and of scripts, over a real line."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface

import pytest

from hosts.private_namespace import Tun, in_namespace, ip, picture
from hosts.test_hosts_client_root import client as linux
from lotor.hooks.scripts import ScriptHooks
from lotor.hosts.xfrm.sizes import inner_mtu
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.ports.hooks import HookContext, HookEvent
from lotor.ports.host import Attachment, Leaving
from lotor.ports.leases import Lease
from lotor.privsep.asking import Refused
from lotor.privsep.budget import Budget
from lotor.privsep.codec import encode
from lotor.privsep.far_hooks import FarHooks
from lotor.privsep.far_host import FarHost
from lotor.privsep.faults import Fault
from lotor.privsep.frames import Frame, Kind
from lotor.privsep.hosting import (
    ADMIT,
    ATTACH,
    CHANGED,
    CLOSED,
    DETACH,
    MOST_CHANGES,
    MOST_HOOKS,
    OPEN,
    PORTAL,
    RUN_HOOK,
    Detachment,
    Hook,
)
from lotor.privsep.serving import MOST_DENIED
from lotor.warden.hosting import (
    ANOTHER_SECOND_AFTER,
    MOST_ASKED,
    MOST_ATTACHED,
    MOST_IN_CLEAR,
    Around,
    Hosting,
    rows,
)
from lotor.warden.ups import MOST_AT_AN_ADDRESS, MOST_UP, MOST_WITHOUT_ADDRESS
from paired import client, gateway, line, settings
from scripted import RecordingHost

UP, DOWN, DEAD = HookEvent.PHASE1_UP, HookEvent.PHASE1_DOWN, HookEvent.PHASE1_DEAD
GIVEN = ModeConfiguration(IPv4Address("10.99.99.3"), split_include=(IPv4Network("10.0.12.0/24"),))
OUTER = Path(Peer(IPv4Address("192.0.2.2"), 4500), Peer(IPv4Address("192.0.2.50"), 4500), floated=True)
ATTACHMENT = Attachment(1, "lotor0", 1280, OUTER, GIVEN)
CLIENT, ANYWHERE, GATEWAY = client("192.0.2.50"), client(), gateway()
AT_GATEWAY = HookContext(Side.GATEWAY, OUTER, "bob", "01:02", ModeConfiguration(GIVEN.address), "alice", "lotor0")
AT_CLIENT = HookContext(Side.CLIENT, OUTER, "gw", "01:02", GIVEN, None, "lotor0")
LEASE = Lease(GIVEN.address, address6=IPv6Interface("fd00:99::3/64"))


@pytest.fixture(autouse=True)
def no_time_goes_by(monkeypatch):
    """For budgets, however busy the machine is."""
    monkeypatch.setattr("lotor.privsep.serving.FORGIVEN_AFTER", 1e9)
    monkeypatch.setattr("lotor.warden.hosting.ANOTHER_AFTER", 1e9)
    monkeypatch.setattr("lotor.warden.hosting.ANOTHER_SECOND_AFTER", 1e9)


class Scripts:
    """`runs` gets what was run, and `begun` what was asked for; each waits for `go`."""

    def __init__(self, *events, diary=None):
        self.events = events or tuple(HookEvent)
        self.runs = []
        self.begun = []
        self.diary = diary if diary is not None else []
        self.go = asyncio.Event()
        self.go.set()

    def wants(self, remote, event):
        return remote in {"anonymous", "192.0.2.50"} and event in self.events

    async def run(self, remote, event, context):
        self.begun.append(event)
        await self.go.wait()
        if self.wants(remote, event):
            self.runs.append((event, context))
            self.diary.append((event.value, remote))


class Scene:
    """A warden's end: what happened stands in `diary`, what scripts were told in `scripts.runs`."""

    def __init__(self, text, *, events=(), leases=(LEASE,)):
        self.diary = []
        self.host = RecordingHost(self.diary)
        self.scripts = Scripts(*events, diary=self.diary)
        self.in_force = [settings(text)]
        self.leases = list(leases)
        self.device = "lotor0"
        self.own = set()
        self.logins = {"alice": frozenset({"staff"}), "carol": frozenset()}
        around = Around(lambda: self.in_force, lambda: self.device, self.holder, self.logins.get, self.is_local)
        self.hosting = Hosting(self.host, self.scripts, around)

    def is_local(self, address):
        return address in self.own

    def holder(self, addresses):
        return "alice" if any(addresses <= lease.addresses for lease in self.leases) else None


def play(story, text=CLIENT, **named):
    """`story(asker, scene)`, and `scene` afterwards."""

    async def run():
        scene = Scene(text, **named)
        async with asyncio.timeout(60), line(rows(scene.hosting)) as (asker, lost):
            scene.lost = lost
            result = await story(asker, scene)
        return result, scene

    return asyncio.run(run())


async def refused(asker, verb, request):
    try:
        answer = await asker.ask(verb, request)
    except Refused:
        return True
    assert answer.value is None
    return False


def attachments(wrong):
    async def story(asker, scene):
        found = [await refused(asker, verb, each) for each in wrong for verb in (ADMIT, ATTACH)]
        return found, await refused(asker, ATTACH, ATTACHMENT)

    return story


ELSEWHERE = Path(OUTER.local, Peer(IPv4Address("192.0.2.66"), 4500), floated=True)
SIXTH = Path(Peer(IPv6Address("::1"), 500), Peer(IPv6Address("2001:db8::1"), 500))
FOREIGN = {
    "another device": replace(ATTACHMENT, device="eth0"),
    "no device": replace(ATTACHMENT, device=""),
    "a path for a device": replace(ATTACHMENT, device="../lotor0"),
    "another gateway": replace(ATTACHMENT, path=ELSEWHERE),
    "a gateway of IPv6": replace(ATTACHMENT, path=SIXTH),
    "no MTU": replace(ATTACHMENT, mtu=0),
    "a small MTU": replace(ATTACHMENT, mtu=68),
    "a large MTU": replace(ATTACHMENT, mtu=2**40),
}


@pytest.mark.parametrize("wrong", FOREIGN)
def test_a_client_is_attached_to_its_own_device_towards_its_own_gateway(wrong, caplog):
    (found, good), scene = play(attachments([FOREIGN[wrong]]))
    assert found == [True, True]
    assert good is False
    assert scene.diary == [("attach begins", 1), ("attach", 1)]
    assert caplog.text.count("the daemon may not") == 2


def test_an_anonymous_block_is_for_any_gateway():
    (found, _), scene = play(attachments([replace(ATTACHMENT, path=each) for each in (ELSEWHERE, SIXTH)]), ANYWHERE)
    assert found == [False] * 4
    assert len(scene.diary) == 6


@pytest.mark.parametrize(
    ("words", "denied"),
    [("ike_version both;", False), ("ike_version both; follow_redirects off;", True), ("ike_version 1;", True)],
)
def test_a_gateway_of_ikev2_may_send_a_client_to_another_one(words, denied):
    block = CLIENT.replace("{", "{ " + words, 1)
    (found, _), _scene = play(attachments([replace(ATTACHMENT, path=ELSEWHERE)]), block)
    assert found == [denied] * 2


def test_a_gateway_attaches_nothing_to_its_host():
    (found, good), scene = play(attachments([ATTACHMENT]), GATEWAY)
    assert found == [True, True]
    assert good is True
    assert scene.diary == []


def test_without_a_device_nothing_is_attached():
    async def story(asker, scene):
        scene.device = None
        return [await refused(asker, ATTACH, replace(ATTACHMENT, device=name)) for name in ("lotor0", "", "None")]

    assert play(story)[0] == [True] * 3


def test_a_client_with_the_least_esp_frag_is_attached_to_the_kernels_device():
    text = ANYWHERE.replace("{", "{ esp_frag 552;", 1) + "listen { isakmp 192.0.2.2; isakmp_natt 2001:db8::1; }"
    assert inner_mtu(settings(text)) == 446

    async def story(asker, _):
        return await refused(asker, ATTACH, replace(ATTACHMENT, mtu=inner_mtu(settings(text))))

    assert play(story)[0] is False


def test_what_a_gateway_gave_is_known_once_the_host_takes_it():
    """An SA pair comes before the host is set up: what it may have inside is what was admitted."""
    given6 = replace(GIVEN, address6=IPv6Interface("fd00:99::3/64"))

    async def story(asker, scene):
        scene.own = {given6.address6.ip}
        inside = [scene.hosting.inside]
        scene.host.unfit = OSError(22, "no host may have it")
        await asker.ask(ADMIT, ATTACHMENT)
        inside.append(scene.hosting.inside)
        scene.host.unfit = None
        await asker.ask(ADMIT, replace(ATTACHMENT, configuration=given6))
        inside.append(scene.hosting.inside)
        await asker.ask(ATTACH, ATTACHMENT)
        scene.own.add(GIVEN.address)
        await asker.ask(ADMIT, replace(ATTACHMENT, session=2, follows=1))
        await asker.ask(DETACH, Detachment(1, Leaving.OPEN))
        inside.append(scene.hosting.inside)
        await scene.hosting.let_go()
        return [*inside, scene.hosting.inside]

    given = frozenset({GIVEN.address})
    assert play(story)[0] == [frozenset(), frozenset(), given, given, frozenset()]


def test_what_is_admitted_without_end_is_a_bounded_number():
    async def story(asker, scene):
        for number in range(MOST_ASKED):
            given = ModeConfiguration(IPv4Address("10.99.0.0") + number)
            await asker.ask(ADMIT, replace(ATTACHMENT, session=number, configuration=given))
        return len(scene.hosting.inside)

    assert play(story)[0] == 2 * MOST_ATTACHED


def test_what_the_host_says_comes_back_with_its_number():
    async def story(asker, scene):
        scene.host.fault = OSError(17, "taken")
        return (await asker.ask(ATTACH, ATTACHMENT)).value

    fault, _ = play(story)
    assert (fault.number, fault.sentence) == (17, "taken")


def test_connections_are_a_bounded_number():
    async def story(asker, scene):
        many = range(-5, MOST_ATTACHED + 20)
        found = [await refused(asker, ATTACH, replace(ATTACHMENT, session=number)) for number in many]
        again = await refused(asker, ATTACH, replace(ATTACHMENT, session=-5))
        await asker.ask(DETACH, Detachment(-5, Leaving.OPEN))
        return found.count(False), again, await refused(asker, ATTACH, replace(ATTACHMENT, session=99))

    assert play(story)[0] == (MOST_ATTACHED, False, False)


def test_places_that_are_taken_over_in_vain_are_a_bounded_number():
    """A daemon that has all places lets one be followed again and again by what this host does not take."""

    async def story(asker, scene):
        for number in range(1, MOST_ATTACHED + 1):
            await asker.ask(ATTACH, replace(ATTACHMENT, session=number))
        good = await refused(asker, ATTACH, replace(ATTACHMENT, session=99, follows=1))
        scene.host.fault = OSError(17, "taken")
        for number in range(100, 100 + 2 * MOST_ATTACHED):
            with contextlib.suppress(Refused):
                await asker.ask(ATTACH, replace(ATTACHMENT, session=number, follows=99))
        return good, len(scene.hosting._held)

    good, held = play(story)[0]
    assert good is False
    assert held <= 2 * MOST_ATTACHED


def test_connections_that_come_and_go_without_end_are_a_bounded_number():
    async def story(asker, scene):
        found = []
        for _ in range(MOST_ASKED + 20):
            found.append(await refused(asker, ATTACH, ATTACHMENT))
            await asker.ask(DETACH, Detachment(1, Leaving.OPEN))
        await scene.hosting.let_go()
        return found, await refused(asker, ATTACH, ATTACHMENT)

    (found, next_daemon), _ = play(story)
    assert found.count(False) == MOST_ASKED
    assert next_daemon is False


def test_only_what_the_daemon_attached_is_detached():
    async def story(asker, scene):
        await asker.ask(DETACH, Detachment(7, Leaving.OPEN))
        await asker.ask(ATTACH, ATTACHMENT)
        for _ in range(3):
            await asker.ask(DETACH, Detachment(1, Leaving.OPEN))

    _, scene = play(story)
    assert [each for each in scene.diary if each[0] == "detach"] == [("detach", 1)]


def test_a_change_that_began_is_not_cut_in_the_middle():
    async def story(asker, scene):
        scene.host.slow = asyncio.Event()
        waiting = asyncio.ensure_future(asker.ask(ATTACH, ATTACHMENT))
        await until(lambda: scene.diary)
        waiting.cancel()
        await asyncio.wait({waiting})
        leaving = asyncio.ensure_future(scene.hosting.let_go())
        await asyncio.sleep(0.01)
        assert scene.diary == [("attach begins", 1)]
        scene.host.slow.set()
        await leaving

    _, scene = play(story)
    assert scene.diary == [("attach begins", 1), ("attach", 1), ("detach", 1)]


async def until(condition):
    while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0)


def test_changes_that_are_withdrawn_one_after_the_other_come_to_an_end():
    async def story(asker, scene):
        scene.host.slow = asyncio.Event()
        while not scene.lost.done():
            await withdrawn(asker, scene, ATTACH, ATTACHMENT)
        scene.host.slow.set()
        await scene.hosting.let_go()
        return await scene.lost

    why, scene = play(story)
    assert why == "the daemon asked again and again for what it may not have"
    assert 1 <= scene.diary.count(("attach", 1)) <= 2 * MOST_CHANGES


async def withdrawn(asker, scene, verb, request):
    """Asked for, begun, and given up."""
    waiting = asyncio.ensure_future(refused(asker, verb, request))
    for _ in range(6):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting, scene.lost}, return_when=asyncio.FIRST_COMPLETED)
    for _ in range(6):
        await asyncio.sleep(0)


# -- scripts ----------------------------------------------------------------------------------------------------------


async def hook(asker, event, context, remote="anonymous"):
    return not await refused(asker, RUN_HOOK, Hook(remote, event, context))


def inside(context, address, address6=None):
    return replace(
        context, configuration=replace(context.configuration, address=IPv4Address(address), address6=address6)
    )


STRANGERS = {
    "another block": ("nobody", AT_GATEWAY),
    "the other side": ("anonymous", AT_CLIENT),
    "an address that nobody has": ("anonymous", inside(AT_GATEWAY, "10.99.99.4")),
    "an address of the host": ("anonymous", inside(AT_GATEWAY, "192.0.2.2")),
    "one address of two": ("anonymous", inside(AT_GATEWAY, "10.99.99.3", IPv6Interface("fd00:99::4/64"))),
    "the address of somebody else's login": ("anonymous", replace(AT_GATEWAY, user="carol")),
    "a login that nobody has proved": ("anonymous", replace(AT_GATEWAY, user="dave", configuration=None)),
    "no login": ("anonymous", replace(AT_GATEWAY, user=None, configuration=None)),
    "groups that the login does not have": ("anonymous", replace(AT_GATEWAY, groups=frozenset({"staff", "admins"}))),
    "a long identity": ("anonymous", replace(AT_GATEWAY, peer_id="x" * 5_000)),
    "a long login": ("anonymous", replace(AT_GATEWAY, user="x" * 5_000)),
    "long cookies": ("anonymous", replace(AT_GATEWAY, cookies="x" * 5_000)),
}


@pytest.mark.parametrize("wrong", STRANGERS)
def test_no_script_runs_for_what_is_not_there(wrong, caplog):
    remote, context = STRANGERS[wrong]

    async def story(asker, _):
        return [await hook(asker, event, context, remote) for event in HookEvent]

    found, scene = play(story, GATEWAY)
    assert found == [False] * 3
    assert scene.scripts.runs == []
    assert caplog.text.count("the daemon may not run a script") == 3


@pytest.mark.parametrize("address6", [None, IPv6Interface("fd00:99::3/64")])
def test_a_gateways_scripts_run_for_addresses_that_the_pool_has_given(address6):
    context = inside(AT_GATEWAY, "10.99.99.3", address6)

    async def story(asker, scene):
        told = [await hook(asker, UP, context)]
        scene.leases.clear()  # the session has ended, and its address is free before its scripts have run
        return [
            *told,
            await hook(asker, DEAD, context),
            await hook(asker, DOWN, context),
            await hook(asker, DOWN, context),
        ]

    told, scene = play(story, GATEWAY)
    assert told == [True, True, True, False]
    assert scene.scripts.runs == [(event, context) for event in (UP, DEAD, DOWN)]


def test_a_session_goes_down_with_the_login_and_the_groups_that_it_came_up_with():
    """Sessions without an address are alike but for their logins."""
    alice = replace(AT_GATEWAY, configuration=None, groups=frozenset({"staff"}))
    carol = replace(alice, user="carol", groups=frozenset())

    async def story(asker, scene):
        told = [await hook(asker, UP, each) for each in (alice, carol, carol)]
        scene.logins.clear()
        told += [await hook(asker, DOWN, each) for each in (carol, replace(alice, user="dave"))]
        return [*told, await hook(asker, DOWN, replace(alice, groups=frozenset({"admins"})))]

    told, scene = play(story, GATEWAY)
    assert told == [True, True, True, True, False, True]
    assert scene.scripts.runs == [(UP, alice), (UP, carol), (UP, carol), (DOWN, carol), (DOWN, alice)]


def test_of_a_block_without_logins_the_identity_is_the_daemons_word():
    keys = GATEWAY.replace("hybrid_rsa_server", "rsasig").replace("files", "")
    known = replace(AT_GATEWAY, user="C=XX, CN=bob", configuration=None)

    async def story(asker, _):
        return await hook(asker, UP, known), await hook(asker, UP, replace(known, groups=frozenset({"staff"})))

    assert play(story, keys)[0] == (True, False)


def test_an_event_without_a_script_runs_nothing():
    async def story(asker, _):
        return [await hook(asker, event, AT_GATEWAY) for event in (UP, DEAD, DOWN)]

    told, scene = play(story, GATEWAY, events=(DOWN,))
    assert told == [True, False, True]
    assert [event for event, _ in scene.scripts.runs] == [DOWN]


def test_the_device_that_a_script_hears_of_is_the_wardens_word():
    async def story(asker, _):
        return await hook(asker, UP, replace(AT_GATEWAY, device="eth0; reboot"))

    _, scene = play(story, GATEWAY)
    assert scene.scripts.runs == [(UP, AT_GATEWAY)]


def test_a_clients_scripts_run_for_what_the_host_took():
    other = replace(AT_CLIENT, configuration=replace(GIVEN, split_include=()))

    async def story(asker, scene):
        early = await hook(asker, UP, AT_CLIENT, "192.0.2.50")
        scene.host.fault = OSError(13, "no")
        await asker.ask(ATTACH, ATTACHMENT)
        failed = await hook(asker, UP, AT_CLIENT, "192.0.2.50")
        scene.host.fault = None
        await asker.ask(ATTACH, ATTACHMENT)
        told = [await hook(asker, event, AT_CLIENT, "192.0.2.50") for event in (UP, DOWN)]
        forged = await hook(asker, UP, other, "192.0.2.50")
        await asker.ask(DETACH, Detachment(1, Leaving.OPEN))
        return early, failed, told, forged, await hook(asker, UP, AT_CLIENT, "192.0.2.50")

    found, scene = play(story)
    assert found == (False, False, [True, True], False, False)
    assert [event for event, _ in scene.scripts.runs] == [UP, DOWN]


def test_of_a_lease_a_gateways_scripts_hear_the_addresses_alone():
    """One lease is one entry, whatever a daemon says beside it."""
    named = [
        ModeConfiguration(
            GIVEN.address,
            dns=(IPv4Address(number),),
            split_include=(IPv4Network((number << 8, 24)),),
            address6=IPv6Interface(f"fd00:99::3/{number % 129}"),
        )
        for number in range(500)
    ]

    async def story(asker, scene):
        told = [await hook(asker, UP, replace(AT_GATEWAY, configuration=each)) for each in named]
        assert len(scene.hosting._ups) == MOST_AT_AN_ADDRESS
        await scene.hosting.let_go()
        await scene.hosting.settled()
        return told

    told, scene = play(story, GATEWAY)
    assert told == [True] * len(named)
    heard = [context.configuration for _, context in scene.scripts.runs]
    assert heard[: len(named)] == [ModeConfiguration(GIVEN.address, address6=each.address6) for each in named]
    assert [event for event, _ in scene.scripts.runs[len(named) :]] == [DOWN] * MOST_AT_AN_ADDRESS


@pytest.mark.parametrize("events", [(UP, DOWN), (UP,)], ids=["with a goodbye", "without"])
def test_a_client_that_attaches_again_and_again_has_a_bounded_number_of_sessions_up(events):
    """Whoever is up the longest goes down."""
    most = MOST_UP[Side.CLIENT]
    assert MOST_ATTACHED <= most < MOST_UP[Side.GATEWAY]
    given = [replace(GIVEN, split_include=(IPv4Network((number << 8, 24)),)) for number in range(most + 40)]

    async def story(asker, scene):
        scene.hosting._budget = Budget(len(given), 1e9)
        for each in given:
            await asker.ask(ATTACH, replace(ATTACHMENT, configuration=each))
            assert await hook(asker, UP, replace(AT_CLIENT, configuration=each), "192.0.2.50")
        await scene.hosting.settled()
        return len(scene.hosting._ups)

    up, scene = play(story, events=events)
    assert up == most
    downs = [context.configuration for event, context in scene.scripts.runs if event is DOWN]
    assert downs == (given[:40] if DOWN in events else [])


def test_a_client_that_pushes_sessions_out_while_scripts_are_slow_is_refused(monkeypatch):
    monkeypatch.setitem(MOST_UP, Side.CLIENT, 4)
    given = [replace(GIVEN, split_include=(IPv4Network((number << 8, 24)),)) for number in range(MOST_HOOKS + 20)]

    async def story(asker, scene):
        run, held = scene.scripts.run, asyncio.Event()

        async def late(remote, event, context):
            if event is DOWN:
                await held.wait()
            await run(remote, event, context)

        scene.scripts.run = late
        told = []
        for each in given:
            await asker.ask(ATTACH, replace(ATTACHMENT, configuration=each))
            told.append(await hook(asker, UP, replace(AT_CLIENT, configuration=each), "192.0.2.50"))
        held.set()
        await scene.hosting.let_go()
        return told

    told, scene = play(story)
    assert told == [True] * (4 + MOST_HOOKS) + [False] * 16
    assert [event for event, _ in scene.scripts.runs].count(DOWN) == 4 + MOST_HOOKS


def test_sessions_without_an_address_are_a_bounded_number(monkeypatch):
    monkeypatch.setattr("lotor.warden.ups.MOST_WITHOUT_ADDRESS", 20)
    assert MOST_WITHOUT_ADDRESS > 1_000

    async def story(asker, _):
        return [await hook(asker, UP, replace(AT_GATEWAY, configuration=None)) for _ in range(40)]

    found, scene = play(story, GATEWAY)
    assert found == [True] * 20 + [False] * 20
    assert len(scene.scripts.runs) == 20


def test_a_daemon_that_floods_with_scripts_is_ended():
    async def story(asker, scene):
        scene.scripts.go.clear()
        body = encode(Hook, Hook("anonymous", UP, AT_GATEWAY))
        for ticket in range(1_000, 1_000 + MOST_HOOKS + 1):
            asker._send(Frame(Kind.REQUEST, RUN_HOOK.number, ticket, body))
            await asyncio.sleep(0)
        return await scene.lost

    why, scene = play(story, GATEWAY)
    assert "more questions at a time" in why
    assert len(scene.scripts.begun) <= MOST_HOOKS


def test_goodbyes_that_are_withdrawn_one_after_the_other_come_to_an_end():
    async def story(asker, scene):
        run, held = scene.scripts.run, asyncio.Event()

        async def late(remote, event, context):
            if event is DOWN:
                scene.scripts.begun.append(event)
                await held.wait()
            else:
                await run(remote, event, context)

        scene.scripts.run = late
        while not scene.lost.done():
            up = asyncio.ensure_future(hook(asker, UP, AT_GATEWAY))
            await asyncio.wait({up, scene.lost}, return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            await withdrawn(asker, scene, RUN_HOOK, Hook("anonymous", DOWN, AT_GATEWAY))
        held.set()
        await scene.hosting.settled()
        return await scene.lost

    why, scene = play(story, GATEWAY)
    assert why == "the daemon asked again and again for what it may not have"
    assert scene.scripts.begun.count(DOWN) <= MOST_HOOKS


# -- the daemon dies --------------------------------------------------------------------------------------------------


def test_a_dead_daemons_clients_are_detached_behind_their_scripts():
    async def story(asker, scene):
        await asker.ask(ATTACH, ATTACHMENT)
        await hook(asker, UP, AT_CLIENT, "192.0.2.50")
        await asker.ask(ATTACH, replace(ATTACHMENT, session=2))
        await scene.hosting.let_go()
        await scene.hosting.let_go()

    _, scene = play(story)
    assert scene.diary[-3:] == [("phase1_down", "192.0.2.50"), ("detach", 1), ("detach", 2)]
    assert scene.scripts.runs[-1] == (DOWN, AT_CLIENT)


FULL = replace(GIVEN, split_include=())


@pytest.mark.parametrize(
    ("switch", "configuration", "closed"),
    [
        ("", FULL, True),
        ("", GIVEN, False),
        ("kill_switch on;", GIVEN, True),
        ("kill_switch off;", FULL, False),
    ],
    ids=["full", "split", "split on", "full off"],
)
def test_a_dead_daemon_leaves_the_host_closed_as_the_configuration_says(switch, configuration, closed):
    """Whatever the daemon itself said of it."""

    async def story(asker, scene):
        for number, said in enumerate((True, False), 1):
            wish = replace(ATTACHMENT, session=number, configuration=configuration, closes=said)
            await asker.ask(ATTACH, replace(wish, remote="192.0.2.50" if said else "no such block"))
        await scene.hosting.let_go()
        assert scene.host.leaving == {1: Leaving.CLOSED, 2: Leaving.CLOSED}
        told = (await asker.ask(CLOSED, None)).value
        opened = (await asker.ask(OPEN, ("192.0.2.51", *told))).value
        return told, opened, (await asker.ask(CLOSED, None)).value

    (told, opened, left), _ = play(story, CLIENT.replace("{", f"{{ {switch}", 1))
    assert (told, opened, left) == ((("192.0.2.50",), 1, ()) if closed else ((), 0, ()))


@pytest.mark.parametrize("block", ["192.0.2.51", "192.0.2.50", "no such block"])
def test_a_block_that_follows_redirects_opens_no_host_that_another_one_closes(block):
    """A daemon that says of one gateway's connection that another gateway sent it there."""

    async def story(asker, scene):
        await asker.ask(ATTACH, replace(ATTACHMENT, remote=block, configuration=FULL))
        await scene.hosting.let_go()
        return (await asker.ask(CLOSED, None)).value

    closing = CLIENT.replace("{", "{ kill_switch on;", 1)
    redirected = client("192.0.2.51").replace("{", "{ ike_version both; kill_switch off;", 1)
    assert play(story, closing + redirected)[0] == ("192.0.2.50",)


def test_where_a_client_was_sent_its_own_block_closes_the_host():
    async def story(asker, scene):
        for number, block in enumerate(("192.0.2.50", "192.0.2.51"), 1):
            await asker.ask(ATTACH, replace(ATTACHMENT, session=number, path=ELSEWHERE, remote=block))
            await scene.hosting.let_go()
        return (await asker.ask(CLOSED, None)).value

    sent = [each.replace("{", "{ ike_version both;", 1) for each in (CLIENT, client("192.0.2.51"))]
    assert play(story, "".join(sent))[0] == ()
    assert play(story, sent[0].replace("{", "{ kill_switch on;", 1) + sent[1])[0] == (str(ELSEWHERE.remote.address),)


def test_a_daemon_opens_and_closes_no_more_often_than_connections_come():
    async def story(asker, scene):
        for _ in range(MOST_ASKED):
            await asker.ask(OPEN, ("192.0.2.50",))
        return await refused(asker, OPEN, ("192.0.2.50",))

    assert play(story)[0]


def test_login_pages_are_reached_a_bounded_time_and_a_bounded_number_of_times():
    async def story(asker, scene):
        wrong = [await refused(asker, PORTAL, seconds) for seconds in (0, -1, 601, 10**9)]
        answers = [(await asker.ask(PORTAL, 600)).value for _ in range(MOST_IN_CLEAR // 600)]
        await scene.hosting.let_go()
        return wrong, answers, await refused(asker, PORTAL, 1)

    (wrong, answers, more), scene = play(story)
    assert wrong == [True] * 4
    assert answers == [0, 0]
    assert more, "also the next daemon"
    assert scene.diary == [("portal", 600)] * 2


def test_login_pages_leave_in_clear_half_of_the_time_at_most():
    budget = Budget(MOST_IN_CLEAR, ANOTHER_SECOND_AFTER)
    day = 86_400
    taken = sum(600 for now in range(0, day, 60) if budget.take(now, 600))
    assert day // 2 <= taken <= day // 2 + MOST_IN_CLEAR


def test_a_dead_gateways_scripts_hear_of_every_session_that_was_up_before_those_of_the_next(tmp_path):
    others = [IPv4Address(0x0A636300 + number) for number in range(3, 9)]
    (tmp_path / "up").write_text('#!/bin/sh\necho "$1 $INTERNAL_ADDR4" >> "${0%/*}/told"\n')

    async def story(asker, scene):
        scene.leases = [Lease(each) for each in others]
        scene.scripts.go.clear()
        for each in others[:-1]:
            task = asyncio.ensure_future(hook(asker, UP, inside(AT_GATEWAY, each)))
            scene.scripts.go.set()
            assert await task
        assert await hook(asker, DOWN, inside(AT_GATEWAY, others[0]))
        scene.scripts.runs.clear()
        await scene.hosting.let_go()
        assert await hook(asker, UP, inside(AT_GATEWAY, others[1]))
        await scene.hosting.settled()

    _, scene = play(story, GATEWAY)
    told = [(event, context.configuration.address) for event, context in scene.scripts.runs]
    assert told == [*((DOWN, each) for each in others[1:-1]), (UP, others[1])]


def test_a_goodbye_under_way_is_finished_when_the_daemon_dies():
    async def story(asker, scene):
        await hook(asker, UP, AT_GATEWAY)
        scene.scripts.go.clear()
        down = asyncio.ensure_future(hook(asker, DOWN, AT_GATEWAY))
        await until(lambda: DOWN in scene.scripts.begun)
        down.cancel()
        await asyncio.wait({down})
        await scene.hosting.let_go()
        scene.scripts.go.set()
        await scene.hosting.settled()

    _, scene = play(story, GATEWAY)
    assert [event for event, _ in scene.scripts.runs] == [UP, DOWN]


def test_a_thousand_deaths_leave_nothing_behind():
    async def story(asker, scene):
        for _ in range(1_000):
            await asker.ask(ATTACH, ATTACHMENT)
            await hook(asker, UP, AT_CLIENT, "192.0.2.50")
            await scene.hosting.let_go()
        return scene.hosting

    hosting, scene = play(story)
    left = (hosting._held, hosting._taken, hosting._ups, hosting._changes, hosting._asked, *hosting._downs.values())
    assert [each for each in left if each] == []
    assert scene.diary.count(("detach", 1)) == scene.diary.count(("phase1_down", "192.0.2.50")) == 1_000


# -- with the real scripts --------------------------------------------------------------------------------------------


def test_no_text_of_a_daemon_is_more_than_the_value_of_a_variable(tmp_path):
    script = tmp_path / "hook.sh"
    script.write_text('#!/bin/sh\nenv > "${SCRIPT_FILE%/*}/told"\n')
    script.chmod(0o755)
    text = "a\nLD_PRELOAD=/tmp/x.so\nPATH=/tmp\0PATH=/tmp\x1b[2J$(touch /tmp/pwned)"
    context = replace(AT_GATEWAY, peer_id=text, cookies=text, user=text, device=text)

    async def run():
        lease = lambda inner: text if inner <= LEASE.addresses else None  # noqa: E731
        around = Around(lambda: [settings(GATEWAY)], lambda: "lotor0", lease, lambda _: frozenset())
        hosting = Hosting(RecordingHost([]), ScriptHooks({("anonymous", UP): script}), around)
        async with asyncio.timeout(60), line(rows(hosting)) as (asker, _):
            return await hook(asker, UP, context)

    assert asyncio.run(run())
    told = dict(row.partition("=")[::2] for row in (tmp_path / "told").read_text().splitlines())
    assert told["PATH"].startswith("/usr/")
    assert "LD_PRELOAD" not in told
    assert told["XAUTH_USER"].startswith("a?LD_PRELOAD=/tmp/x.so?PATH=/tmp?PATH")
    assert told["LOTOR_DEVICE"] == told["TUNDEV"] == "lotor0"


# -- a daemon that does as it should ----------------------------------------------------------------------------------


def test_a_banner_of_60_kilobytes_does_not_cross():
    large = replace(GIVEN, banner=bytes(61_440), application_version=bytes(1_000))

    async def story(asker, scene):
        seen = []

        async def attach(attachment):
            seen.append(attachment)

        scene.host.attach = attach
        await FarHost(asker).attach(replace(ATTACHMENT, configuration=large))
        hooks = FarHooks(asker, lambda: {("192.0.2.50", UP)})
        await hooks.run("192.0.2.50", UP, replace(AT_CLIENT, configuration=large))
        return seen

    seen, scene = play(story)
    assert seen == [ATTACHMENT]
    assert scene.scripts.runs == [(UP, AT_CLIENT)]


def test_more_networks_than_cross_are_refused_with_a_sentence():
    many = tuple(IPv4Network((number << 8, 24)) for number in range(300))

    async def story(asker, scene):
        with pytest.raises(OSError, match=r"the gateway sent more than 256 .*: ask its administrator"):
            await FarHost(asker).attach(replace(ATTACHMENT, configuration=replace(GIVEN, split_include=many)))
        large = tuple(bytes(60_000) for _ in range(2))
        with pytest.raises(OSError, match="octets"):
            await FarHost(asker).attach(replace(ATTACHMENT, configuration=replace(GIVEN, split_dns=large)))

    play(story)


def test_sessions_that_end_while_scripts_are_slow_do_not_end_the_daemon():
    """Their addresses are free, or somebody else's, when their turn comes."""

    async def story(asker, scene):
        hooks = FarHooks(asker, lambda: {("anonymous", event) for event in HookEvent})
        scene.leases.clear()
        for _ in range(2 * MOST_DENIED):
            await hooks.run("anonymous", UP, AT_GATEWAY)
            await hooks.run("anonymous", DOWN, AT_GATEWAY)
        return scene.lost.done()

    assert play(story, GATEWAY)[0] is False


def test_scripts_of_one_block_leave_the_others_their_turns():
    async def story(asker, scene):
        scene.scripts.go.clear()
        hooks = FarHooks(asker, lambda: {("anonymous", UP)})
        slow = [asyncio.ensure_future(hooks.run("anonymous", UP, AT_GATEWAY)) for _ in range(3 * MOST_HOOKS)]
        await until(lambda: scene.scripts.begun)
        await asyncio.sleep(0.01)
        begun = len(scene.scripts.begun)
        scene.scripts.go.set()
        await asyncio.gather(*slow)
        return begun

    begun, scene = play(story, GATEWAY)
    assert begun == 1
    assert len(scene.scripts.runs) == 3 * MOST_HOOKS


# -- with the real host -----------------------------------------------------------------------------------------------


@pytest.mark.root
@in_namespace
def test_no_address_is_taken_that_no_gateway_may_give(tmp_path):
    """Also where the daemon says that a gateway gave it."""
    Tun("outer0", "192.0.2.2/24")
    Tun("lotor0")
    ip("route add default via 192.0.2.1 dev outer0")
    unfit = ["127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "192.0.2.2", "192.0.2.50"]

    async def run():
        around = Around(lambda: [settings(ANYWHERE)], lambda: "lotor0", lambda _: None, lambda _: None)
        hosting = Hosting(linux(tmp_path), Scripts(), around)
        before = picture()
        async with asyncio.timeout(60), line(rows(hosting)) as (asker, _):
            for each in unfit:
                wrong = replace(ATTACHMENT, configuration=replace(GIVEN, address=IPv4Address(each)))
                for verb in (ADMIT, ATTACH):
                    assert isinstance((await asker.ask(verb, wrong)).value, Fault), each
                    assert picture() == before
            assert (await asker.ask(ATTACH, ATTACHMENT)).value is None
            assert picture() != before
            await hosting.let_go()
            assert picture() == before

    asyncio.run(run())


def test_a_daemon_takes_over_the_place_of_its_own_sessions_only():
    async def story(asker, scene):
        await asker.ask(ATTACH, ATTACHMENT)
        await asker.ask(ATTACH, replace(ATTACHMENT, session=2, follows=1))
        await asker.ask(DETACH, Detachment(1, Leaving.OPEN))
        mine = dict(scene.host.attached)
        await scene.hosting.let_go()
        scene.host.attached[2] = ATTACHMENT
        await asker.ask(ATTACH, replace(ATTACHMENT, session=3, follows=2))
        return list(mine), list(scene.host.attached)

    assert play(story)[0] == ([2], [2, 3])


def test_news_of_the_network_are_told_to_clients_one_question_at_a_time():
    async def story(asker, scene):
        waiting = asyncio.ensure_future(asker.ask(CHANGED, 0))
        await asyncio.sleep(0)
        scene.host.change()
        return (await waiting).value

    assert play(story)[0] == 1
    assert CHANGED.most_asked == 1

    async def of_a_gateway(asker, scene):
        with pytest.raises(Refused):
            await asker.ask(CHANGED, 0)

    play(of_a_gateway, GATEWAY)
