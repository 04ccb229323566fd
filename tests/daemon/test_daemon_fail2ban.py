"""The filter for fail2ban that ships, tried with fail2ban's own tool on the lines that lotor writes."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from configparser import RawConfigParser
from ipaddress import ip_address
from pathlib import Path

import pytest

from lotor.daemon.log_forms import Bare, Weighed, Words
from lotor.ike.events import LoginRefused
from lotor.model.network import Peer
from lotor.model.reasons.logins import (
    BannedForNow,
    Busy,
    Locked,
    NoName,
    NotInGroup,
    PamRefused,
    RootNever,
    ServerRefused,
    Throttled,
    TooManyCodes,
    UnknownUser,
    WrongCode,
    WrongPassword,
)

SHIPPED = Path(__file__).parents[2] / "packaging" / "fail2ban"
FILTER, JAIL = SHIPPED / "filter.d" / "lotor.conf", SHIPPED / "jail.d" / "lotor.conf"
GUESSES = (
    WrongPassword("alice"),
    UnknownUser("alice"),
    Locked("alice", "user"),
    RootNever("root"),
    NoName(""),
    WrongCode("alice"),
    TooManyCodes("alice", 60),
    PamRefused("alice", "auth", "Authentication failure", "no"),
    ServerRefused("alice", "192.0.2.77:1812"),
    ServerRefused("alice", "[2001:db8::77]:1812", 'no "guest" comes in'),
)
NO_GUESSES = (
    Throttled("alice"),
    Busy("alice", 9),
    BannedForNow("alice"),
    NotInGroup("alice", "staff"),
    PamRefused("alice", "account", "Permission denied"),
)
SLY = "x from 192.0.2.99:500 as y refused: wrong password"


def text(reason, source="198.51.100.7", user="alice"):
    event = LoginRefused(session=3, user=user, reason=reason, source=Peer(ip_address(source), 4500))
    return f"session 3: {event.text()}"


def line(form, told):
    record = logging.LogRecord("lotor", logging.WARNING, "", 0, "%s", (told,), None)
    made = form().format(record)
    if form is Words:
        return made
    return f"Nov 29 23:59:01 vpngw lotor{'[812]' if form is Bare else ''}: {made}"


def banned(tmp_path, lines):
    """The addresses that the tool finds, in order."""
    log = tmp_path / "log"
    log.write_text("\n".join(lines) + "\n")
    shutil.copytree("/etc/fail2ban/filter.d", tmp_path / "filter.d", dirs_exist_ok=True)
    shutil.copy(FILTER, tmp_path / "filter.d" / "lotor.conf")
    words = ("fail2ban-regex", "--out", "ip", str(log), str(tmp_path / "filter.d" / "lotor.conf"))
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in {0, 1}, done.stderr
    return re.findall(r"^[0-9a-f.:]+$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("form", [Words, Bare, Weighed])
def test_guesses_are_found_in_each_form_of_the_log_and_nothing_else(tmp_path, form):
    lines = [line(form, text(each, f"198.51.100.{number}")) for number, each in enumerate(GUESSES, 1)]
    lines += [line(form, text(each, "192.0.2.1")) for each in NO_GUESSES]
    lines.append(line(form, text(WrongPassword(SLY), "2001:db8::7", SLY)))
    lines.append(line(form, text(Busy(SLY, 9), "192.0.2.2", SLY)))
    found = [f"198.51.100.{number}" for number in range(1, len(GUESSES) + 1)]
    assert banned(tmp_path, lines) == [*found, "2001:db8::7"]


def test_what_fail2ban_bans_is_the_vpn():
    """Without a protocol its jails are for TCP. In the journal it looks at one kind of event."""
    told = RawConfigParser()
    told.read([FILTER, JAIL])
    assert (told["lotor"]["protocol"], told["lotor"]["port"]) == ("udp", "500,4500")
    assert told["Init"]["journalmatch"].split()[-1] == f"LOTOR_EVENT={LoginRefused.public_name()}"
