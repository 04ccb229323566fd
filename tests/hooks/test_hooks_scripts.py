"""Scripts as they run: without a shell, in order, bounded, and heard in the log."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lab.node import wait_until
from lotor.hooks.environment import environment
from lotor.hooks.scripts import MOST_LINES, Patience, ScriptHooks
from lotor.model import network
from lotor.model.network import Peer
from lotor.model.policy import Side
from lotor.ports.hooks import HookContext, HookEvent
from processes import alive

CONTEXT = HookContext(
    Side.GATEWAY, network.Path(Peer(IPv4Address("192.0.2.2"), 500), Peer(IPv4Address("192.0.2.50"), 500))
)
UP, DOWN = HookEvent.PHASE1_UP, HookEvent.PHASE1_DOWN
QUICK = Patience(script=0.5, grace=0.3, drain=0.2)


@pytest.fixture(autouse=True)
def heard(caplog):
    caplog.set_level(logging.INFO, "lotor.hooks")
    return caplog


@pytest.fixture
def script(tmp_path):
    def make(body: str, name: str = "hook.sh") -> Path:
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\ncd {tmp_path}\n{body}\n")
        file.chmod(0o755)
        return file

    return make


def run(file, context=None, *, event=UP, patience=None):
    hooks = ScriptHooks({("gw", event): file}, patience)
    asyncio.run(hooks.run("gw", event, context or CONTEXT))


def test_a_script_gets_the_event_the_variables_and_our_path_only(script, tmp_path):
    run(
        script('echo "$0 $# $1" > arguments; tr "\\0" "\\n" < /proc/self/environ > environment; pwd > /dev/null'),
    )
    assert re.fullmatch(r"/proc/self/fd/\d+ 1 phase1_up\n", (tmp_path / "arguments").read_text())
    assert f"SCRIPT_FILE={tmp_path}/hook.sh\n" in (tmp_path / "environment").read_text()
    names = {line.partition("=")[0] for line in (tmp_path / "environment").read_text().split("\n") if line}
    assert names - {"PWD", "OLDPWD"} == {*environment(CONTEXT), "PATH", "SCRIPT_FILE"}


def test_a_script_without_a_shell_gets_hostile_values_as_they_are(script, tmp_path):
    user, peer, cookies = "$(touch pwned);`touch pwned`", "() { :;}; touch pwned", "a\0b\nc\x1b"
    hostile = HookContext(Side.GATEWAY, CONTEXT.path, peer, cookies, user=user)
    run(script('printf "%s\\n" "$XAUTH_USER" "$REMOTE_ID" "$IKE_COOKIE" > values'), hostile)
    assert (tmp_path / "values").read_text() == "$(touch pwned);`touch pwned`\n?) { :;}; touch pwned\na?b?c?\n"
    assert not (tmp_path / "pwned").exists()


def test_nothing_is_on_the_input_and_nothing_of_ours_is_open_but_the_script(script, tmp_path):
    run(script('cat > input; ls -l /proc/self/fd > open; echo "$0" > own'))
    assert (tmp_path / "input").read_text() == ""
    own = (tmp_path / "own").read_text().strip().rpartition("/")[2]
    opened = dict(re.findall(r" (\d+) -> (.+)", (tmp_path / "open").read_text()))
    assert opened.pop(own) == f"{tmp_path}/hook.sh"
    assert set(opened) == {"0", "1", "2", "3"}


def test_n4_a_script_is_run_by_the_descriptor_that_was_judged(script, tmp_path, monkeypatch):
    """Somebody puts another file in its place at the last moment."""
    file, start = script("echo judged > ran"), asyncio.create_subprocess_exec

    async def late(*arguments, **options):
        file.unlink()
        script("echo not judged > ran")
        return await start(*arguments, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", late)
    run(file)
    assert (tmp_path / "ran").read_text() == "judged\n"


def test_n4_a_program_without_a_first_line_is_run_by_its_descriptor(tmp_path, caplog):
    file = tmp_path / "echo"
    shutil.copy(shutil.which("echo"), file)
    run(file)
    assert f"{file} phase1_up: phase1_up" in caplog.text


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_n4_a_script_is_judged_with_all_its_directories(tmp_path, caplog, depth):
    directory = tmp_path / "a" / "b" / "c"
    directory.mkdir(parents=True)
    file = directory / "hook.sh"
    file.write_text(f"#!/bin/sh\necho ran > {tmp_path}/ran\n")
    file.chmod(0o755)
    directory.parents[depth - 1].chmod(0o777) if depth else directory.chmod(0o777)
    run(file)
    assert "others could put another file: chmod go-w" in caplog.text
    assert not (tmp_path / "ran").exists()


def test_what_a_script_writes_is_readable_for_all(script, tmp_path):
    before = os.umask(0o077)
    try:
        run(script("echo x > written"))
    finally:
        os.umask(before)
    assert (tmp_path / "written").stat().st_mode & 0o777 == 0o644


def test_output_reaches_the_log_clean(script, caplog):
    run(script("printf 'plain\\n\\033[31mred\\007\\n'; echo wrong >&2; printf unended"))
    said = [record.getMessage().partition(": ")[2] for record in caplog.records]
    assert said == ["plain", "?[31mred?", "wrong", "unended"]


def test_output_is_bounded(script, caplog):
    run(
        script(
            "i=0; while [ $i -lt 400 ]; do echo $i; i=$((i+1)); done; head -c 300000 /dev/zero; echo; echo done > done"
        )
    )
    assert len(caplog.records) == MOST_LINES + 1
    assert all(len(record.getMessage()) < 700 for record in caplog.records)


def test_an_endless_line_does_not_stop_a_script(script, tmp_path, caplog):
    run(script("head -c 1000000 /dev/zero; echo done > done"))
    assert (tmp_path / "done").exists()
    assert all(len(record.getMessage()) < 700 for record in caplog.records)


def test_a_failing_script_is_told(script, caplog):
    run(script("exit 3"))
    assert "ended with status 3" in caplog.text


def test_no_script_no_word(caplog):
    asyncio.run(ScriptHooks({}).run("gw", UP, CONTEXT))
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda file: file.unlink(), "No such file"),
        (lambda file: file.chmod(0o644), "chmod +x"),
        (lambda file: file.chmod(0o777), "chmod go-w"),
        (lambda file: (file.unlink(), file.mkdir()), "not a file"),
        (lambda file: file.write_text("#!/nowhere/sh\n"), "first line"),
        (lambda file: file.write_bytes(b"\x7fnonsense"), "first line"),
    ],
)
def test_what_cannot_run_is_told_once_with_its_name(script, caplog, spoil, why):
    file = script("true")
    spoil(file)
    hooks = ScriptHooks({("gw", UP): file})

    async def twice() -> None:
        await hooks.run("gw", UP, CONTEXT)
        await hooks.run("gw", UP, CONTEXT)

    asyncio.run(twice())
    (record,) = caplog.records
    assert str(file) in record.getMessage()
    assert why in record.getMessage()


def gone(file):
    """Whether the process that noted its number there is: one that was ended before it noted anything is."""
    number = file.read_text() if file.exists() else ""
    return not number.endswith("\n") or not alive(int(number))


def test_a_script_that_hangs_is_ended_with_its_children(script, tmp_path, caplog):
    run(script("sleep 600 & echo $! > child; echo $$ > self; wait"), patience=QUICK)
    assert "did not end within 0.5 s" in caplog.text
    assert gone(tmp_path / "self")
    assert wait_until(lambda: gone(tmp_path / "child"))


def test_a_script_that_ignores_term_is_killed(script, tmp_path):
    run(script("trap '' TERM; echo $$ > self; while :; do sleep 0.1; done"), patience=QUICK)
    assert gone(tmp_path / "self")


def test_what_a_script_leaves_in_the_background_lives_and_does_not_hold_us(script, tmp_path, caplog):
    run(script("sleep 600 & echo $! > child; echo said"), patience=Patience(script=60, drain=0.1))
    child = int((tmp_path / "child").read_text())
    try:
        assert alive(child)
        assert "said" in caplog.text
        assert "did not end" not in caplog.text
    finally:
        os.kill(child, 9)


def test_scripts_of_one_remote_keep_their_order_and_never_overlap(script, tmp_path):
    up = script("echo up begins >> order; sleep 0.3; echo up ends >> order", "up.sh")
    down = script("echo down >> order", "down.sh")
    hooks = ScriptHooks({("gw", UP): up, ("gw", DOWN): down})

    async def both() -> None:
        first = asyncio.create_task(hooks.run("gw", UP, CONTEXT))
        await asyncio.sleep(0.05)
        await asyncio.gather(first, hooks.run("gw", DOWN, CONTEXT))

    asyncio.run(both())
    assert (tmp_path / "order").read_text().splitlines() == ["up begins", "up ends", "down"]


def test_remotes_do_not_wait_for_each_other(script, tmp_path):
    waits = script("while [ ! -e other ]; do sleep 0.05; done; echo met > met", "waits.sh")
    other = script("touch other", "other.sh")
    hooks = ScriptHooks({("a", UP): waits, ("b", UP): other})

    async def both() -> None:
        await asyncio.gather(hooks.run("a", UP, CONTEXT), hooks.run("b", UP, CONTEXT))

    asyncio.run(both())
    assert (tmp_path / "met").exists()


def test_a_cancelled_run_ends_its_script(script, tmp_path):
    os.mkfifo(tmp_path / "started")
    body = script("echo $$ > self; echo > started; exec sleep 600")
    hooks = ScriptHooks({("gw", UP): body}, Patience(grace=0.5))

    async def cut() -> None:
        task = asyncio.create_task(hooks.run("gw", UP, CONTEXT))
        await asyncio.to_thread((tmp_path / "started").read_text)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(cut())
    assert not alive(int((tmp_path / "self").read_text()))


def test_descriptors_are_not_leaked(script):
    hooks = ScriptHooks({("gw", UP): script("true")})

    async def count() -> tuple[int, int]:
        await hooks.run("gw", UP, CONTEXT)
        before = open_descriptors()
        for _ in range(5):
            await hooks.run("gw", UP, CONTEXT)
        return before, open_descriptors()

    before, after = asyncio.run(count())
    assert after <= before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_script_of_racoon_is_told_once_and_run(script, tmp_path, caplog):
    file = script("echo ran >> ran; setkey -FP 2>/dev/null; true")
    hooks = ScriptHooks({("gw", UP): file, ("gw", DOWN): file})
    asyncio.run(hooks.run("gw", UP, CONTEXT))
    asyncio.run(hooks.run("gw", DOWN, CONTEXT))
    (record,) = caplog.records
    assert "written for racoon" in record.getMessage()
    assert (tmp_path / "ran").read_text() == "ran\nran\n"


def test_a_script_is_wanted_for_its_own_remote_and_event_only(script):
    hooks = ScriptHooks({("gw", UP): script("true")})
    assert hooks.wants("gw", UP)
    assert not hooks.wants("gw", DOWN)
    assert not hooks.wants("another", UP)
