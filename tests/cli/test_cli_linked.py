"""`lotor profile --link`: the whole of it, and a process of it that misbehaves."""

from __future__ import annotations

import asyncio
import os
import plistlib
import signal
import socket
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import vacant
from cli_link import Running, made_keys
from lab.node import children
from looped import looped
from lotor.cli import linked
from lotor.cli.linked import AT_ONCE, MOST_LINES, Attendance, Linked, told
from lotor.cli.main import lotor
from lotor.crypto.private.keypair import generate_key
from lotor.daemon.exits import Exit, StartError
from lotor.links.requests import Request
from lotor.links.site import Site
from lotor.links.task import Document, Shows
from lotor.model.algorithms import Curve
from lotor.privsep.linking import SIGN_HANDSHAKE, VISITED, Handshake, Visit, What
from lotor.privsep.living import FAILED, READY, StartFailure
from lotor.profiles.facts import Device, File
from lotor.profiles.page import Offer
from paired import line

CONTEXT = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"
FETCHED = Visit(What.FETCHED, "198.51.100.7", "ios", "a.mobileconfig")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return made_keys(tmp_path_factory.mktemp("keys"))


def test_a_link_from_its_beginning_to_its_end(keys):
    running = Running(keys, "--gateway", "127.0.0.1")
    try:
        assert running.link.startswith(f"https://127.0.0.1:{running.port}/")
        assert len(running.link.rsplit("/", 1)[1]) == 32
        (server,) = children(running.process.pid)
        rights = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{server}/status").read_text().splitlines() if ":\t" in line
        )
        assert (rights["CapPrm"], rights["NoNewPrivs"], rights["Seccomp"]) == ("0" * 16, "1", "2")
        if os.geteuid() == 0:
            assert "0" not in rights["Uid"].split()
        page = running.get(agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)").read().decode()
        assert "Set up the VPN on your iPhone or iPad" in page
        file = running.get("/ios/127.0.0.1.mobileconfig")
        assert file.headers["Content-Type"] == "application/x-apple-aspen-config"
        assert b"127.0.0.1" in file.read()
        assert running.get("/windows/127.0.0.1.ps1").status == 410
    finally:
        code, said, faults = running.end()
    assert (code, faults) == (0, "")
    assert "looked at from 127.0.0.1 (iPhone or iPad)" in said
    assert "127.0.0.1.mobileconfig fetched from 127.0.0.1 (iPhone or iPad)" in said
    assert "refused to 127.0.0.1 (Windows)" in said
    assert "SHA-256 " in said


def test_ctrl_c_before_anybody_came(keys):
    running = Running(keys, "--for", "windows", "--public")
    (server,) = children(running.process.pid)
    code, said, _ = running.end(signal.SIGTERM)
    assert code == int(Exit.INTERRUPTED)
    assert "SHA-256" not in said, "browsers know the authority"
    assert not Path(f"/proc/{server}").exists()


@pytest.fixture
def typed(keys, monkeypatch):
    """The command, without a process: what it would offer."""
    offered = []
    monkeypatch.setattr(linked, "offer", offered.append)

    def run(*words):
        done = CliRunner().invoke(lotor, ["profile", "alice", "-f", str(keys / "racoon.conf"), "--link", *words])
        return done, offered

    return run


def test_all_devices_or_those_that_are_named(typed):
    assert typed()[0].exit_code == 0
    done, offered = typed("--for", "ios", "--for", "android", "--listen", "[::1]:8443", "--unsigned")
    assert done.exit_code == 0
    assert list(offered[0].files) == list(Device)
    assert list(offered[1].files) == [Device.IOS, Device.ANDROID]
    assert (offered[0].where, offered[1].where) == (("", 443), ("::1", 8443))
    assert plistlib.loads(offered[1].files[Device.IOS].content)["PayloadType"] == "Configuration"


def test_a_device_without_a_profile_is_left_out_or_refused(typed):
    done, offered = typed("--ikev1")
    assert list(offered[0].files) == [Device.IOS, Device.MACOS, Device.LOTOR]
    assert "not for windows: windows has no profile of IKEv1" in done.output
    assert typed("--ikev1", "--for", "windows")[0].exit_code == 2


def test_a_fault_of_the_gateway_is_told_once(tmp_path):
    done = CliRunner().invoke(lotor, ["profile", "alice", "--link", "-f", str(tmp_path / "racoon.conf")])
    assert isinstance(done.exception, StartError)
    assert str(done.exception).startswith(f"there is no configuration {tmp_path / 'racoon.conf'}: type this on the")
    assert "not for" not in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--force",), "--link writes no file"),
        (("-o", "/tmp"), "--link writes no file"),
        (("--listen", "0"), "neither PORT nor ADDRESS:PORT"),
        (("--listen", "vpn.example.net:443"), "neither PORT nor ADDRESS:PORT"),
        (("--listen", "70000"), "neither PORT nor ADDRESS:PORT"),
        (("--for", "android", "--on-demand"), "--on-demand is for ios and macos"),
    ],
)
def test_what_does_not_go_together(typed, words, said):
    done, offered = typed(*words)
    assert (done.exit_code, offered) == (2, [])
    assert said in done.output


def test_without_a_link_there_is_one_device(keys, tmp_path):
    for words in ((), ("--for", "ios", "--for", "macos")):
        done = CliRunner().invoke(
            lotor, ["profile", "alice", "-f", str(keys / "racoon.conf"), "-o", str(tmp_path), *words]
        )
        assert (done.exit_code, "--for names the device" in done.output) == (2, True)


