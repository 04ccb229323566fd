"""racoonctl's words for SAs: what is shown, what is asked of the daemon, and where lotor's own command is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lotor.cli import main, racoonctl
from lotor.cli.main import racoonctl_group
from lotor.control.messages import Connect, Connected, Disconnected, Failed, Logout, Report, Status
from lotor.daemon.exits import Exit, StartError

SESSION = {
    "session": 3,
    "local": "192.0.2.50:4500",
    "outside": "198.51.100.10:53778",
    "since": "2026-05-01T12:03:44Z",
    "cookies": "0011223344556677:8899aabbccddeeff",
    "children": [
        {
            "id": 7,
            "spi_in": "0x00001000",
            "spi_out": "0xc0ffee00",
            "suite": "aes-256/hmac_sha256",
            "encapsulation": "udp",
            "rekey_in": 100.4,
        }
    ],
    "role": "gateway",
    "ike": 1,
}
OTHER = {**SESSION, "session": 4, "local": "[2001:db8::1]:500", "outside": "[2001:db8::9]:500", "children": []}


class Daemon:
    """Stands in for the connection; `asked` is what was sent."""

    def __init__(self, *sessions):
        self.sessions, self.asked, self.answers = list(sessions), [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def send(self, request):
        self.asked.append(request)

    def receive(self):
        if self.answers:
            return self.answers.pop(0)
        return Report({"sessions": self.sessions}) if self.asked[-1] == Status() else Disconnected(1)


@pytest.fixture
def daemon(monkeypatch):
    made = Daemon(SESSION, OTHER)
    for name in ("call", "look"):
        monkeypatch.setattr(racoonctl, name, lambda context, options: made)
    return made


def run(*words):
    return CliRunner().invoke(racoonctl_group, words)


def test_phase_one_looks_as_it_did(daemon, monkeypatch):
    head, first, second = run("show-sa", "isakmp").output.splitlines()
    assert head == "Destination            Cookies                           Created"
    assert first.startswith("198.51.100.10.53778    0011223344556677:8899aabbccddeeff 2026-05-01 ")
    assert second.startswith("2001:db8::9.500 ")
    assert max(map(len, (head, first, second))) <= 80


def test_phase_one_with_more_columns(daemon):
    head, first, second = run("-l", "show-sa", "isakmp").output.splitlines()
    assert head.endswith("Cookies                           ST S  V E Created             Phase2")
    assert first[:22] == "198.51.100.10.53778   "
    assert first[57:70] == " 9 R 10 - 202"
    assert first.endswith("      1")
    assert second.endswith("      0")
    wide = run("-ll", "ss", "isakmp").output.splitlines()
    assert wide[0].split()[:2] == ["Source", "Destination"]
    assert wide[1].split()[:2] == ["192.0.2.50.4500", "198.51.100.10.53778"]
    assert wide[0].index("Cookies") == wide[1].index("0011223344556677")


def test_the_schedule_is_that_of_renewals(daemon):
    head, row = run("show-schedule").output.splitlines()
    assert head == "index    tick     xtime    created"
    number, left, due, *since = row.split()
    assert (number, left) == ("7", "100")
    assert int(due) > 1_700_000_000
    assert since[0].startswith("2026-05-01")


def test_the_status_of_racoonctl_has_racoons_options(daemon, monkeypatch):
    monkeypatch.setattr(racoonctl, "table", lambda view: f"{len(view['sessions'])} sessions")
    assert run("status", "-v").output == "2 sessions\n"
    assert [each["session"] for each in json.loads(run("st", "-f", "json").output)["sessions"]] == [3, 4]
    assert json.loads(run("status", "--format=json").output)
    assert "--format" in run("status", "-h").output
    assert "Commands" in run("-h").output


@pytest.mark.parametrize("kind", ["esp", "ipsec"])
def test_phase_two_is_told_without_its_keys(daemon, kind):
    assert run("ss", kind).output == (
        "192.0.2.50[4500] 198.51.100.10[53778]\n"
        "\tesp-udp mode=tunnel spi=3237998080(0xc0ffee00) reqid=7\n\taes-256/hmac_sha256\n"
        "198.51.100.10[53778] 192.0.2.50[4500]\n"
        "\tesp-udp mode=tunnel spi=4096(0x00001000) reqid=7\n\taes-256/hmac_sha256\n"
    )


def test_nothing_is_told_as_setkey_tells_it(daemon):
    assert run("show-sa", "ah").output == "No SAD entries.\n"
    daemon.sessions.clear()
    assert run("show-sa", "ipsec").output == "No SAD entries.\n"
    assert len(run("show-sa", "isakmp").output.splitlines()) == 1


def test_flush_ends_every_session(daemon):
    assert run("flush-sa", "isakmp").exit_code == 0
    assert daemon.asked == [Status(), Logout(session=3), Logout(session=4)]


def test_what_does_not_exist_is_flushed_already(daemon):
    assert run("flush-sa", "ah").exit_code == 0
    assert daemon.asked == []


def test_one_that_ended_meanwhile_does_not_keep_the_others(daemon):
    daemon.answers = [Report({"sessions": daemon.sessions}), Failed("there is no session 3"), Disconnected(1)]
    result = run("fs", "isakmp")
    assert result.exit_code == 0
    assert daemon.asked[-1] == Logout(session=4)


def test_delete_finds_the_session_by_its_ends(daemon):
    assert run("delete-sa", "isakmp", "inet", "192.0.2.50", "198.51.100.10").exit_code == 0
    assert daemon.asked == [Status(), Logout(session=3)]
    assert run("ds", "isakmp", "inet6", "2001:db8:0::1", "2001:db8::9").exit_code == 0
    assert daemon.asked[2:] == [Status(), Logout(session=4)]
    missed = run("delete-sa", "isakmp", "inet", "192.0.2.50", "198.51.100.11")
    assert isinstance(missed.exception, StartError)
    assert "no SA from 192.0.2.50 to 198.51.100.11" in str(missed.exception)


def test_establish_connects_as_vc_does(daemon):
    daemon.answers = [Connected("10.99.99.3")]
    words = ("establish-sa", "-u", "alice", "-w", "isakmp", "inet", "198.51.100.10", "192.0.2.50")
    assert run(*words).output == "Bound to address 10.99.99.3\n"
    daemon.answers = [Connected("10.99.99.3")]
    run("es", "-n", "office", "isakmp", "inet", "198.51.100.10", "192.0.2.50")
    assert daemon.asked == [Connect("192.0.2.50", "alice"), Connect("office", None)]


@pytest.mark.parametrize(
    ("words", "better"),
    [
        (("show-sa", "internal"), "lotor status --json"),
        (("flush-sa", "esp"), "flush-sa isakmp"),
        (
            ("establish-sa", "esp", "inet", "192.0.2.1/32/500", "192.0.2.2/32/500", "udp"),
            "SA pairs come with the session",
        ),
        (("delete-sa", "esp", "inet", "192.0.2.1/32/500", "192.0.2.2/32/500", "udp"), "lotor logout"),
        (("establish-sa", "esp", "inet", "192.0.2.1", "192.0.2.2"), "lotor vc"),
        (("get-cert", "inet", "192.0.2.1", "192.0.2.2"), "lotor explain"),
    ],
)
def test_what_makes_no_sense_names_what_does(daemon, words, better):
    refused = run(*words).exception
    assert isinstance(refused, StartError)
    assert refused.code is Exit.USAGE
    assert f"racoonctl {words[0]}" in str(refused)
    assert better in str(refused)
    assert daemon.asked == []


@pytest.mark.parametrize(
    ("words", "code", "says_more"),
    [(["--help"], 0, Exit.OK), (["show-sa", "isakmp"], 1, Exit.NO_DAEMON), (["no-such-word"], 1, Exit.USAGE)],
)
def test_the_program_ends_with_racoons_codes(
    words: list[str], code: int, says_more: Exit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["racoonctl", "-s", str(tmp_path / "none"), *words])
    with pytest.raises(SystemExit) as ended:
        main.racoonctl()
    assert ended.value.code == code
    assert main.carry_out(racoonctl_group) == says_more
