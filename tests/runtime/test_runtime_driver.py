"""The loop around the core: order, answers, time, and faults that cost one datagram."""

from __future__ import annotations

import asyncio
import logging

import pytest

from far import until
from lotor.ike.effects import Ask, Tell, Transmit, Withdraw
from lotor.ike.events import Remark
from lotor.ike.intents import Shutdown
from lotor.ike.questions import ReserveSpi
from lotor.runtime.answers import Answered
from lotor.runtime.driver import Driver
from scripted import BYE, PATH, ScriptedCore


def driver_of(core, sent, reply=None):
    async def nobody(question):
        return 7

    return Driver(core, lambda data, path: sent.append((data, path)), reply or nobody)


def test_effects_are_carried_out_in_their_order_also_when_a_subscriber_gives_an_intent():
    async def play():
        log = []
        core = ScriptedCore(
            receive=lambda data, path: [Tell(Remark(1, "first")), Transmit(b"second", path)],
            command=lambda intent: [Transmit(b"third", PATH)],
        )
        driver = driver_of(core, log)
        driver.subscribe(lambda event: (log.append(event.text_), driver.command(Shutdown(BYE))))
        driver.receive(b"datagram", PATH)
        return log

    assert asyncio.run(play()) == ["first", (b"second", PATH), (b"third", PATH)]


def test_a_question_is_answered_once_with_what_the_reply_gave():
    async def play():
        core = ScriptedCore(receive=lambda data, path: [Ask(5, ReserveSpi(1))])
        driver = driver_of(core, [])
        driver.receive(b"", PATH)
        for _ in range(5):
            await asyncio.sleep(0)
        return [call for call in core.calls if call[0] == "answer"]

    assert asyncio.run(play()) == [("answer", 5, 7)]


def test_who_is_asked_has_heard_everything_before_also_what_a_subscriber_caused():
    async def play():
        log = []

        def reply(question):
            log.append(question)
            return Answered(9)

        core = ScriptedCore(
            receive=lambda data, path: [Tell(Remark(1, "first")), Ask(5, ReserveSpi(1)), Transmit(b"second", path)],
            command=lambda intent: [Tell(Remark(1, "ended"))],
            answer=lambda ticket, answer: [Transmit(b"third", PATH)],
        )
        driver = driver_of(core, log, reply)
        driver.subscribe(lambda event: log.append(event.text_))
        driver.subscribe(lambda event: event.text_ == "first" and driver.command(Shutdown(BYE)))
        driver.receive(b"", PATH)
        return log, [call for call in core.calls if call[0] == "answer"]

    log, answers = asyncio.run(play())
    assert log == ["first", (b"second", PATH), "ended", ReserveSpi(1), (b"third", PATH)]
    assert answers == [("answer", 5, 9)]


def test_a_deadline_that_is_put_off_rings_at_its_new_time_only():
    async def play():
        loop, core = asyncio.get_running_loop(), ScriptedCore()
        driver = driver_of(core, [])
        core.at = loop.time() + 0.01
        driver.receive(b"", PATH)
        core.at = later = loop.time() + 0.05
        ticked = asyncio.Event()
        at = []
        core.script["tick"] = lambda: at.append(loop.time()) or ticked.set() or []
        await asyncio.wait_for(ticked.wait(), 60)
        return at[0] >= later, [call[0] for call in core.calls]

    assert asyncio.run(play()) == (True, ["receive", "tick"])


def test_the_core_gets_its_tick_at_the_deadline_and_not_without_one():
    async def play():
        core = ScriptedCore()
        driver = driver_of(core, [])
        core.at = asyncio.get_running_loop().time() + 0.01
        driver.receive(b"", PATH)
        ticked = asyncio.Event()
        core.script["tick"] = lambda: ticked.set() or []
        await asyncio.wait_for(ticked.wait(), 60)
        await asyncio.sleep(0.02)
        return [call[0] for call in core.calls]

    assert asyncio.run(play()) == ["receive", "tick"]


def explode(*arguments):
    raise ValueError("the password is swordfish")