def test_a_port_that_is_taken_is_told_with_what_helps(typed, keys, monkeypatch):
    monkeypatch.undo()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ["profile", "alice", "--link", "--listen", f"127.0.0.1:{port}", "-f", str(keys / "racoon.conf")]
        done = CliRunner().invoke(lotor, words)
    assert isinstance(done.exception, StartError)
    assert done.exception.code is Exit.BUSY
    assert f"cannot listen at 127.0.0.1 {port}: Address already in use; --listen takes another port" in str(
        done.exception
    )


def test_links_as_browsers_ask_for_them():
    assert linked.link_of(linked.host_of("VPN.example.net"), 443, "k3jv") == "https://vpn.example.net/k3jv"
    assert linked.link_of(linked.host_of("192.0.2.1"), 8443, "k3jv") == "https://192.0.2.1:8443/k3jv"
    assert linked.link_of(linked.host_of("2001:db8::1"), 443, "k3jv") == "https://[2001:db8::1]/k3jv"
    assert linked.host_of("2001:DB8::1") == "[2001:db8::1]"


def test_each_page_and_file_is_found_at_its_link():
    file = File("a.conf", b"conf", ("Save it.",), File("ca.pem", b"pem"))
    documents = linked.documents(
        Offer("gw", "alice", "/t", "later", False, {Device.STRONGSWAN: file, Device.IOS: File("a.mobileconfig", b"x")})
    )
    site = Site("gw", "t", documents)
    for path in ("", "/strongswan", "/strongswan/a.conf", "/strongswan/ca.pem", "/ios"):
        assert site.answer(Request("GET", f"/t{path}", "gw", ""), "192.0.2.1", 0).status == 200
    kept = {each.path: (each.media, each.keep) for each in documents if each.name}
    assert kept["ios/a.mobileconfig"] == ("application/x-apple-aspen-config", False)
    assert kept["strongswan/ca.pem"] == ("application/octet-stream", True)


def test_of_one_device_alone_nobody_is_asked_which_it_is():
    documents = linked.documents(Offer("gw", "alice", "/t", "later", False, {Device.IOS: File("a.mobileconfig", b"x")}))
    site = Site("gw", "t", documents)
    answers = [site.answer(Request("GET", f"/t{path}", "gw", ""), "192.0.2.1", 0).body for path in ("", "/ios")]
    assert answers[0] == answers[1]
    assert b"iPhone" in answers[0]


def test_what_is_too_long_for_the_process_is_told(keys, typed, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(linked, "documents", lambda offered: [Document("", Shows.PAGE, "", "", bytes(100_000))])
    done = CliRunner().invoke(
        lotor, ["profile", "alice", "--link", "--listen", f"127.0.0.1:{vacant.port()}", "-f", str(keys / "racoon.conf")]
    )
    assert isinstance(done.exception, StartError), done.output
    assert str(done.exception).startswith("no process of the link: ")


def attendance(known=False):
    own = SimpleNamespace(chain=(SimpleNamespace(der=b"certificate"),))
    of = Linked(own, generate_key(Curve.P256), "vpn.example.net", "alice", known, {}, ("", 443))
    return Attendance(of, "https://vpn.example.net/k3jv", datetime(2026, 11, 30, 12, 10, tzinfo=UTC))


@looped
async def test_an_owned_process_has_handshakes_signed_and_no_more():
    async with line(attendance().rows()) as (asker, _):
        assert (await asker.ask(SIGN_HANDSHAKE, Handshake(0x0403, CONTEXT + bytes(32)))).value
        for message in (b"", bytes(200), CONTEXT + bytes(100), CONTEXT.replace(b"server", b"client") + bytes(32)):
            assert (await asker.ask(SIGN_HANDSHAKE, Handshake(0x0403, message))).value is None


@looped
async def test_an_owned_process_has_no_more_signed_than_people_come():
    async with line(attendance().rows()) as (asker, _):
        asked = (asker.ask(SIGN_HANDSHAKE, Handshake(0x0403, CONTEXT + bytes(32))) for _ in range(2 * AT_ONCE))
        signed = [each.value is not None for each in await asyncio.gather(*asked)]
        assert AT_ONCE <= sum(signed) < 2 * AT_ONCE


@looped
async def test_what_an_owned_process_tells_moves_no_cursor(capsys):
    async with line(attendance().rows()) as (asker, _):
        await asker.ask(READY, None)
        await asker.ask(READY, None)
        await asker.ask(VISITED, Visit(What.FETCHED, "\x1b[2J" + "9" * 500, "\x1b]0;", "a\nb\x07"))
        await asker.ask(FAILED, StartFailure("\x1b[31m", "", 1))
    said = capsys.readouterr().out
    assert said.count("https://vpn.example.net/k3jv") == 1
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "9" * 65 not in said


@looped
async def test_an_owned_process_writes_no_more_lines_than_a_person_reads(capsys):
    async with line(attendance().rows()) as (asker, _):
        for _ in range(MOST_LINES + 20):
            await asker.ask(VISITED, FETCHED)
    assert len(capsys.readouterr().out.splitlines()) == MOST_LINES


def test_every_visit_has_its_line():
    assert told(FETCHED).startswith("a.mobileconfig fetched from 198.51.100.7 (iPhone or iPad)")
    assert told(Visit(What.LOOKED, "198.51.100.7", "")) == "looked at from 198.51.100.7"
    assert "somebody else has it" in told(Visit(What.REFUSED, "198.51.100.7", "ios"))
