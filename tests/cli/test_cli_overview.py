"""Who is connected at a glance, and the picture of `lotor top`: exact lines, whatever the width of the terminal."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from types import SimpleNamespace

import pytest

from lotor.cli.calling import MOST_PAGES, whole_status
from lotor.cli.columns import Column, cells, cut, fitted
from lotor.cli.dashboard import Picture, drawn, room
from lotor.cli.details import sessions, table
from lotor.cli.overview import ORDERS, overview
from lotor.cli.quantities import UNKNOWN, brief, milliseconds, share, since, speed
from lotor.cli.tallies import FAILED, MESSAGES, PACKETS, REFUSED, Lately, Minute, tally
from lotor.cli.terminal import Line, Style
from lotor.cli.top import ORDERS as TOP_ORDERS
from lotor.cli.top import View
from lotor.control.messages import Report
from lotor.daemon.exits import StartError
from statuses import VIEW

ALICE = {**VIEW["sessions"][0], "session": 1, "warnings": []}
BOB = {
    **ALICE,
    "session": 2,
    "user": "bartholomew.long.name@example.net",
    "outside": "[2001:db8:1234:5678::abcd]:4500",
    "device": "",
    "since": "2026-04-30T10:00:00Z",
    "seconds": 99999.0,
    **dict.fromkeys(("rate_in", "rate_out", "loss", "latency")),
}
HERE = {**ALICE, "session": 3, "role": "client", "remote": "vpn.example.net"}
STRANGER = {**ALICE, "session": 4, "user": "", "peer": "", "state": "connecting"}
GATEWAY = {**VIEW, "sessions": [ALICE, BOB, STRANGER], "half_open": 1, "users": 2, "total": 128}
LATELY = Lately(
    60.0,
    {
        REFUSED: Counter({"login-refused": 3, "throttled": 1}),
        FAILED: Counter({"login-refused": 3, "no-answer": 2}),
        PACKETS: Counter({"limited": 7, "shed": 12}),
        MESSAGES: Counter(),
    },
    {"warden": 0.001, "daemon": 0.124},
)


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield datetime.fromisoformat("2026-05-01T13:00:00Z").astimezone()
    monkeypatch.undo()
    time.tzset()


def texts(lines):
    """What is not known is a `-` here."""
    return [text.replace(UNKNOWN, "-") for text, _ in lines]


def test_a_gateway_shows_a_line_a_session_in_local_time_on_80_columns(now):
    assert texts(overview(GATEWAY, now, 80)) == [
        "lotor 0.1.0, running for 2 h 2 min, /etc/racoon/racoon.conf",
        "3 attempts failed since the start: lotor explain tells why",
        "1 client is connecting",
        "",
        "user                device  from                address     since    in/s  out/s",
        "alice               Apple   198.51.100.10       10.99.99.1  17:33    1.2M    999",
        "bartholomew.long.…  -       2001:db8:1234:567…  10.99.99.1  30 Apr      -      -",
        "",
        "2 sessions, 1.2 MB/s in, 999 B/s out",
    ]


def test_a_narrow_terminal_shows_the_most_important_and_a_wide_one_more(now):
    narrow, wide = texts(overview(GATEWAY, now, 40)), texts(overview(GATEWAY, now, 160))
    assert narrow[5:8] == [
        "user                since    in/s  out/s",
        "alice               17:33    1.2M    999",
        "bartholomew.long.…  30 Apr      -      -",
    ]
    assert wide[4].endswith("in/s  out/s    loss  latency")
    assert "bartholomew.long.name@example.net" in wide[6]
    assert wide[5].endswith("1.2M    999   1.2 %    12 ms")


def test_without_a_terminal_no_name_is_cut_and_the_columns_are_the_same(now):
    lines = texts(overview(GATEWAY, now, None))
    assert "bartholomew.long.name@example.net" in lines[6]
    assert "2001:db8:1234:5678::abcd" in lines[6]
    assert lines[4].split() == ["user", "device", "from", "address", "since", "in/s", "out/s"]


def test_a_client_says_where_it_is_connected_and_what_is_wrong_before(now):
    lost = "the connection to gw is lost (no answer): connecting again in 5 s"
    lines = overview({**VIEW, "remarks": [lost], "sessions": [HERE]}, now, 80)
    assert texts(lines) == [
        "lotor 0.1.0, running for 2 h 2 min, /etc/racoon/racoon.conf",
        lost,
        "",
        "connected to vpn.example.net (198.51.100.10) as alice",
        "  since 17:33, 1 min 1 s, address 10.99.99.1",
        "  1.2 MB/s in, 999 B/s out; 12 ms to the gateway and back",
        "",
        "1 session, 1.2 MB/s in, 999 B/s out",
    ]
    assert lines[1].style is Style.WARNING
    begun = {**HERE, "state": "phase 1 established", "remote": "198.51.100.10"}
    assert "connecting to 198.51.100.10: phase 1 established for 1 min 1 s" in texts(
        overview({**VIEW, "sessions": [begun]}, now, 80)
    )


def test_what_protects_less_is_told_unasked(now):
    warden, daemon = VIEW["processes"]
    weak = {**ALICE, "warnings": ["dh_group 2 (modp1024) is weak"]}
    view = {**VIEW, "remarks": [], "processes": [warden, {**daemon, "landlock": 0}], "sessions": [weak, ALICE]}
    assert texts(overview(view, now, 80))[1:3] == [
        "no Landlock in this kernel: the daemon's user alone keeps files from it",
        "1 session with weak algorithms: lotor status -v names them",
    ]
    alone = {**VIEW, "remarks": [], "processes": [{**warden, "name": "single"}], "sessions": [], "internal_errors": 2}
    assert [style for _, style in overview(alone, now, 80)[1:3]] == [Style.ERROR, Style.WARNING]


def test_the_kernels_engine_is_told_unasked_and_the_usual_one_is_not(now):
    usual = {"name": "userspace", "why": "engine auto", "device": "lotor0", "mtu": 1438}
    kernel = {**usual, "name": "kernel", "why": "engine prefer_kernel"}
    view = {**VIEW, "sessions": [], "remarks": []}
    assert texts(overview({**view, "engine": kernel}, now, 80))[1] == (
        "ESP is carried by the kernel (engine prefer_kernel)"
    )
    assert texts(overview({**view, "engine": usual}, now, 80)) == texts(overview(view, now, 80))


def test_nobody_is_told_in_two_words(now):
    assert texts(overview({**VIEW, "sessions": [], "remarks": []}, now, 80))[1:] == ["", "no sessions"]


def test_orders_are_by_name_newest_first_and_fastest_first():
    listed = [BOB, ALICE, {**ALICE, "session": 5, "user": "Zoe", "seconds": 1.0}]
    numbers = {name: [each["session"] for each in sorted(listed, key=key)] for name, key in ORDERS.items()}
    assert numbers == {"user": [1, 2, 5], "since": [5, 1, 2], "rate": [1, 5, 2]}


def test_top_on_80_by_24(now):
    lines = drawn(Picture({**GATEWAY, "sessions": [ALICE, BOB]}, now, LATELY), 80, 24)
    assert texts(lines) == [
        "lotor top 18:30:00  /etc/racoon/racoon.conf, running for 2 h 2 min, lotor 0.1.0",
        "128 sessions, 2 users, 1 connecting; 1.2 MB/s in, 999 B/s out",
        "processor: warden 0.1 %, daemon 12.4 %",
        "last 60 s: 4 logins refused (3 login refused, 1 throttled), 2 other attempts fa…",
        "dropped: 19 packets (12 shed, 7 limited), 0 messages",
        "",
        "user              in/s  out/s    loss  latency  since   from              device",
        "alice             1.2M    999   1.2 %    12 ms  17:33   198.51.100.10     Apple",
        "bartholomew.lo…      -      -       -        -  30 Apr  2001:db8:1234:5…  -",
        *[""] * 14,
        "q quit  s sort: by rate  arrows, page up, page down: scroll           1-2 of 128",
    ]
    assert [style for _, style in lines[3:9:4]] == [Style.WARNING, Style.WARNING]


def test_top_on_40_by_10(now):
    assert texts(drawn(Picture({**GATEWAY, "sessions": [ALICE, BOB]}, now, LATELY, skip=40), 40, 10)) == [
        "lotor top 18:30:00  /etc/racoon/racoon.…",
        "128 sessions, 2 users, 1 connecting; 1.…",
        "user        in/s  out/s    loss  latency",
        "alice       1.2M    999   1.2 %    12 ms",
        "bartholo…      -      -       -        -",
        *[""] * 4,
        "q quit  s sort              41-42 of 128",
    ]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (20, 3), (79, 15), (80, 16), (500, 200)])
def test_top_fits_any_screen(now, size):
    many = {**GATEWAY, "sessions": [{**BOB, "user": "徐" * 30}, *[ALICE] * 199]}
    lines = drawn(Picture(many, now, LATELY), *size)
    assert len(lines) == size[1]
    assert max(map(cells, texts(lines))) <= size[0]
    assert size[1] < 4 or sum("alice" in each for each in texts(lines)) in (0, room(size[1]) - 1)


def test_top_shows_what_is_not_known_as_not_known_and_an_old_picture_as_old(now):
    lines = drawn(Picture({**GATEWAY, "rate_in": None, "rate_out": None, "sessions": []}, now), 80, 24)
    assert texts(lines)[1:5] == [
        "128 sessions, 2 users, 1 connecting; - in, - out",
        "processor: -",
        "logins refused: -",
        "dropped: -",
    ]
    assert "no sessions" in texts(lines)
    assert drawn(Picture(GATEWAY, now, note="gone"), 80, 24)[1] == Line("gone", Style.ERROR)


def figures(refused, dropped, pid=42):
    families = {
        REFUSED: [{"labels": ["login-refused"], "value": float(refused), "counts": [], "total": 0.0}],
        PACKETS: [{"labels": ["shed"], "value": float(dropped), "counts": [], "total": 0.0}],
    }
    return {"schema": 1, "version": "0", "processes": {"daemon": pid}, "families": families}


def test_only_the_last_minute_counts_and_processors_since_the_last_look():
    minute = Minute()
    assert minute.lately() is None
    for second in range(0, 120, 2):
        minute.add(tally(figures(second // 10, 5), float(second), lambda _, at=second: at / 4))
    lately = minute.lately()
    assert (lately.seconds, lately.load) == (60.0, {"daemon": 0.25})
    assert lately.of(REFUSED) == Counter({"login-refused": 6})
    assert lately.of(PACKETS) == Counter()


def test_a_daemon_that_was_started_again_counts_from_nothing():
    minute = Minute()
    for at, refused in ((0.0, 50), (2.0, 50), (4.0, 1), (6.0, 3)):
        minute.add(tally(figures(refused, 0), at, lambda _: None))
    lately = minute.lately()
    assert (lately.seconds, lately.load) == (2.0, {})
    assert lately.of(REFUSED) == Counter({"login-refused": 2})


def test_keys_scroll_no_further_than_there_are_sessions_and_change_the_order():
    view = View("rate")
    keys = ("up", "down", "page down", "end", "down", "page up", "home", "x")
    seen = [(view.press(key, 10, 35), view.skip) for key in keys]
    assert seen == [(False, 0), (True, 1), (True, 11), (True, 25), (False, 25), (True, 15), (True, 0), (False, 0)]
    view.press("end", 10, 35)
    for order in (*TOP_ORDERS[1:], TOP_ORDERS[0]):
        assert view.press("s", 10, 35)
        assert (view.order, view.skip) == (order, 0)
    assert not View("rate").press("end", 10, 3)


def test_words_are_cut_by_the_columns_that_they_need():
    assert (cells("徐"), cells("e\u0301"), cells("ab")) == (2, 1, 2)
    assert cut("徐徐徐", 6) == "徐徐徐"
    assert cut("徐徐徐", 4) == "徐…"
    assert [cut("abc", width) for width in (3, 2, 1, 0)] == ["abc", "a…", "…", ""]
    assert fitted([Column("a", 1, 0), Column("b", 1, 1, right=True)], [("徐", "1"), ("xyz", "22")], 80) == [
        "a     b",
        "徐    1",
        "xyz  22",
    ]


def test_figures_are_short_and_honest(now):
    assert [brief(each) for each in (None, 0, 999.4, 999.6, 12_345, 123_456, 9.9e12)] == [
        UNKNOWN, "0", "999", "1.0k", "12.3k", "123k", "9.9T"
    ]  # fmt: skip
    assert [speed(each) for each in (None, 0, 1500)] == [UNKNOWN, "0 B/s", "1.5 kB/s"]
    assert [share(each) for each in (None, 0, 0.0004, 1)] == [UNKNOWN, "0 %", "0.0 %", "100.0 %"]
    assert [milliseconds(each) for each in (None, 0.0001, 0.0123, 2)] == [UNKNOWN, "<1 ms", "12 ms", "2000 ms"]
    told = [since(each, now) for each in ("2026-04-30T18:29:00Z", "2026-04-30T18:31:00Z", "2025-01-02T00:00:00Z")]
    assert told == ["30 Apr", "00:01", "2025"]


def test_an_answer_without_end_is_given_up():
    """An owned daemon says again and again that one more page follows."""
    asked = []
    daemon = SimpleNamespace(send=asked.append, receive=lambda: Report({"sessions": [1], "next": 7}))
    with pytest.raises(StartError, match="has no end"):
        whole_status(daemon)
    assert len(asked) == MOST_PAGES


def test_a_daemon_that_lies_moves_no_cursor(now):
    """An owned daemon may tell anything of a peer; what it tells is read by root, on a terminal."""
    evil = "\x1b]0;owned\x07\x1b[2J\n\u202eroot"
    session = {**ALICE, "user": evil, "peer": evil, "device": evil, "nat": evil, "outside": evil, "address": evil}
    view = {**VIEW, "remarks": [evil], "version": evil, "configuration": evil, "sessions": [session]}
    shown = table(view) + sessions(view)
    assert all(char.isprintable() for line in shown.split("\n") for char in line)
    assert "?]0;owned??[2J" in shown