def test_an_exception_of_the_core_costs_one_datagram_and_its_text_is_not_logged(caplog):
    async def play():
        sent = []
        core = ScriptedCore(receive=explode)
        driver = driver_of(core, sent)
        driver.receive(b"bad", PATH)
        core.script["receive"] = lambda data, path: [Transmit(b"alive", path)]
        driver.receive(b"good", PATH)
        return driver, sent

    with caplog.at_level(logging.DEBUG):
        driver, sent = asyncio.run(play())
    assert sent == [(b"alive", PATH)]
    assert driver.tally.internal_errors == 1
    assert "ValueError at " in caplog.text
    assert "swordfish" not in caplog.text


def test_a_failing_tick_is_tried_again_later_and_does_not_spin():
    async def play():
        core = ScriptedCore(tick=explode)
        core.at = 0.0
        driver = driver_of(core, [])
        driver.receive(b"", PATH)
        core.__class__ = type("Stuck", (ScriptedCore,), {"deadline": lambda self: _due()})
        for _ in range(50):
            await asyncio.sleep(0)
        driver.stop()
        return sum(call[0] == "tick" for call in core.calls)

    from lotor.ike.effects import Deadline

    def _due():
        return Deadline(0.0, "always")

    assert asyncio.run(play()) == 1


@pytest.mark.parametrize("fault", [OSError("network is unreachable"), RuntimeError("bug")])
def test_what_cannot_be_sent_is_counted_and_the_rest_goes_on(fault):
    async def play():
        sent = []

        def transmit(data, path):
            if data == b"one":
                raise fault
            sent.append(data)

        async def nobody(question):
            return None

        core = ScriptedCore(receive=lambda data, path: [Transmit(b"one", path), Transmit(b"two", path)])
        driver = Driver(core, transmit, nobody)
        driver.receive(b"", PATH)
        return sent, driver.tally

    sent, tally = asyncio.run(play())
    assert sent == [b"two"]
    assert (tally.unsent, tally.internal_errors) in {(1, 0), (0, 1)}


def test_a_subscriber_that_raises_silences_nobody():
    async def play():
        heard = []
        core = ScriptedCore(receive=lambda data, path: [Tell(Remark(1, "fact"))])
        driver = driver_of(core, [])
        driver.subscribe(explode)
        driver.subscribe(heard.append)
        driver.receive(b"", PATH)
        return heard, driver.tally.internal_errors

    heard, errors = asyncio.run(play())
    assert len(heard) == 1
    assert errors == 1


def test_f7_work_for_a_question_that_nobody_waits_for_is_called_off():
    async def play():
        diary = []

        async def reply(question):
            diary.append(f"asked for session {question.session}")
            try:
                await asyncio.Event().wait()
            finally:
                diary.append(f"called off for session {question.session}")

        core = ScriptedCore(
            receive=lambda data, path: [Ask(int(data), ReserveSpi(int(data)))],
            command=lambda intent: [Withdraw(1)],
        )
        driver = driver_of(core, [], reply)
        driver.receive(b"1", PATH)
        driver.receive(b"2", PATH)
        await asyncio.sleep(0)
        driver.command(Shutdown(BYE))
        await until(lambda: len(diary) == 3)
        assert [call for call in core.calls if call[0] == "answer"] == []
        told = list(diary)
        driver.stop()
        return told

    assert asyncio.run(play()) == ["asked for session 1", "asked for session 2", "called off for session 1"]


def test_f7_a_question_withdrawn_in_the_same_breath_is_never_asked(recwarn):
    async def play():
        asked = []

        async def reply(question):
            asked.append(question)

        script = [[Ask(1, ReserveSpi(1)), Ask(2, ReserveSpi(2)), Withdraw(1)], [Withdraw(2)]]
        core = ScriptedCore(receive=lambda data, path: script.pop(0))
        driver = driver_of(core, [], reply)
        driver.receive(b"", PATH)
        driver.receive(b"", PATH)
        await asyncio.sleep(0.01)
        return asked

    assert asyncio.run(play()) == []
    assert not [each for each in recwarn if "never awaited" in str(each.message)]
