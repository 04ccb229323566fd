"""Logins by real modules of PAM, on passwd, shadow and services of our own: those that everybody has, and one of ours
that hangs, breaks and asks as no good module does."""

from __future__ import annotations

import asyncio
import hmac
import os
import struct
import subprocess
import sys
import time
from base64 import b32encode
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from far import until
from lotor.auth import Clock
from lotor.auth.beat import Beat
from lotor.auth.pam import PamLogins, PamSessions, SessionError, logins, modules, sessions
from lotor.auth.pam.modules import SCRIPT, WORDS, Modules
from lotor.auth.pam.places import Places
from lotor.config import pam
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reason import Cause
from lotor.model.reasons.logins import AnswerLate, BackEndFault, Busy, NotInGroup, RootNever
from lotor.model.secret import Secret
from lotor.ports.accounting import Record, Status
from lotor.store import Store
from lotor.warden.keepers import PamKeeper
from ports.test_ports_accounting import ALICE, GONE, USAGE

pytestmark = pytest.mark.root

HERE = Path(__file__).parent
SETUP = """
set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/etc
cp -a /etc/. /run/etc
rm -f /run/etc/shadow /run/etc/shadow- /run/etc/gshadow /run/etc/gshadow-
mount --bind /run/etc /etc
echo ready
exec cat
"""
UNIX = "auth required pam_unix.so\naccount required pam_unix.so\n"
OTP_SECRET = b"0123456789abcdefghij"
LONG_AGO, TODAY = 10000, int(time.time() // 86400)
DATES = {
    "alice": f"{TODAY}:0:99999:7:::",
    "expired": f"{TODAY}:0:99999:7::{LONG_AGO}:",
    "aged": f"{LONG_AGO}:0:30:7:::",
    "due": "0:0:99999:7:::",
    "soon": f"{TODAY - 27}:0:30:7:::",
}


def etc_of(holder: subprocess.Popen[bytes]) -> Path:
    return Path(f"/proc/{holder.pid}", "root", "etc")


def hashed(password: str) -> str:
    done = subprocess.run(["openssl", "passwd", "-5", password], capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Host:
    """A mount namespace with an /etc of its own. `start` puts the processes of PAM into it."""

    def __init__(self, holder: subprocess.Popen[bytes], module: Path) -> None:
        self.etc = etc_of(holder)
        self._module = module
        self._enter = ("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt")
        self.words = WORDS
        self.started: list[Modules] = []
        self.asked: list[tuple[str, tuple[Field, ...]]] = []

    def service(self, text: str, name: str = "racoon") -> None:
        """`TRIAL` stands for the module of ours."""
        (self.etc / "pam.d" / name).write_text(text.replace("TRIAL", str(self._module)))

    def start(self, ended, before: tuple[str, ...] = ()) -> Modules:
        self.started.append(Modules(ended, (*self._enter, *before, *self.words)))
        return self.started[-1]

    def logins(self, **more) -> PamLogins:
        return PamLogins("racoon", **{"beat": AT_ONCE, "start": self.start, **more})

    def login(self, user: str = "alice", password: str = "secret", *answers: str, **more):
        """What comes of it at the end; the questions on the way are in `asked`."""
        return asyncio.run(self._login(self.logins(**more), user, password, answers))

    async def _login(self, engine, user, password, answers):
        self.asked = []
        verdict = await engine.judge(attempt(user, password))
        for answer in answers:
            if not isinstance(verdict, Challenge):
                break
            self.asked.append((verdict.message, verdict.wants))
            verdict = await engine.judge(answering(verdict, user, answer))
        if isinstance(verdict, Challenge):
            await engine.abandon(verdict.conversation)
        await self.empty()
        return verdict

    async def empty(self):
        """Nothing is left of any process."""
        await until(lambda: not any(alive(each.pid) for each in self.started))


AT_ONCE = Beat(Clock(sleep=lambda _: asyncio.sleep(0)))


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def attempt(user: str = "alice", password: str = "secret", source: str = "198.51.100.7") -> LoginAttempt:
    return LoginAttempt(user, ((Field.PASSWORD, Secret(password)),), Peer(ip_address(source), 4500))


def answering(challenge: Challenge, user: str, answer: str) -> LoginAttempt:
    (wants,) = challenge.wants
    there = Peer(ip_address("198.51.100.7"), 4500)
    return LoginAttempt(user, ((wants, Secret(answer)),), there, challenge.conversation)


def code(now: float, secret: bytes = OTP_SECRET) -> str:
    """RFC 6238, six digits of SHA-1."""
    digest = hmac.digest(secret, struct.pack(">Q", int(now) // 30), "sha1")
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


@pytest.fixture(scope="module")
def module(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("pam") / "pam_trial.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", made, HERE / "pam_trial.c", "-lpam"], check=True
    )
    return made


@pytest.fixture(scope="module")
def holder() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", SETUP], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as made:
        assert made.stdout.readline() == b"ready\n"
        etc = etc_of(made)
        passwd = ["root:x:0:0::/:/bin/sh", "toor:x:0:0::/:/bin/sh"]
        passwd += [f"{user}:x:{4000 + n}:4000::/nonexistent:/usr/sbin/nologin" for n, user in enumerate(DATES)]
        stored = hashed("secret")
        shadow = [
            f"{user}:{stored}:{dates}"
            for user, dates in {**DATES, "root": DATES["alice"], "toor": DATES["alice"]}.items()
        ]
        (etc / "passwd").write_text("\n".join(passwd) + "\n")
        (etc / "shadow").write_text("\n".join(shadow) + "\n")
        (etc / "shadow").chmod(0o600)
        otp = etc / "otp"
        otp.mkdir(mode=0o700)
        (otp / "alice").write_text(
            f'{b32encode(OTP_SECRET).decode()}\n" WINDOW_SIZE 3\n" DISALLOW_REUSE\n" TOTP_AUTH\n'
        )
        (otp / "alice").chmod(0o600)
        yield made
        made.stdin.close()


@pytest.fixture
def host(holder, module, monkeypatch) -> Iterator[Host]:
    made = Host(holder, module)
    monkeypatch.setattr(pam, "DIRECTORIES", (made.etc / "pam.d",))
    yield made
    made.service(UNIX)


def trial(words: str, account: str = "") -> str:
    return f"auth required TRIAL {words}\naccount required TRIAL {account}\n"


# --- modules that everybody has --------------------------------------------------------------------------------------


def test_pam_unix_on_passwd_and_shadow(host):
    host.service(UNIX)
    assert host.login() == Accepted("alice")
    wrong, unknown = host.login("alice", "guess"), host.login("nobody-here")
    assert isinstance(wrong, Refused)
    assert isinstance(unknown, Refused)
    assert wrong.judged
    assert unknown.judged
    assert "Authentication failure" in wrong.reason.text
    assert (wrong.reason.message, wrong.reason.kind) == (unknown.reason.message, unknown.reason.kind)


@pytest.mark.parametrize("user", ["root", "toor"])
def test_root_never_gets_in_and_no_module_is_asked_for_it(host, user):
    host.service(trial("hang"))
    assert host.login(user) == Refused(RootNever(user))


def test_who_becomes_root_on_the_way_is_root(host):
    host.service(trial("user=toor"))
    assert host.login() == Refused(RootNever("alice"))


@pytest.mark.parametrize(
    ("user", "kind", "words"),
    [
        ("expired", "login-account-expired", "has expired"),
        ("aged", "login-password-due", "expired"),
        ("due", "login-password-due", "change your password"),
    ],
)
def test_an_account_that_is_over_says_so_to_who_has_the_password(host, user, kind, words):
    host.service(UNIX)
    told = host.login(user)
    assert (told.reason.kind.value, words in told.reason.message) == (kind, True), told
    assert host.login(user, "guess").reason.message == ""


def test_a_password_that_ends_soon_is_told_with_the_yes(host):
    host.service(UNIX)
    told = host.login("soon")
    assert isinstance(told, Accepted)
    assert "expire in" in told.grants.message


def test_a_second_factor_is_another_round(host):
    host.service(
        f"{UNIX.splitlines()[0]}\nauth required pam_google_authenticator.so secret=/etc/otp/${{USER}} user=root\n{UNIX}"
    )
    now = time.time()
    assert host.login("alice", "secret", code(now)) == Accepted("alice")
    assert host.asked == [("Verification code:", (Field.PASSCODE,))]
    again = host.login("alice", "secret", code(now))
    assert isinstance(again, Refused), "a code counts once"
    wrong = host.login("alice", "guess", code(now + 30))
    assert isinstance(wrong, Refused)
    assert host.asked == [("Verification code:", (Field.PASSCODE,))], "who guesses does not learn which half is wrong"


def test_the_phases_of_a_service(host):
    host.service("auth required pam_permit.so\naccount required pam_deny.so\n")
    denied = host.login()
    assert (denied.reason.step, denied.judged) == ("account", True)
    host.service("auth required pam_deny.so\naccount required pam_permit.so\n")
    assert host.login().reason.step == "auth"
    host.service("auth required pam_permit.so\naccount required pam_permit.so\nauth optional pam_echo.so hello, %u\n")
    accepted = host.login()
    assert (accepted.user, accepted.grants.message) == ("alice", "hello, alice")
    host.service("auth required pam_debug.so auth=perm_denied\naccount required pam_permit.so\n")
    assert "Permission denied" in host.login().reason.text


def test_groups_are_asked_for_the_name_that_the_modules_leave(host):
    host.service(trial("user=carol"))
    asked = []
    assert host.login(member=asked.append) == Accepted("carol")
    assert asked == ["carol"]
    nobody = NotInGroup("carol", "staff")
    assert host.login(member=lambda _: nobody) == Refused(nobody)


# --- modules that break ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("crash", "killed by SIGSEGV"),
        ("exit", "ended without a verdict (exit code 0)"),
        ("close", "ended without a verdict"),
        ("hang", "did not answer for 1 second and was killed"),
        ("leave_one_behind hang", "did not answer for 1 second and was killed"),
        ("leak", "cannot be used"),
        ("code=28", "cannot be used"),
        ("code=4", "cannot be used"),
    ],
)
def test_a_module_that_breaks_costs_its_login(host, monkeypatch, words, told):
    """It was no guess, nobody gets in, and nothing is left of it."""
    host.service(trial(words))
    if "hang" in words:
        monkeypatch.setattr(logins, "IN_MODULES", 1.0)
    refused = host.login()
    assert isinstance(refused.reason, BackEndFault), refused
    assert told in refused.reason.text
    assert not refused.judged
    host.service(UNIX)
    assert host.login() == Accepted("alice")


def test_a_process_that_nobody_ends_has_an_end(host, monkeypatch):
    """Of one that changed its user the kernel no longer thinks when the gateway dies."""
    short = f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import process; process.LONGEST_LIFE = 1; "
    words = (sys.executable, "-I", "-S", "-c", f"{short}process.main(int(sys.argv[1]))")
    host.service(trial("hang"))
    monkeypatch.setattr(host, "words", words)
    assert "killed by SIGALRM" in host.login().reason.text


def test_what_a_module_leaves_behind_ends_with_it(host):
    host.service(trial("leave_one_behind"))
    assert host.login() == Accepted("alice")
    asyncio.run(until(lambda: not of_session(host.started[0].pid)))


@pytest.mark.parametrize("ends", ["hang", ""])
def test_what_a_module_starts_in_a_session_of_its_own_ends_as_well(host, monkeypatch, ends):
    """As pam_exec does with each of its programs."""
    monkeypatch.setattr(logins, "IN_MODULES", 1.0)
    host.service(trial(f"start_one_in_a_session {ends}"))
    seen: list[int] = []
    whole = modules._family

    def family(pid: int) -> list[int]:
        seen.extend(found := whole(pid))
        return found

    monkeypatch.setattr(modules, "_family", family)
    host.login()
    assert seen
    asyncio.run(until(lambda: not any(map(_session, (Path(f"/proc/{each}/stat") for each in seen)))))


def of_session(number: int) -> list[Path]:
    return [each for each in Path("/proc").glob("[0-9]*/stat") if _session(each) == number]


def _session(stat: Path) -> int:
    """0 of a process that is gone, or has ended and was not waited for."""
    try:
        state, _, _, session, *_ = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if state == "Z" else int(session)


def test_a_service_or_a_module_that_is_not_there_is_a_fault_and_no_refusal(host):
    host.service("auth required pam_no_such_module.so\naccount required pam_permit.so\n")
    assert host.login().reason.cause is Cause.NOT_JUDGED
    (host.etc / "pam.d" / "racoon").unlink()
    (host.etc / "pam.d" / "other").write_text("auth required pam_permit.so\naccount required pam_permit.so\n")
    missing = host.login()
    assert "pam.d/racoon is missing" in missing.reason.text
    assert missing.reason.cause is Cause.NOT_JUDGED


def test_a_module_that_wants_a_pause_holds_nobody_up(host):
    """pam_fail_delay: the throttle slows guesses down, and this process is one of few."""
    host.service(trial("fail_slowly"))
    assert host.login().judged


# --- conversations ---------------------------------------------------------------------------------------------------


def test_prompts_become_rounds_and_texts_become_messages(host):
    host.service(trial("say=welcome hidden=secret,Password: say=careful seen=blue,Colour? hidden=1234,PIN? say=bye"))
    accepted = host.login("alice", "secret", "blue", "1234")
    assert host.asked == [("welcome\ncareful\nColour?", (Field.ANSWER,)), ("PIN?", (Field.PASSCODE,))]
    assert (accepted.user, accepted.grants.message) == ("alice", "bye")
    assert isinstance(host.login("alice", "secret", "green", "1234"), Refused)


def test_the_same_prompt_once_more_is_for_the_same_password(host):
    """As two modules of a service ask, each by itself."""
    host.service(trial("hidden=secret,Password: hidden=secret,Password:"))
    assert host.login() == Accepted("alice")


def test_several_messages_at_once(host):
    host.service(trial("together"))
    assert host.login("alice", "secret", "blue") == Accepted("alice")
    assert host.asked == [("three at once\nColour?", (Field.ANSWER,))]


def test_a_module_that_wants_the_name_once_more_gets_it(host):
    host.service(trial("ask_user"))
    assert host.login() == Accepted("alice")


def test_modules_know_where_somebody_comes_from(host):
    host.service(trial("item=4,198.51.100.7 item=3,lotor item=8,alice item=1,racoon"))
    assert host.login() == Accepted("alice")


def test_what_modules_say_is_cleaned_and_has_a_bound(host):
    host.service(trial("noise=90 code=7"))
    said = host.login().reason.message
    assert "\033" not in said
    assert 900 < len(said) <= 1024


@pytest.mark.parametrize(
    ("user", "password"),
    [("alice", ""), ("alice", "p" * 1025), ("alice", "a\0b"), ("u" * 65, "secret"), ("a\0", "secret")],
)
def test_what_no_account_can_have_starts_no_process(host, user, password):
    host.service(trial("code=0"))
    assert host.login(user, password).judged
    assert host.started == []


def test_whoever_gives_up_ends_the_process(host):
    host.service(trial("seen=1,Code?"))

    async def played():
        engine = host.logins()
        challenge = await engine.judge(attempt())
        await engine.abandon(challenge.conversation)
        await engine.abandon(challenge.conversation)
        await host.empty()
        late = await engine.judge(answering(challenge, "alice", "1"))
        assert isinstance(late.reason, AnswerLate)
        assert not late.judged

    asyncio.run(played())


def test_whoever_does_not_wait_for_a_module_ends_its_process(host):
    host.service(trial("hang"))

    async def played():
        waits = asyncio.ensure_future(host.logins().judge(attempt()))
        await until(lambda: host.started)
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        await host.empty()

    asyncio.run(played())


def test_a_flood_from_one_place_leaves_a_place_for_another(host):
    """All places wait for people of one network: the newest of them gives way to a stranger, whose answer counts."""
    host.service(trial("seen=1,Code?"))

    async def played():
        engine = host.logins(places=Places(3, room=2))
        flood = [await engine.judge(attempt(f"u{each}")) for each in range(3)]
        waits = asyncio.ensure_future(engine.judge(attempt("u4")))
        other = await engine.judge(attempt("alice", source="203.0.113.9"))
        assert await engine.judge(answering(other, "alice", "1")) == Accepted("alice")
        assert isinstance(await waits, Challenge)
        pushed = [await engine.judge(answering(each, "u", "1")) for each in flood]
        assert [isinstance(each, Accepted) for each in pushed] == [True, True, False]
        assert isinstance(pushed[-1].reason, AnswerLate)
        await engine.abandon((await waits).conversation)
        await host.empty()

    asyncio.run(played())


def test_a_flood_that_waits_takes_no_place_that_was_made_for_another(host):
    """One of the flood waits already as the stranger comes, so that it has its turn: it gives the place up again."""
    host.service(trial("seen=1,Code?"))

    async def played():
        engine = host.logins(places=(places := Places(3, room=2)))
        flood = [await engine.judge(attempt(f"u{each}")) for each in range(3)]
        waits = asyncio.ensure_future(engine.judge(attempt("u4")))
        await until(lambda: places.waiting == 1)
        other = await engine.judge(attempt("alice", source="203.0.113.9"))
        assert await engine.judge(answering(other, "alice", "1")) == Accepted("alice")
        last = [await engine.judge(answering(each, "u", "1")) for each in (*flood, await waits)]
        assert [isinstance(each, Accepted) for each in last] == [True, True, False, False]
        await host.empty()

    asyncio.run(asyncio.wait_for(played(), 60))


def test_more_than_may_wait_are_told_at_once(host):
    host.service(trial("seen=1,Code?"))

    async def played():
        engine = host.logins(places=Places(1, room=1))
        first = await engine.judge(attempt())
        second = asyncio.ensure_future(engine.judge(attempt()))
        await until(lambda: engine._places.waiting)
        third = await engine.judge(attempt())
        assert isinstance(third.reason, Busy)
        await engine.abandon(first.conversation)
        await engine.abandon((await second).conversation)
        await host.empty()

    asyncio.run(played())


# --- what is in such a process ---------------------------------------------------------------------------------------


def test_nothing_of_the_gateway_is_in_it(host, monkeypatch):
    monkeypatch.setenv("LOTOR_SECRET", "of the service manager")
    host.service(trial("seen=1,Code?"))

    async def played():
        engine = host.logins()
        challenge = await engine.judge(attempt())
        process = Path(f"/proc/{host.started[0].pid}")
        variables = {each.partition(b"=")[0] for each in (process / "environ").read_bytes().split(b"\0") if each}
        descriptors = {each.readlink().name for each in (process / "fd").iterdir()}
        status = dict(line.split(":\t") for line in (process / "status").read_text().splitlines() if ":\t" in line)
        mapped = (process / "maps").read_text()
        arguments = (process / "cmdline").read_bytes()
        await engine.abandon(challenge.conversation)
        await host.empty()
        assert variables <= {b"PATH", b"TZ", b"LD_LIBRARY_PATH"}
        assert {each.partition(":")[0] for each in descriptors} == {"null", "socket"}
        assert len(descriptors) == 2
        assert status["Umask"] == "0077"
        assert "_native" not in mapped
        assert b"secret" not in arguments
        assert os.getsid(0) != int(status["Pid"])

    asyncio.run(played())


def test_it_works_with_the_rights_and_the_bounds_of_the_packaged_service(host):
    """The capabilities of the warden, no program that gains rights, and no memory that was written becomes code."""
    host.service(UNIX)
    confined = "chown,dac_read_search,net_bind_service,net_admin,net_raw,setuid,setgid,setpcap,kill,audit_write"
    bound = ",".join(f"+{each}" for each in confined.split(","))
    before = ("setpriv", "--bounding-set", f"-all,{bound}", "--inh-caps", "-all", "--no-new-privs")
    write_execute = (
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(65, 1, 0, 0, 0); os.execvp(sys.argv[1], sys.argv[1:])"
    )

    def start(ended):
        return host.start(ended, (*before, sys.executable, "-c", write_execute))

    assert host.login(start=start) == Accepted("alice")
    assert isinstance(host.login(password="guess", start=start), Refused)


# --- sessions --------------------------------------------------------------------------------------------------------


def test_a_session_is_opened_and_closed_in_two_processes_with_what_the_first_left(host):
    async def played():
        sessions = PamSessions("racoon", start=host.start)
        host.service(f"{UNIX}session required TRIAL put=TICKET=42 item=2,alice item=4,198.51.100.7\n")
        left = await sessions.open("alice", "198.51.100.7")
        await host.empty()
        assert left == (b"TICKET=42",)
        host.service(f"{UNIX}session required TRIAL has=TICKET:42\n")
        await sessions.close("alice", "198.51.100.7", left)
        with pytest.raises(SessionError, match="session"):
            await sessions.close("alice", "198.51.100.7", ())
        await host.empty()
        assert len({each.pid for each in host.started}) == 3

    asyncio.run(played())


def test_a_session_that_cannot_be_opened_says_why(host):
    host.service(f"{UNIX}session required TRIAL code=14\n")
    with pytest.raises(SessionError, match="session"):
        asyncio.run(PamSessions("racoon", start=host.start).open("alice", "198.51.100.7"))
    host.service(UNIX)
    with pytest.raises(SessionError, match="has no line for session"):
        asyncio.run(PamSessions("racoon", start=host.start).open("alice", "198.51.100.7"))
    host.service(f"{UNIX}session required TRIAL crash\n")
    with pytest.raises(SessionError, match="SIGSEGV"):
        asyncio.run(PamSessions("racoon", start=host.start).open("alice", "198.51.100.7"))


@pytest.mark.parametrize("user", ["root", "toor"])
def test_root_has_no_session_and_no_module_is_asked_for_one(host, user):
    """Where certificates alone admit people, a daemon in an attacker's hands tells of sessions of anybody."""
    host.service(f"{UNIX}session required TRIAL hang\n")
    with pytest.raises(SessionError, match="it is an account of root"):
        asyncio.run(PamSessions("racoon", start=host.start).open(user, "198.51.100.7"))


NOTE = """#!/bin/sh
echo "$PAM_TYPE $PAM_SERVICE $PAM_USER $PAM_RHOST $TICKET" >>NOTES
"""


def test_accounting_pam_opens_and_closes_with_real_modules(host, tmp_path, monkeypatch, caplog):
    """The gateway ends in between. A service that hangs costs its own sessions."""
    monkeypatch.setattr(sessions, "IN_MODULES", 3.0)
    notes, program = tmp_path / "notes", tmp_path / "note"
    program.write_text(NOTE.replace("NOTES", str(notes)))
    program.chmod(0o700)
    noted = f"session required pam_exec.so {program}\n"
    host.service(f"{UNIX}session required TRIAL put=TICKET=42\n{noted}")
    host.service(f"{UNIX}session required TRIAL hang\n{noted}", "hangs")
    start, stop = Record(Status.START, 1.0, ALICE), Record(Status.STOP, 2.0, ALICE, USAGE, GONE)

    async def told(service, *records):
        store = Store(tmp_path / "lotor.db")
        await store.open()
        keeper = PamKeeper(store, lambda: service, lambda name: PamSessions(name, start=host.start))
        await asyncio.gather(*(keeper.take(each) for each in records))
        await store.close()
        await host.empty()

    asyncio.run(told("racoon", start))
    host.service(f"{UNIX}{noted}")
    bob = replace(start, account=replace(ALICE, id="5f3a-9", user="bob"))
    asyncio.run(told("hangs", start, stop, bob))
    asyncio.run(told("hangs", stop, replace(bob, status=Status.STOP)))
    assert notes.read_text().splitlines() == [
        f"{each}_session racoon alice 198.51.100.7 42" for each in ("open", "close")
    ]
    (line,) = [each for each in caplog.messages if "bob" in each]
    assert "was not opened: the process of PAM service hangs did not answer for 3 seconds" in line
    (host.etc / "pam.d" / "hangs").unlink()
