"""The tables of the blocks that are about the daemon itself: listen, timer, padding, privsep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lotor.config.arguments import AddressPort, Duration, Either, File, Flag, Maybe, Mode, Number, Several, Text
from lotor.config.choices import SWITCH, Case, Cases
from lotor.config.directive import Block, Directive, Use
from lotor.config.lexer import Kind
from lotor.config.settings import Adminsock, FileName, Listen, Padding, Privsep, Timer
from lotor.config.words import Mistake, Words

ACCOUNT = Text("the name of an account in quotes", longest=64, pattern=r"[A-Za-z0-9_][A-Za-z0-9_.$-]*", shown="name")
DEFAULT_SOCKET = Adminsock(Path("/run/lotor/lotor.sock"), "root", "root", 0o600)


def _adminsock(file: FileName, owner: str, group: str, mode: int) -> Adminsock:
    return Adminsock(file.path, owner, group, mode, file.at)


class _Id(Number):
    """A numeric user or group id, kept as text beside names."""

    def read(self, words: Words) -> Any:
        token = words.peek()
        if token is not None and token.text.isidentifier():
            raise Mistake(token.at, f'a name stands in quotes: {words.name} "{token.text}"')
        return str(super().read(words))


LISTEN = Block(
    "listen",
    (
        Directive(
            "isakmp",
            AddressPort(500),
            "An address on which IKE listens.",
            default=(),
            default_text="every address, ports 500 and 4500",
            repeatable=True,
        ),
        Directive(
            "isakmp_natt",
            AddressPort(4500),
            "An address on which IKE and ESP in UDP listen, for NAT traversal.",
            default=(),
            default_text="every address, ports 500 and 4500",
            repeatable=True,
            differs="without a port it is 4500 here, 500 in racoon.",
        ),
        Directive(
            "strict_address",
            Flag(),
            "Do not start unless every listed address can be used.",
            default=False,
            default_text="off: an address that this host lacks is left out, with a warning",
        ),
        Directive(
            "adminsock",
            Cases(
                (Case("disabled", Flag(), lambda _: None, "no socket: the daemon takes no commands"),),
                Several(
                    (
                        File(shown="path"),
                        Maybe(ACCOUNT, "root", Kind.STRING),
                        Maybe(ACCOUNT, "root", Kind.STRING),
                        Maybe(Mode(), 0o600, Kind.WORD),
                    ),
                    _adminsock,
                ),
            ),
            "The socket that `lotor vc`, `vd` and `status` talk to, its owner, group and permission bits. Users who "
            "may read and write it may start and stop the VPN of this host. On a gateway they see and end only their "
            "own sessions (with `auth_source system`), see `admin_group`.",
            default=DEFAULT_SOCKET,
            default_text='"/run/lotor/lotor.sock" "root" "root" 0600',
            differs="the default path; and the bits are used exactly as written.",
        ),
        Directive(
            "admin_group",
            ACCOUNT,
            "A group of this host whose members, beside root, may reload a gateway, see all its sessions and log "
            "others out. They must reach the socket, too: its group may be the same.",
            default_text="root alone",
        ),
        Directive("admin", Flag(), "racoon's old TCP port for commands.", use=Use.REFUSED, note="use adminsock"),
    ),
    "Where the daemon listens: for peers, and for its administrator.",
    Listen,
    always=True,
)


def _limit(name: str, meaning: str) -> Directive:
    return Directive(
        name,
        Duration(1, 3600),
        meaning,
        default=30,
        default_text="30 sec",
        use=Use.LATER,
        note="an exchange ends when its repetitions are used up, see counter",
        quiet=30,
    )


TIMER = Block(
    "timer",
    (
        Directive(
            "counter",
            Number(1, 100, clamps=True),
            "How often a message is sent again when no answer comes.",
            default_text="lotor's own schedule, about half a minute in all",
            differs="racoon repeats 5 times.",
        ),
        Directive(
            "interval",
            Duration(1, 3600),
            "Time between repetitions.",
            default_text="lotor's own schedule: quick at first, then slower",
            differs="racoon waits 10 seconds each time.",
        ),
        Directive(
            "persend",
            Number(1, 10, clamps=True),
            "Copies of every datagram.",
            default=1,
            use=Use.NO_EFFECT,
            note="every datagram is sent once, and again when no answer comes",
            quiet=1,
        ),
        _limit("phase1", "How long phase 1 may take."),
        _limit("phase2", "How long phase 2 may take."),
        Directive(
            "natt_keepalive",
            Duration(0, 3600),
            "Time between the octets that keep a NAT router's mapping open; 0 sec: never.",
            default=20,
            default_text="20 sec",
        ),
        Directive(
            "auto_exit_delay",
            Duration(),
            "Apple: how long the daemon outlives its last connection.",
            default=0,
            default_text="none",
            use=Use.NO_EFFECT,
            note="the daemon runs until it is stopped",
        ),
    ),
    "Patience with peers.",
    Timer,
    always=True,
)

_PADDING = "lotor pads messages as racoon does by default, and ignores the padding of its peers"
PADDING = Block(
    "padding",
    (
        Directive("randomize", SWITCH, "Pad with random octets.", default=True, default_text="on"),
        Directive("randomize_length", SWITCH, "Pad by a random amount.", default=False, default_text="off"),
        Directive("maximum_length", Number(0, 255), "The most that is padded, octets.", default=20),
        Directive("exclusive_tail", SWITCH, "The last octet counts the others only.", default=True, default_text="on"),
        Directive("strict_check", SWITCH, "Verify the peer's padding.", default=False, default_text="off"),
    ),
    "How ISAKMP messages are padded.",
    Padding,
    always=True,
    use=Use.NO_EFFECT,
    note=_PADDING,
)

PRIVSEP = Block(
    "privsep",
    (
        Directive(
            "user",
            Either(ACCOUNT, _Id(0, 2**32 - 2)),
            "The user that the daemon becomes. Root is refused; an account that nothing else uses is best.",
            default_text='"lotor" where this host has the account, else "nobody"',
            differs="racoon keeps root unless another user is named.",
        ),
        Directive(
            "group",
            Either(ACCOUNT, _Id(0, 2**32 - 2)),
            "The group that the daemon becomes; it has no others.",
            default_text="that of the user",
        ),
        Directive(
            "chroot",
            File(shown="dir"),
            "The directory that the daemon is locked into.",
            default_text="none",
            use=Use.NO_EFFECT,
            note="Landlock keeps the daemon from all files that it does not need",
        ),
    ),
    "Two processes: the warden holds what needs privileges, the daemon talks to peers and has none. What each may do "
    "is in docs/security.md and in lotor status -v. With lotor daemon --single-process this block changes nothing.",
    Privsep,
)
