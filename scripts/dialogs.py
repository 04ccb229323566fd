"""Draws the dialogs of docs/device-*.md: the fields of a device, and what is typed there.

`python scripts/dialogs.py docs/pictures` writes them.

They are drawn of the fields' names, and no photographs: what counts is the name of a field and what goes into it.
Colours follow the reader's (light, dark); what is typed or chosen is bold and underlined, too, for those who see none.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

GATEWAY, USER, HIDDEN = "vpn.example.net", "alice", "\N{BULLET}" * 8
STYLE = """
  .back { fill: #ffffff; stroke: #c9d0d7; } .bar { fill: #eef1f4; } .box { fill: #f7f9fb; stroke: #b7c0c9; }
  .line { stroke: #dde2e7; } .text { fill: #1b1f24; } .soft { fill: #56606b; }
  .done { fill: #0b57a8; font-weight: 600; text-decoration: underline; text-underline-offset: 3px; }
  .go { fill: #0b57a8; } .on { fill: #ffffff; }
  .tick { fill: none; stroke: #ffffff; stroke-width: 2; }
  text { font: 15px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; } .head { font-weight: 600; }
  .small { font-size: 12.5px; }
  @media (prefers-color-scheme: dark) {
    .back { fill: #161a20; stroke: #3b444e; } .bar { fill: #20262e; } .box { fill: #1c2229; stroke: #4a5561; }
    .line { stroke: #2d353e; } .text { fill: #e8ebef; } .soft { fill: #a8b1bb; } .done { fill: #8cbcff; }
    .go { fill: #8cbcff; } .on { fill: #0a1a2e; } .tick { stroke: #0a1a2e; }
  }
"""
ROW, PAD, BAR = 44, 20, 46
WIDTHS = {True: 530, False: 620}
LABELS = {True: 200, False: 210}
"""Where what stands in a field begins, on a phone and on a computer."""


@dataclass(frozen=True)
class Field:
    """A field with its name. `typed`: what goes in; `left`: what stands there and stays."""

    name: str
    typed: str = ""
    left: str = ""
    chosen: bool = False

    def draw(self, top: float, *, phone: bool, width: int) -> Iterator[str]:
        yield text(PAD, top + 28, self.name)
        start = LABELS[phone]
        if not phone:
            yield f'<rect class="box" x="{start}" y="{top + 6}" width="{width - start - PAD}" height="32" rx="5"/>'
        yield text(start + 12, top + 28, self.typed or self.left, "done" if self.typed else "soft")
        if self.chosen:
            yield text(width - PAD - 12, top + 28, "\N{BLACK DOWN-POINTING SMALL TRIANGLE}", "soft", anchor="end")
        if phone:
            yield f'<path class="line" d="M{PAD} {top + ROW - 0.5}H{width - PAD}"/>'


@dataclass(frozen=True)
class Mark:
    """Something to mark: a box, or one of several (`round`)."""

    name: str
    on: bool
    round: bool = False
    change: bool = False

    def draw(self, top: float, *, phone: bool, width: int) -> Iterator[str]:
        del phone, width
        if self.round:
            yield f'<circle class="box" cx="{PAD + 9}" cy="{top + 22}" r="8"/>'
            if self.on:
                yield f'<circle class="go" cx="{PAD + 9}" cy="{top + 22}" r="4.5"/>'
        else:
            kind = "go" if self.on else "box"
            yield f'<rect class="{kind}" x="{PAD + 1}" y="{top + 14}" width="16" height="16" rx="3"/>'
            if self.on:
                yield f'<path d="M{PAD + 5} {top + 22}l3 3 6-7" class="tick"/>'
        yield text(PAD + 28, top + 27, self.name, "done" if self.change else "text")


@dataclass(frozen=True)
class Part:
    """The name of a part of the dialog."""

    name: str

    def draw(self, top: float, *, phone: bool, width: int) -> Iterator[str]:
        del phone, width
        yield text(PAD, top + 30, self.name, "soft head small")


@dataclass(frozen=True)
class Buttons:
    """At the end; `press` is the one to press."""

    names: tuple[str, ...]
    press: str

    def draw(self, top: float, *, phone: bool, width: int) -> Iterator[str]:
        del phone
        right = width - PAD
        for name in reversed(self.names):
            wide = 30 + 8.6 * len(name)
            kind, ink = ("go", "on head") if name == self.press else ("box", "text")
            yield f'<rect class="{kind}" x="{right - wide:.0f}" y="{top + 6}" width="{wide:.0f}" height="32" rx="6"/>'
            yield text(right - wide / 2, top + 27, name, ink, anchor="middle")
            right -= wide + 10


@dataclass(frozen=True)
class Dialog:
    """`file` without its ending; `alt`: for who does not see it."""

    file: str
    title: str
    phone: bool
    rows: tuple[Field | Mark | Part | Buttons, ...]

    @property
    def alt(self) -> str:
        """What is typed, in words."""
        fields = [f"{each.name}: {each.typed}" for each in self.rows if isinstance(each, Field) and each.typed]
        marks = [f"{each.name}: marked" for each in self.rows if isinstance(each, Mark) and each.on]
        shown = "; ".join([*fields, *marks]).replace(HIDDEN, "the password")
        return f"{self.title}. {shown}."

    def svg(self) -> str:
        width, height = WIDTHS[self.phone], BAR + 10 + ROW * len(self.rows) + 38
        rows = (
            line
            for number, row in enumerate(self.rows)
            for line in row.draw(BAR + 10 + ROW * number, phone=self.phone, width=width)
        )
        body = "\n".join(rows)
        corner = f"M1 {BAR}V13a12 12 0 0 1 12-12h{width - 26}a12 12 0 0 1 12 12V{BAR}z"
        size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">
<title>{escape(self.alt)}</title>
<style>{STYLE}</style>
<rect class="back" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="12"/>
<path class="bar" d="{corner}"/>
{text(width / 2, 29, self.title, "text head", anchor="middle")}
{body}
{text(PAD, height - 14, "Drawn, not photographed. Underlined: what you type or choose.", "soft small")}
</svg>
"""


def text(x: float, y: float, words: str, kind: str = "text", *, anchor: str = "") -> str:
    placed = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}"{placed}>{escape(words)}</text>'


APPLE = (
    Field("Remote ID", GATEWAY),
    Field("Local ID", left="empty"),
)
DIALOGS = (
    Dialog(
        "windows-certificate",
        "Certificate Import Wizard",
        False,
        (
            Part("Store Location"),
            Mark("Current User", False, round=True),
            Mark("Local Machine", True, round=True, change=True),
            Part("Certificate Store"),
            Mark("Place all certificates in the following store", True, round=True, change=True),
            Field("Certificate store:", "Trusted Root Certification Authorities"),
            Buttons(("Next", "Cancel"), "Next"),
        ),
    ),
    Dialog(
        "windows-connection",
        "Add a VPN connection",
        False,
        (
            Field("VPN provider", "Windows (built-in)", chosen=True),
            Field("Connection name", "lotor"),
            Field("Server name or address", GATEWAY),
            Field("VPN type", "IKEv2", chosen=True),
            Field("Type of sign-in info", "User name and password", chosen=True),
            Field("User name (optional)", USER),
            Field("Password (optional)", HIDDEN),
            Mark("Remember my sign-in info", True),
            Buttons(("Save", "Cancel"), "Save"),
        ),
    ),
    Dialog(
        "iphone-trust",
        "Certificate Trust Settings",
        True,
        (
            Part("ENABLE FULL TRUST FOR ROOT CERTIFICATES"),
            Mark("the authority of your gateway", True, change=True),
        ),
    ),
    Dialog(
        "iphone-connection",
        "Add Configuration",
        True,
        (
            Field("Type", "IKEv2", chosen=True),
            Field("Description", "lotor"),
            Field("Server", GATEWAY),
            *APPLE,
            Part("AUTHENTICATION"),
            Field("User Authentication", "Username", chosen=True),
            Field("Username", USER),
            Field("Password", HIDDEN),
            Buttons(("Cancel", "Done"), "Done"),
        ),
    ),
    Dialog(
        "mac-connection",
        "Add VPN Configuration, IKEv2",
        False,
        (
            Field("Display name", "lotor"),
            Field("Server address", GATEWAY),
            *APPLE,
            Field("User authentication", "Username", chosen=True),
            Field("Username", USER),
            Field("Password", HIDDEN),
            Buttons(("Cancel", "Create"), "Create"),
        ),
    ),
    Dialog(
        "android-connection",
        "Edit VPN profile",
        True,
        (
            Field("Name", "lotor"),
            Field("Type", "IKEv2/IPSec MSCHAPv2", chosen=True),
            Field("Server address", GATEWAY),
            Field("IPSec identifier", USER),
            Field("IPSec CA certificate", "lotor CA", chosen=True),
            Field("IPSec server certificate", left="(received from server)", chosen=True),
            Field("Username", USER),
            Field("Password", HIDDEN),
            Buttons(("Cancel", "Save"), "Save"),
        ),
    ),
    Dialog(
        "android-app",
        "Add VPN profile",
        True,
        (
            Field("Server", GATEWAY),
            Field("VPN Type", "IKEv2 EAP (Username/Password)"),
            Field("Username", USER),
            Field("Password", left="asked for, if empty"),
            Part("CA certificate"),
            Mark("Select automatically", True),
            Field("Profile name", left="that of the server"),
            Buttons(("Save",), "Save"),
        ),
    ),
    Dialog(
        "networkmanager-connection",
        "IPsec/IKEv2 (strongswan)",
        False,
        (
            Part("Server"),
            Field("Address:", GATEWAY),
            Field("Certificate:", "ca.crt", chosen=True),
            Field("Identity:", left="(Defaults to address or certificate subject)"),
            Part("Client"),
            Field("Authentication:", "EAP (Username/Password)", chosen=True),
            Field("Username:", USER),
            Field("Password:", HIDDEN),
            Field("Identity:", left="(Defaults to username)"),
            Part("Options"),
            Mark("Request an inner IP address", True, change=True),
            Mark("Enforce UDP encapsulation", False),
            Mark("Use IP compression", False),
        ),
    ),
)


def drawn() -> dict[str, str]:
    """Names of files, and what is in them."""
    return {f"{each.file}.svg": each.svg() for each in DIALOGS}


if __name__ == "__main__":
    for name, picture in drawn().items():
        (Path(sys.argv[1]) / name).write_text(picture)
