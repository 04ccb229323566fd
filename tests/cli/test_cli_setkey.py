"""`lotor sas`, `policies` and `flush`, and setkey's -D, -DP, -F and -FP: of lotor's own SAs."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from lotor.cli import main, setkey
from lotor.control.messages import Disconnected, Logout, Report, Status
from lotor.daemon.exits import Exit, StartError

PAIR = {
    "id": 7,
    "spi_in": "0x00001000",
    "spi_out": "0xc0ffee00",
    "suite": "aes-256/hmac_sha256",
    "encapsulation": "udp",
    "ours": ["10.0.0.0/8"],
    "theirs": ["10.99.99.3/32"],
}
SESSION = {"session": 3, "local": "192.0.2.50:4500", "outside": "198.51.100.10:53778", "children": [PAIR]}
SAD = (
    "192.0.2.50[4500] 198.51.100.10[53778]\n"
    "\tesp-udp mode=tunnel spi=3237998080(0xc0ffee00) reqid=7\n\taes-256/hmac_sha256\n"
    "198.51.100.10[53778] 192.0.2.50[4500]\n"
    "\tesp-udp mode=tunnel spi=4096(0x00001000) reqid=7\n\taes-256/hmac_sha256\n"
)
SPD = (
    "10.0.0.0/8[any] 10.99.99.3/32[any] any\n\tout ipsec\n\tesp/tunnel/192.0.2.50-198.51.100.10/unique#7\n"
    "10.99.99.3/32[any] 10.0.0.0/8[any] any\n\tin ipsec\n\tesp/tunnel/198.51.100.10-192.0.2.50/unique#7\n"
)


class Daemon:
    """Stands in for the connection; `asked` is what was sent."""

    def __init__(self, *sessions):
        self.sessions, self.asked = list(sessions), []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def send(self, request):
        self.asked.append(request)

    def receive(self):
        return Report({"sessions": self.sessions}) if self.asked[-1] == Status() else Disconnected(1)


@pytest.fixture
def daemon(monkeypatch):
    made = Daemon(SESSION)
    for name in ("call", "look"):
        monkeypatch.setattr(setkey, name, lambda context, options: made)
    return made


def run(*words):
    return CliRunner().invoke(main.lotor, words)


@pytest.mark.parametrize(
    ("words", "shown", "empty"),
    [
        (("sas",), SAD, "No SAD entries.\n"),
        (("policies",), SPD, "No SPD entries.\n"),
        (("setkey", "-D"), SAD, "No SAD entries.\n"),
        (("setkey", "-DP"), SPD, "No SPD entries.\n"),
        (("setkey", "-D", "-P"), SPD, "No SPD entries.\n"),
    ],
)
def test_what_is_shown(daemon, words, shown, empty):
    assert run(*words).output == shown
    daemon.sessions.clear()
    assert run(*words).output == empty


@pytest.mark.parametrize("words", [("flush",), ("setkey", "-F"), ("setkey", "-FP")])
def test_a_flush_ends_every_session(daemon, words):
    assert run(*words).exit_code == 0
    assert daemon.asked == [Status(), Logout(session=3)]


@pytest.mark.parametrize("words", [(), ("-DF",), ("-P",), ("-f", "/etc/ipsec.conf"), ("-c",), ("-D", "esp")])
def test_what_setkey_cannot_do_here(daemon, words):
    refused = run("setkey", *words).exception
    assert isinstance(refused, StartError)
    assert refused.code is Exit.USAGE
    assert "setkey takes -D, -DP, -F or -FP here" in str(refused)
    assert daemon.asked == []


def test_a_link_of_that_name_is_setkey(daemon, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["/usr/local/sbin/setkey", "-DP"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == SPD
