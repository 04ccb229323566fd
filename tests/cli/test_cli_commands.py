"""The commands as a person and a script use them: words, exit codes, one line of reason, and no secret on the way."""

from __future__ import annotations

import grp
import json
import os
import pty
import pwd
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from lotor.cli import locate, terminal
from lotor.cli.details import table
from lotor.cli.main import COMMANDS, RACOONCTL, lotor, racoonctl_group
from lotor.cli.quantities import duration, octets
from lotor.control.listening import Address, listen
from lotor.control.messages import (
    Answer,
    Connect,
    Connected,
    Debug,
    Disconnect,
    Disconnected,
    Done,
    Events,
    Explain,
    Explained,
    Failed,
    Happened,
    Logout,
    Progress,
    Prompt,
    Reload,
    Report,
    Status,
    decode_request,
    encode,
)
from lotor.daemon.exits import CAUSES, MEANINGS, Exit, code_of, document
from lotor.model.prompt import Field
from lotor.model.reason import Cause
from lotor.model.secret import Secret
from statuses import PEERS, VIEW, WARDEN

PROGRAM = [sys.executable, "-m", "lotor.cli.main"]
RACOONCTL_PROGRAM = [sys.executable, "-c", "from lotor.cli.main import racoonctl; racoonctl()"]
ME = pwd.getpwuid(os.getuid()).pw_name
MY_GROUP = grp.getgrgid(os.getgid()).gr_name
BANNER = "                     Flying pigs LTD\n\n Welcome to our internal network, remote user.\n"


class FakeDaemon:
    """Answers the requests of one connection after the other from a script; `requests` is what came."""

    def __init__(self, path: Path, *script):
        self.path, self.script, self.requests = path, list(script), []
        self.listener = listen(Address(path, ME, MY_GROUP))
        self.listener.setblocking(True)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as lines:
            for number, response in enumerate(self.script):
                if number == 0 or isinstance(self.script[number - 1], Prompt):
                    line = lines.readline()
                    if not line:
                        return
                    self.requests.append(decode_request(line))
                connection.sendall(encode(response))

    def close(self):
        self.thread.join(60)
        self.listener.close()


@pytest.fixture
def daemon(tmp_path):
    made = []

    def make(*script):
        made.append(FakeDaemon(tmp_path / "lotor.sock", *script))
        return made[-1]

    yield make
    for each in made:
        each.close()


