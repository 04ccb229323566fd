"""Two whole programs, gateway and client, in one event loop: real core, keys, logins and configuration; the network and
the host are recordings."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.control.messages import (
    NOT_LOGGED_IN,
    Connected,
    Disconnected,
    Done,
    Explain,
    Failed,
    Logout,
    Status,
    Until,
)
from lotor.control.service import Credential
from lotor.daemon.exits import Exit, StartError
from lotor.ike.events import Ended
from lotor.model.grants import NO_GRANTS
from lotor.model.network import Path, Peer
from lotor.model.prompt import Field
from visiting import GATEWAY, GATEWAY_FILE, PASSWORD, ROOT, Typing, play


@pytest.fixture(params=["one process", "two ends of a line"])
def far(request):
    """Whether each program asks a warden for what needs rights."""
    return request.param != "one process"


def test_a_visit_from_login_to_disconnect(directory, caplog, far):
    async def story(world):
        up = await world.vc()
        status = await world.admin.status(Status(), ROOT), await world.gateway_admin.status(Status(), ROOT)
        installed = len(world.client_plane.installed), len(world.gateway_plane.installed)
        down = await world.vd()
        await world.settle()
        return up, status, installed, down, world

    with caplog.at_level(logging.DEBUG):
        up, (client, gateway), installed, down, world = play(directory, story, far=far)
    assert up == Connected("10.99.99.1", "Flying pigs LTD\n?[2Jwelcome\n", session=1)
    assert installed == (1, 1)
    (here,), (there,) = client["sessions"], gateway["sessions"]
    assert (here["role"], here["state"], here["address"], here["outside"]) == (
        "client",
        "up",
        "10.99.99.1",
        "127.0.0.1:500",
    )
    assert (there["role"], there["user"], there["address"]) == ("gateway", "alice", "10.99.99.1")
    assert here["phase1"] == here["ike_suite"] == "aes-256/sha256/modp2048"
    assert (here["ike"], here["spis"]) == (1, here["cookies"])
    assert here["spis"] == there["spis"] != ""
    assert here["warnings"] == []
    json.dumps(client)
    assert down == Disconnected(1)
    assert world.client.register.all() == world.gateway.register.all() == ()
    assert world.client_plane.installed == world.gateway_plane.installed == {}
    assert [each[0] for each in world.diary] == ["attach begins", "attach", "detach"]
    assert world.gateway.driver.tally.internal_errors == world.client.driver.tally.internal_errors == 0
    assert "login of alice accepted" in caplog.text
    assert PASSWORD not in caplog.text
    assert "\x1b" not in caplog.text


def test_a_wrong_password_says_so_and_leaves_nothing(directory, far):
    async def story(world):
        failed = await world.vc(typing=Typing("wrong"))
        await world.settle()
        return failed, world.client.register.all(), world.gateway.register.all(), list(world.diary)

    failed, here, there, diary = play(directory, story, far=far)
    assert isinstance(failed, Failed)
    assert failed.cause == "LOGIN_REFUSED"
    assert "alice" in failed.text
    assert here == there == ()
    assert diary == []


def test_a_full_pool_says_so_and_serves_again_when_an_address_is_free(directory, far):
    async def story(world):
        first = await world.vc()
        lease = await world.gateway.configurations.acquire(99, "someone else", NO_GRANTS)
        await world.vd()
        await world.settle()
        await world.gateway.configurations.acquire(77, "bob", NO_GRANTS)
        second = await world.vc()
        world.gateway.configurations.release(77)
        return first, lease, second, await world.vc()

    first, lease, second, third = play(directory, story, far=far, pool=1)
    assert isinstance(first, Connected)
    assert "10.99.99.1" in lease.reason.text
    assert second.cause == "POOL_EXHAUSTED"
    assert isinstance(third, Connected)


def test_a_saved_password_needs_no_prompt(directory, far):
    (directory / "psk.txt").touch(0o600)
    (directory / "psk.txt").write_text(f"alice {PASSWORD}\n")

    async def story(world):
        typing = Typing(None)
        return await world.vc(user=None, typing=typing), typing.prompts

    up, prompts = play(directory, story, far=far, login='xauth_login "alice";')
    assert isinstance(up, Connected)
    assert prompts == []


def test_nobody_at_the_prompt_sends_no_packet(directory):
    async def story(world):
        sent = []
        world.air.carry = lambda *arguments: sent.append(arguments)
        return await world.vc(typing=Typing(None)), sent

    failed, sent = play(directory, story)
    assert (failed.text, failed.cause) == ("no login was given", "LOGIN_DECLINED")
    assert "--password-stdin" in failed.fix
    assert sent == []


def test_a_second_connect_is_told_that_the_tunnel_is_up(directory):
    async def story(world):
        await world.vc()
        typing = Typing()
        return await world.vc(typing=typing), typing.prompts, len(world.gateway.register.all())

    again, prompts, sessions = play(directory, story)
    assert again.already
    assert again.address == "10.99.99.1"
    assert (prompts, sessions) == ([], 1)


def test_who_waits_for_the_end_of_a_session_hears_why(directory, far):
    """Also behind it, and nobody waits for a session that never was."""

    async def story(world):
        up = await world.vc()
        waits = asyncio.ensure_future(world.admin.until(Until(up.session), ROOT))
        gone = asyncio.ensure_future(world.admin.until(Until(up.session), ROOT))
        await asyncio.sleep(0)
        gone.cancel()
        assert not waits.done()
        await world.vd()
        told = await waits
        return told, len(world.diary), await world.admin.until(Until(up.session), ROOT)

    told, undone, later = play(directory, story, far=far)
    assert (told.text, told.cause, told.kind) == ("closed by the administrator", "ADMINISTRATOR", "administrator")
    assert later == told
    assert undone == 3, "the host is as it was before anybody hears of the end"


class Waiting(Typing):
    """A person who hears of a loss and of the return."""

    def __init__(self):
        super().__init__()
        self.heard_both = asyncio.Event()

    async def tell(self, text):
        await super().tell(text)
        if len(self.told) == 2:
            self.heard_both.set()


def test_who_waits_at_a_connection_that_stays_hears_of_its_return_and_of_its_end(directory, far):
    """The gateway logs the person out; the client comes back by itself, with the password that was typed."""

    async def story(world):
        person = Waiting()
        up = await world.vc()
        waits = asyncio.ensure_future(world.admin.until(Until(up.session), person))
        await asyncio.sleep(0)
        assert isinstance(await world.gateway_admin.logout(Logout("alice"), ROOT), Disconnected)
        await person.heard_both.wait()
        assert not waits.done()
        (back,) = world.client.register.all()
        await world.vd()
        return up.session, back.id, person.told, await waits

    first, back, told, end = play(directory, story, far=far, login="auto_connect on;")
    assert back != first
    assert told[0].endswith("; connecting again")
    assert told[1].startswith("back after ")
    assert end.cause == "ADMINISTRATOR"


def test_the_end_of_a_stranger_is_nobodys(directory):
    async def story(world):
        up = await world.vc()
        other = Typing()
        other.credential = Credential(1, 12345, 12345)
        numbers = up.session, 999
        return [await world.gateway_admin.until(Until(each), other) for each in numbers]

    told = play(directory, story)
    assert [each.text for each in told] == ["there is no session 1", "there is no session 999"]


def test_two_connects_at_once_make_one_session(directory):
    async def story(world):
        answers = await asyncio.gather(world.vc(), world.vc())
        return answers, len(world.client.register.all())

    answers, sessions = play(directory, story)
    assert sorted(type(each).__name__ for each in answers) == ["Connected", "Failed"]
    assert sessions == 1


def test_an_attempt_that_is_given_up_ends_at_once(directory, far):
    async def story(world):
        world.air.deaf = True
        begun = asyncio.Event()
        world.client.listen(lambda event: begun.set())
        attempt = asyncio.create_task(world.vc())
        await begun.wait()
        attempt.cancel()
        await asyncio.wait({attempt})
        return world.client.register.all()

    assert play(directory, story, far=far) == ()


def test_a_host_that_refuses_is_the_reason_of_the_failed_connect(directory, far):
    async def story(world):
        world.host.fault = OSError(1, "no permission to change routes")
        failed = await world.vc()
        await world.settle()
        return failed, world.gateway.register.all(), world.client_plane.installed

    failed, there, installed = play(directory, story, far=far)
    assert failed.cause == "LOCAL_FAULT"
    assert "no permission to change routes" in failed.text
    assert (there, installed) == ((), {})


def test_the_end_of_the_daemon_says_goodbye_and_undoes_the_host(directory, far):
    async def story(world):
        await world.vc()
        await world.client.stop()
        await world.settle()
        return world.gateway.register.all(), [each[0] for each in world.diary]

    there, diary = play(directory, story, far=far)
    assert there == ()
    assert diary == ["attach begins", "attach", "detach"]


@pytest.mark.parametrize("gateway", ["192.0.2.99", "no-such-host.invalid", "..", "a" * 300])
def test_an_unknown_gateway_is_told(directory, gateway):
    async def story(world):
        return await world.vc(gateway=gateway)

    failed = play(directory, story)
    assert isinstance(failed, Failed)
    assert "remote block" in failed.text or "cannot resolve" in failed.text


def test_disconnecting_from_what_is_not_connected_is_told(directory):
    async def story(world):
        return await world.vd()

    assert play(directory, story) == Failed("not connected to 127.0.0.1")


def test_logout_ends_every_session_of_a_person_at_both_ends(directory, far):
    async def story(world):
        await world.vc("alice")
        nobody = await world.gateway_admin.logout(Logout("bob"), ROOT)
        reasons = []
        world.client.listen(lambda event: reasons.append(event.reason.text) if isinstance(event, Ended) else None)
        done = await world.gateway_admin.logout(Logout("alice"), ROOT)
        await world.settle()
        (attempt,) = world.gateway.attempts.find("alice")
        return nobody, done, reasons, attempt.reason.text, world.client.register.all(), world.gateway.register.all()

    nobody, done, client, gateway, *left = play(directory, story, far=far)
    assert nobody == Failed("bob is not logged in", kind=NOT_LOGGED_IN)
    assert done == Disconnected(1)
    assert client == ["the gateway ended the session"]
    assert gateway == "alice was logged out by the administrator"
    assert left == [(), ()]


def test_logout_by_number(directory):
    async def story(world):
        await world.vc("alice")
        (session,) = world.gateway.register.all()
        missed = await world.gateway_admin.logout(Logout(session=session.id + 1), ROOT)
        return (
            missed,
            await world.gateway_admin.logout(Logout(session=session.id), ROOT),
            world.gateway.register.all(),
        )

    missed, done, left = play(directory, story)
    assert missed.text.startswith("there is no session")
    assert (done, left) == (Disconnected(1), ())


def test_a_bad_configuration_is_not_taken_over(directory, far):
    async def story(world):
        old = world.gateway.present.now
        (directory / "gateway.conf").write_text("remote anonymous { nonsense; }")
        failed = await world.gateway_admin.reload(ROOT)
        kept = world.gateway.present.now is old
        return failed, kept, await world.vc()

    failed, kept, up = play(directory, story, far=far)
    assert isinstance(failed, Failed)
    assert "gateway.conf:1:20" in failed.text
    assert kept
    assert isinstance(up, Connected)


def test_a_good_one_counts_for_sessions_to_come(directory, far):
    async def story(world):
        await world.vc()
        text = GATEWAY_FILE.format(directory=directory, pool=253).replace("dns4 10.0.12.1", "dns4 10.0.12.99")
        (directory / "gateway.conf").write_text(text)
        done = await world.gateway_admin.reload(ROOT)
        before = world.client.register.all()[0].configuration.dns
        await world.vd()
        await world.settle()
        await world.vc()
        return done, before, world.client.register.all()[0].configuration.dns

    done, before, after = play(directory, story, far=far)
    assert isinstance(done, Done)
    assert "itself is restarted" not in done.text
    assert (before, after) == ((IPv4Address("10.0.12.1"),), (IPv4Address("10.0.12.99"),))


def test_a_warning_is_one_warning(directory):
    async def story(world):
        text = GATEWAY_FILE.format(directory=directory, pool=253)
        (directory / "gateway.conf").write_text(text.replace("hash_algorithm sha256;", "hash_algorithm md5;", 1))
        return await world.gateway_admin.reload(ROOT)

    assert play(directory, story).text.endswith("\n1 warning: lotor check tells more")


def test_what_only_a_start_can_change_is_said(directory):
    async def story(world):
        text = GATEWAY_FILE.format(directory=directory, pool=7).replace(
            "adminsock disabled;", 'adminsock "/run/x.sock";'
        )
        (directory / "gateway.conf").write_text(text)
        return await world.gateway_admin.reload(ROOT)

    assert play(directory, story).text.endswith("; adminsock: the change counts once lotor itself is restarted")


def test_events_reach_a_listener_clean(directory):
    async def story(world):
        heard = []
        end = world.admin.subscribe(heard.append, ROOT)
        await world.vc()
        end()
        await world.vd()
        return heard

    heard = play(directory, story)
    assert heard[0].event == "Started"
    assert {"PhaseOneUp", "Up"} <= {each.event for each in heard}
    assert "Ended" not in {each.event for each in heard}


def test_a_login_costs_no_internal_error_when_the_peer_sends_garbage(directory):
    async def story(world):
        path = Path(Peer(GATEWAY, 500), Peer(IPv4Address("127.0.0.2"), 501))
        for size in range(200):
            world.gateway.driver.receive(bytes(range(size)), path)
            world.gateway.driver.receive(b"\xff" * size, replace(path, floated=True))
        return await world.vc(), world.gateway.driver.tally.internal_errors

    up, errors = play(directory, story)
    assert isinstance(up, Connected)
    assert errors == 0


def test_field_of_a_prompt_is_the_password_only_when_the_user_is_named(directory):
    async def story(world):
        named, unnamed = Typing(None), Typing(None)
        await world.vc(user="alice", typing=named)
        await world.vc(user=None, typing=unnamed)
        return named.prompts, unnamed.prompts

    named, unnamed = play(directory, story)
    assert named == [(Field.PASSWORD,)]
    assert unnamed == [(Field.USER_NAME, Field.PASSWORD)]


def test_both_ends_explain_a_refused_login_and_the_journal_tells_the_same(directory, caplog, far):
    async def story(world):
        await world.vc(typing=Typing("wrong-horse-battery"))
        await world.settle()
        stewards = world.gateway_admin, world.admin
        nobody = world.gateway_admin.explain(Explain("nobody"), ROOT)
        return (
            [each.explain(Explain("alice"), ROOT) for each in stewards],
            nobody,
            [await each.status(Status(), ROOT) for each in stewards],
        )

    with caplog.at_level(logging.DEBUG):
        (gateway, client), nobody, statuses = play(directory, story, far=far)
    (attempt,) = gateway.report["attempts"]
    assert attempt["state"] == "failed"
    assert attempt["program"] == "lotor"
    assert client.report["attempts"][0]["role"] == "client"
    assert isinstance(nobody, Failed)
    assert "lotor explain lists" in nobody.text
    told = "; ".join(f"{row['name']}: {row['text']}" for row in attempt["story"])
    assert f"story: {told}" in caplog.text
    assert all("1 attempt failed since the start" in status["remarks"][0] for status in statuses)
    assert "wrong-horse-battery" not in caplog.text + repr(gateway) + repr(client)


def test_what_the_host_refuses_keeps_the_old_configuration(directory, caplog):
    async def refuse():
        raise StartError("port 500 of 192.0.2.51 is in use", Exit.BUSY)

    async def story(world):
        old = world.gateway.present.now
        admin = world.admin_of("gateway", world.gateway, refuse)
        return await admin.reload(ROOT), world.gateway.present.now is old, await world.vc()

    failed, kept, up = play(directory, story)
    assert failed == Failed("the old configuration stays:\nport 500 of 192.0.2.51 is in use", "BUSY")
    assert kept
    assert isinstance(up, Connected)
    assert "gateway.conf was not taken over, the old configuration stays" in caplog.text


def test_what_a_reload_came_to_is_told(directory, far):
    async def story(world):
        file = directory / "gateway.conf"
        file.write_text(file.read_text().replace("pool_size 253", "pool_size 20"))
        admin = world.gateway_admin
        return await asyncio.gather(admin.reload(ROOT), admin.reload(ROOT))

    told = [done.text for done in play(directory, story, far=far)]
    common = f"{directory}/gateway.conf taken over, sessions that are up keep what they have"
    assert all(text.startswith(common) for text in told)
    assert ["the pool is 10.99.99.1 to 10.99.99.20 now" in text for text in told] == [True, False]