def run(words, path, program=PROGRAM, **options):
    return subprocess.run(
        [*program, *words, "-s", str(path)], capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_vc_shows_address_and_banner_as_the_howto_does(daemon):
    fake = daemon(Prompt(("password",)), Connected("10.99.99.3", BANNER))
    done = run(["vc", "-u", "username", "--password-stdin", "192.0.2.50"], fake.path, input="swordfish\n")
    frame = "=" * 58
    assert done.stdout == f"Bound to address 10.99.99.3\n{frame}\n{BANNER.rstrip()}\n{frame}\n"
    assert (done.returncode, done.stderr) == (0, "")
    assert fake.requests == [Connect("192.0.2.50", "username"), Answer({Field.PASSWORD: Secret("swordfish")})]


def test_vd_says_that_the_connection_is_terminated(daemon):
    fake = daemon(Disconnected(1))
    assert run(["vd", "192.0.2.50"], fake.path).stdout == "VPN connection terminated\n"
    assert fake.requests == [Disconnect("192.0.2.50")]


def test_an_existing_tunnel_is_told_and_no_failure(daemon):
    done = run(["connect", "192.0.2.50"], daemon(Connected("10.99.99.3", "", already=True)).path)
    assert done.stdout == "already connected to 192.0.2.50\nBound to address 10.99.99.3\n"
    assert done.returncode == 0


@pytest.mark.parametrize("cause", Cause)
def test_each_reason_is_one_line_and_has_its_own_code(daemon, cause):
    done = run(["vc", "192.0.2.50"], daemon(Failed("the reason in a sentence", cause.name)).path)
    assert done.stderr == "lotor: the reason in a sentence\n"
    assert done.stdout == ""
    assert done.returncode == CAUSES[cause]


def test_exit_codes_are_distinct_documented_and_complete():
    assert len(set(CAUSES.values())) == len(Cause)
    assert set(CAUSES) == set(Cause)
    assert set(MEANINGS) == set(Exit)
    assert code_of("") == code_of("NONSENSE") == Exit.FAILED
    assert (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text() == document()


@pytest.mark.parametrize("words", [["vc", "192.0.2.50"], ["vd", "192.0.2.50"], ["status"], ["events"], ["reload"]])
def test_without_a_daemon_the_person_is_told_what_to_do(tmp_path, words):
    done = run(words, tmp_path / "nothing.sock")
    assert done.returncode == Exit.NO_DAEMON
    assert done.stderr.count("\n") == 1
    assert "is it running? start it with: lotor daemon" in done.stderr


def test_a_password_that_is_refused_is_not_asked_for_again_on_standard_input(daemon):
    fake = daemon(Prompt(("password",)), Prompt(("password",), "again"), Failed("refused", "LOGIN_REFUSED"))
    done = run(["vc", "-u", "a", "--password-stdin", "192.0.2.50"], fake.path, input="wrong\nsecond line\n")
    assert (done.returncode, done.stderr) == (Exit.LOGIN_REFUSED, "lotor: refused\n")
    assert fake.requests[1:] == [Answer({Field.PASSWORD: Secret("wrong")}), Answer(None)]


NOBODY = Failed("no answer", "NO_ANSWER", "look for a firewall")


def test_who_waits_at_a_terminal_hears_more_than_a_script(daemon):
    words = ["vc", "-u", "alice", "192.0.2.50", "-s"]
    fake = daemon(Prompt(("password",)), Progress("no answer yet"), NOBODY)
    screen, code = type_into([*words, str(fake.path)], b"x\n")
    fake.close()
    assert code == Exit.NO_ANSWER
    assert screen.replace("\r", "").endswith("no answer yet\nlotor: no answer\nwhat to do: look for a firewall\n")
    again = daemon(Progress("no answer yet"), NOBODY)
    done = run(words[:-1], again.path)
    assert (done.returncode, done.stdout, done.stderr) == (Exit.NO_ANSWER, "", "lotor: no answer\n")


def test_nobody_at_a_terminal_is_one_line_and_an_empty_answer(daemon):
    fake = daemon(Prompt(("password",)), Failed("no login was given", "LOGIN_DECLINED"))
    done = run(["vc", "-u", "a", "192.0.2.50"], fake.path, stdin=subprocess.DEVNULL, start_new_session=True)
    assert done.returncode == Exit.LOGIN_DECLINED
    (line,) = done.stderr.splitlines()
    assert line == "lotor: there is no terminal to ask for the password: use --password-stdin, or psk.txt"
    assert fake.requests[1] == Answer(None)


def type_into(words, typed, *, program=PROGRAM):
    """Runs a program on a terminal of its own; what the screen showed and the exit code."""
    child, screen = pty.fork()
    if child == 0:
        os.environ["NO_COLOR"] = "1"
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in the background ignores it, and so would the program
        os.execv(program[0], [*program, *words])
    shown = b""
    while b"Password: " not in shown:
        shown += os.read(screen, 1000)
    os.write(screen, typed)
    while True:
        try:
            more = os.read(screen, 1000)
        except OSError:
            break
        if not more:
            break
        shown += more
    _, status = os.waitpid(child, 0)
    os.close(screen)
    return shown.decode(), os.waitstatus_to_exitcode(status)


def test_a_typed_password_is_not_shown(daemon):
    fake = daemon(Prompt(("password",), "Enter your password"), Connected("10.99.99.3"))
    screen, code = type_into(["vc", "-u", "alice", "192.0.2.50", "-s", str(fake.path)], b"sw\xc3\xb6rdfish\n")
    assert code == 0
    assert "Enter your password" in screen
    assert "Bound to address 10.99.99.3" in screen
    assert "rdfish" not in screen
    assert fake.requests[1] == Answer({Field.PASSWORD: Secret("swördfish".encode())})


def test_ctrl_c_at_the_prompt_ends_the_command(daemon):
    fake = daemon(Prompt(("password",)), Connected("10.99.99.3"))
    screen, code = type_into(["vc", "-u", "alice", "192.0.2.50", "-s", str(fake.path)], b"\x03")
    assert code == Exit.INTERRUPTED
    assert "Traceback" not in screen
    fake.thread.join(60)
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "words", [["-s", "{}", "vc", "-u", "u", "gw"], ["-l", "-d", "-s", "{}", "vpn-connect", "-u", "u", "gw"]]
)
def test_racoonctl_is_understood(daemon, words):
    fake = daemon(Connected("10.99.99.3"))
    done = subprocess.run(
        [*RACOONCTL_PROGRAM, *(word.format(fake.path) for word in words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "Bound to address 10.99.99.3\n", done
    assert fake.requests == [Connect("gw", "u")]


def test_status_fits_80_columns_and_json_is_the_view_itself(daemon):
    fake = daemon(Report(VIEW))
    text = run(["status", "-v"], fake.path, env={**os.environ, "TZ": "Asia/Kolkata"}).stdout
    fake.close()
    assert max(map(len, text.splitlines())) <= 80
    for word in (
        "alice",
        "3 attempts failed since the start",
        "198.51.100.10:53778",
        "2026-05-01 17:33",
        "client program: Apple (iOS, iPadOS, macOS)",
        "now: 1.2 MB/s in, 999 B/s out; 1.2 % of the peer's packets lost; 12",
        "packets of the peer that did not come: 11",
        "10.99.99.1",
        "aes-128/sha1/modp1024",
        "42 min",
    ):
        assert word in text
    assert "12.3 MB in, 999 octets out" in text
    assert "refused packets: 2 forged" in text
    assert "warning: dh_group 2 (modp1024) is weak" in text
    again = daemon(Report(VIEW))
    assert json.loads(run(["status", "--json"], again.path).stdout) == VIEW
    assert again.requests == [Status()]


def test_sessions_with_several_pairs_tell_whose_traffic_each_is():
    (session,) = VIEW["sessions"]
    (pair,) = session["children"]
    other = {**pair, "id": 2, "ours": ["2001:db8:1::/64"], "theirs": ["2001:db8:99::1/128"], "compression": "deflate"}
    both = {**session, "address6": "2001:db8:99::1", "children": [pair, other]}
    text = " ".join(table({**VIEW, "sessions": [both]}).split())
    assert "IPv6 address 2001:db8:99::1" in text
    assert "SA pair 1 (0.0.0.0/0 and 10.99.99.1/32): aes-128, at most 20 Mbit/s, SPI" in text
    assert "SA pair 2 (2001:db8:1::/64 and 2001:db8:99::1/128): aes-128, deflate, at most 20 Mbit/s, SPI" in text
    assert "offloads that are off: uso, udp_gro" in text
    assert "keepalive" not in text
    tailed = {**VIEW, "offloads": {**VIEW["offloads"], "udp_segment_tail": True}}
    assert (
        "udp_segment: a keepalive ends what leaves by one call, which this kernel would garble otherwise"
        in " ".join(table(tailed).split())
    )
    assert "lost to the rate limit: 7 packets" in text
    assert "lost to overload: 5 packets" in text
    assert max(map(len, table({**VIEW, "sessions": [both]}).splitlines())) <= 80


def test_status_tells_which_engine_carries_esp_and_why():
    engine = {"name": "userspace", "why": "engine auto: nothing asks for the kernel's", "device": "lotor0", "mtu": 1438}
    lines = table({**VIEW, "engine": engine}).splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "ESP: userspace (engine auto: nothing asks for the kernel's), device lotor0, MTU 1438" in text
    assert "offloads that are off: uso, udp_gro" in text
    kernel = {**engine, "name": "kernel", "why": "engine kernel"}
    text = table({**VIEW, "engine": kernel})
    assert "ESP: kernel (engine kernel), device lotor0, MTU 1438" in text
    assert "offloads" not in text, "they are those of the engine in user space"


def test_status_tells_the_processes_and_what_each_may_do():
    lines = table({**VIEW, "sessions": []}).splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "warden 42 as root, capabilities: chown, dac_read_search, kill, net_admin" in text
    assert (
        "daemon 43 as lotor, capabilities: none; files by Landlock 6, system calls of the list daemon; "
        "tried in vain: to become root, to read /etc/shadow, to open a raw socket" in text
    )
    assert "strangers" not in text


def test_status_tells_what_one_process_gives_up_and_what_a_kernel_lacks():
    single = {**WARDEN, "name": "single"}
    text = " ".join(table({**VIEW, "sessions": [], "processes": [single]}).split())
    assert "single 42 as root, capabilities: chown" in text
    assert "it holds the keys and reads what strangers send" in text
    old = " ".join(table({**VIEW, "sessions": [], "processes": [WARDEN, {**PEERS, "landlock": 0}]}).split())
    assert "no Landlock in this kernel, system calls of the list daemon" in old


def test_status_tells_what_the_process_of_back_ends_serves_and_since_when():
    third = {**PEERS, "name": "back-ends", "pid": 44, "serves": ["logins by RADIUS"], "since": "2026-11-30T08:00:00Z"}
    text = " ".join(table({**VIEW, "sessions": [], "processes": [WARDEN, PEERS, third]}).split())
    assert "back-ends 44 as lotor, capabilities: none; logins by RADIUS since 2026-11-30T08:00:00Z" in text


def test_status_of_one_person_is_everything_about_the_sessions(daemon):
    fake = daemon(Report(VIEW))
    done = run(["status", "alice"], fake.path)
    assert fake.requests == [Status(subject="alice")]
    assert "SPI 0x00001000 in" in done.stdout
    assert "Landlock" not in done.stdout


def test_status_of_nobody_names_what_tells_more(daemon):
    fake = daemon(Report({**VIEW, "sessions": [], "total": 0}))
    done = run(["status", "bob"], fake.path)
    assert (done.returncode, done.stdout) == (Exit.FAILED, "")
    assert done.stderr == "lotor: nobody is connected as bob: lotor explain bob tells what became of attempts\n"


def test_logout_ends_all_sessions_of_a_person(daemon):
    fake = daemon(Disconnected(2))
    assert run(["logout", "alice"], fake.path).stdout == "2 sessions of alice ended\n"
    assert fake.requests == [Logout("alice", everywhere=True)]


def test_logout_ends_one_session(daemon):
    fake = daemon(Disconnected(1))
    assert run(["logout", "--session", "7"], fake.path).stdout == "1 session ended\n"
    assert fake.requests == [Logout(None, 7)]


def test_logout_of_nobody(daemon):
    fake = daemon(Failed("alice is not logged in"))
    done = run(["logout", "alice"], fake.path)
    assert (done.returncode, done.stderr) == (Exit.FAILED, "lotor: alice is not logged in\n")


@pytest.mark.parametrize("words", [["logout"], ["logout", "alice", "--session", "7"], ["logout", "--session", "0"]])
def test_logout_wants_one_of_both(words, tmp_path):
    assert run(words, tmp_path / "none").returncode == Exit.USAGE


def test_status_without_sessions():
    assert "no sessions" in table({**VIEW, "sessions": []})
    assert "logged in" not in table({**VIEW, "sessions": [], "users": 1})
    assert "7 users are logged in" in table({**VIEW, "sessions": [], "users": 7})


def test_docs_name_every_field_of_status():
    text = (Path(__file__).parents[2] / "docs" / "status.md").read_text()
    (session,) = VIEW["sessions"]
    names = (*VIEW, *session, *session["traffic"], *session["children"][0])
    assert len(names) > 30
    assert [name for name in names if f"`{name}`" not in text] == []


def test_a_user_is_locked_and_let_in_again(tmp_path):
    users = ["user", "--users", str(tmp_path / "users")]
    words = [*PROGRAM, *users]
    subprocess.run([*words, "add", "--password-stdin", "alice"], input="x" * 12, text=True, timeout=60, check=True)
    for word, shown in (("lock", "alice (locked)\n"), ("unlock", "alice\n")):
        subprocess.run([*words, word, "alice"], timeout=60, check=True, capture_output=True)
        listed = subprocess.run([*words, "list"], timeout=60, check=True, capture_output=True, text=True)
        assert listed.stdout == shown
    nobody = subprocess.run([*words, "lock", "bob"], timeout=60, check=False, capture_output=True, text=True)
    assert nobody.returncode == Exit.FAILED
    assert "bob" in nobody.stderr


def test_events_are_lines(daemon):
    fake = daemon(Happened(0.0, "Up", 3, "tunnel up"), Happened(1.0, "Turned", 0, "garbage"))
    assert run(["events"], fake.path).stdout == (
        "1970-01-01T00:00:00Z session 3: tunnel up\n1970-01-01T00:00:01Z garbage\n"
    )
    assert fake.requests == [Events()]


def test_events_are_json_for_scripts(daemon):
    fake = daemon(Happened(0.0, "Up", 3, 'tunnel "up"'))
    (line,) = run(["events", "--json"], fake.path).stdout.splitlines()
    assert json.loads(line) == {"at": "1970-01-01T00:00:00Z", "event": "Up", "session": 3, "text": 'tunnel "up"'}


def test_debug_follows_one_peer_and_says_when_it_is_over(daemon):
    fake = daemon(Happened(0.0, "Offered", 3, "aggressive begins"), Done("the time is over"))
    done = run(["debug", "198.51.100.7", "--minutes", "2"], fake.path)
    assert done.stdout == "1970-01-01T00:00:00Z session 3: aggressive begins\n"
    assert done.stderr == "following 198.51.100.7 for 2 min; Ctrl-C ends it\nthe time is over\n"
    assert fake.requests == [Debug("198.51.100.7", 120)]


def test_reload_repeats_what_was_wrong(daemon):
    fake = daemon(Failed("the old configuration stays:\nracoon.conf:1:1: what"))
    done = run(["reload"], fake.path)
    assert done.returncode == Exit.FAILED
    assert "the old configuration stays" in done.stderr
    assert fake.requests == [Reload()]


def test_words_that_do_not_exist_are_usage_errors():
    done = subprocess.run([*PROGRAM, "explode"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith("lotor: No such command 'explode'")


@pytest.mark.parametrize("word", COMMANDS)
def test_every_command_has_help(word):
    result = CliRunner().invoke(lotor, [word, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage" in result.output


@pytest.mark.parametrize("word", RACOONCTL)
def test_every_word_of_racoonctl_has_help(word):
    assert CliRunner().invoke(racoonctl_group, [word, "--help"]).exit_code == 0


def test_quick_commands_import_neither_crypto_nor_the_core():
    heavy = "[m for m in sys.modules if m.startswith(('cryptography', 'asyncio', 'lotor.ike', 'lotor.config'))]"
    code = f"import sys, lotor.cli.connect, lotor.cli.status, lotor.cli.main; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.6, "1 min"), (3661, "1 h 1 min"), (90061, "1 d 1 h"), (-5, "0 s")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 octets"), (999, "999 octets"), (1000, "1.0 kB"), (10**15, "1000.0 TB")]
)
def test_octets(count, text):
    assert octets(count) == text


def test_a_banner_is_framed_as_wide_as_the_howto_without_a_terminal():
    assert terminal.framed("hello\n\n") == f"{'=' * 58}\nhello\n{'=' * 58}"


def test_the_socket_comes_from_the_option_then_the_file_then_the_default(tmp_path, monkeypatch):
    file = tmp_path / "racoon.conf"
    file.write_text('listen { adminsock "/run/somewhere.sock" "root" "root" 0600; }\n')
    assert locate.control_socket(Path("/given"), file) == Path("/given")
    assert locate.control_socket(None, file) == Path("/run/somewhere.sock")
    file.write_text("nonsense")
    assert locate.control_socket(None, file) == locate.DEFAULT_SOCKET
    monkeypatch.setattr(locate, "CONFIGURATIONS", (tmp_path / "none",))
    assert locate.control_socket(None) == locate.DEFAULT_SOCKET


REASON = "login of alice refused: " + "wrong " * 20


def attempt(number, state="failed", user="alice", moved_to=""):
    return {
        "session": number,
        "role": "client",
        "moved_to": moved_to,
        "state": state,
        "began": "2026-05-01T12:03:55Z",
        "user": user,
        "peer": "",
        "outside": "203.0.113.9",
        "reason": "login of alice refused: " + "wrong " * 20,
        "story": [
            {"name": "login", "text": "login of alice refused: " + "wrong " * 20},
            {"name": "fix", "text": "type"},
        ],
    }


EXPLAINED = {"schema": 1, "subject": "alice", "known": 30, "attempts": [attempt(17), attempt(12), attempt(0)]}


def test_explain_tells_the_newest_and_names_the_others(daemon):
    fake = daemon(Explained(EXPLAINED))
    text = run(["explain", "alice"], fake.path).stdout
    assert fake.requests == [Explain("alice")]
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith("session 17: alice, failed (2026-05-01 12:03 UTC)\n  login     login of alice refused")
    assert text.endswith("Before that: 29 more, lotor explain NUMBER tells them: 12\n")
    assert "  fix       type\n" in text


def test_explain_lists_attempts_and_speaks_json(daemon):
    fake = daemon(Explained(EXPLAINED))
    text = run(["explain"], fake.path).stdout
    fake.close()
    assert fake.requests == [Explain()]
    assert max(map(len, text.splitlines())) <= 80
    assert text.splitlines()[-1] == "and 27 older ones"
    again = daemon(Explained(EXPLAINED))
    assert json.loads(run(["explain", "--json"], again.path).stdout) == EXPLAINED


def test_a_list_names_both_gateways_of_a_connection_that_was_sent_on(daemon):
    fake = daemon(Explained({**EXPLAINED, "attempts": [attempt(17, state="up", moved_to="198.51.100.7")]}))
    lines = run(["explain"], fake.path).stdout.splitlines()
    assert "203.0.113.9" in lines[1]
    assert lines[2] == "       since then at 198.51.100.7"


def test_explain_without_attempts(daemon):
    fake = daemon(Explained({**EXPLAINED, "known": 0, "attempts": []}))
    assert run(["explain"], fake.path).stdout == "no attempts yet\n"


def test_explain_of_nobody_is_a_refusal(daemon):
    fake = daemon(Failed("no attempt of bob is remembered"))
    done = run(["explain", "bob"], fake.path)
    assert (done.returncode, done.stderr) == (Exit.FAILED, "lotor: no attempt of bob is remembered\n")


def test_explain_without_a_control_socket_points_to_the_journal(tmp_path):
    file = tmp_path / "racoon.conf"
    file.write_text("listen { adminsock disabled; }\n")
    done = subprocess.run(
        [*PROGRAM, "explain", "-f", str(file), "alice"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == Exit.NO_DAEMON
    assert "no control socket (adminsock disabled)" in done.stderr
    assert "log debug;" in done.stderr
