"""The page of a one-time link: which file a device gets, and what a person does with it. Plain HTML, without scripts.

The steps are those that `lotor profile` prints.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from html import escape

from lotor.model.frozen import frozen
from lotor.profiles.facts import Device, File
from lotor.profiles.page_style import STYLE

CALLED = {
    Device.IOS: "iPhone or iPad",
    Device.MACOS: "Mac",
    Device.WINDOWS: "Windows",
    Device.ANDROID: "Android",
    Device.NETWORKMANAGER: "Linux with NetworkManager",
    Device.STRONGSWAN: "Linux with strongSwan",
    Device.LOTOR: "Linux with lotor",
}
"""For a person, in the order of the page."""
YOURS = {Device.IOS: "your iPhone or iPad", Device.MACOS: "your Mac", Device.ANDROID: "your Android device"}
LOOKALIKES = {
    Device.MACOS: (Device.IOS, "An iPad may say of itself that it is a Mac."),
    Device.NETWORKMANAGER: (Device.LOTOR, "One Linux looks like another from here: choose below what you have."),
}
"""What a browser's name does not tell apart."""
TYPED = "Type: "
"""How a step begins whose rest is typed as it stands."""


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


POLICY = (
    f"default-src 'none'; style-src 'sha256-{_digest(STYLE)}'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""What a browser may do with the page: nothing but show it."""


@frozen
class Offer:
    """What a link gives. `base`: the path of all of it. `until`: when it ends, for people. `known`: browsers know the
    authority of the gateway's certificate."""

    gateway: str
    user: str
    base: str
    until: str
    known: bool
    files: Mapping[Device, File]

    def path(self, device: Device, file: File) -> str:
        """Of a file, below `base`."""
        return f"{device.value}/{file.name}"


def page(offer: Offer, device: Device | None) -> bytes:
    """For that device, or the question which one it is."""
    if device is None:
        return _whole(offer, "Which device do you set up?", _asking(offer), _foot(offer))
    return _whole(
        offer, f"Set up the VPN on {YOURS.get(device, CALLED[device])}", _telling(offer, device), _foot(offer)
    )


def gone(offer: Offer) -> bytes:
    """For who comes too late."""
    text = (
        "<p>The file was downloaded already, from another address than yours or more than a minute ago, and this link "
        "gives it only once.</p>\n<p>If that was not you, tell your administrator. For another device, or another try, "
        "ask for a new link.</p>\n"
    )
    return _whole(offer, "This link is used up", [text])


def _whole(offer: Offer, title: str, parts: Iterable[str], foot: str = "") -> bytes:
    body = "".join(parts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex, nofollow">
<title>{escape(title)} \N{EN DASH} {escape(offer.gateway)}</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<header><p>{escape(offer.gateway)}</p></header>
<main>
<h1>{escape(title)}</h1>
{body}</main>
{foot}</body>
</html>
""".encode()


def _asking(offer: Offer) -> Iterator[str]:
    yield f"<p>This link sets one device of <b>{escape(offer.user)}</b> up. Open it on the device itself.</p>\n"
    yield from _warning(offer)
    yield _choice(offer, None)


def _telling(offer: Offer, device: Device) -> Iterator[str]:
    file = offer.files[device]
    if device in LOOKALIKES:
        yield _lookalike(offer, device)
    yield from _warning(offer)
    yield "<ol>\n"
    files = [each for each in (file.beside, file) if each is not None]
    links = "\n".join(_link(offer, device, each) for each in files)
    yield f"<li>Download {'the file' if len(files) == 1 else 'both files'}.\n{links}</li>\n"
    yield from (f"<li>{_step(each)}</li>\n" for each in file.steps)
    yield "</ol>\n"
    yield "<h2>User name and password</h2>\n<dl>\n"
    yield f"<dt>User name</dt><dd><b>{escape(offer.user)}</b></dd>\n"
    yield "<dt>Password</dt><dd>the one that you were given: it is not in the file</dd>\n</dl>\n"
    if len(offer.files) > 1:
        yield "<h2>Another device?</h2>\n"
        yield _choice(offer, device)


def _lookalike(offer: Offer, device: Device) -> str:
    other, text = LOOKALIKES[device]
    if other not in offer.files:
        return ""
    named = f' <a href="{offer.base}/{other.value}">Set up an iPad instead</a>' if other is Device.IOS else ""
    return f"<p>{text}{named}</p>\n"


def _link(offer: Offer, device: Device, file: File) -> str:
    target = escape(f"{offer.base}/{offer.path(device, file)}")
    named = escape(file.name).replace(".", ".<wbr>")
    return f'<a class="get" href="{target}">Download <span>{named}</span></a>'


def _step(text: str) -> str:
    if text.startswith(TYPED):
        return f"{TYPED}<kbd>{escape(text.removeprefix(TYPED))}</kbd>"
    return escape(text)


def _choice(offer: Offer, chosen: Device | None) -> str:
    rows = "".join(
        f'<li><a href="{offer.base}/{each.value}"{" aria-current=page" if each is chosen else ""}>{name}</a></li>\n'
        for each, name in CALLED.items()
        if each in offer.files
    )
    kind = "" if chosen is not None else ' class="chosen"'
    return f'<nav aria-label="Devices"{kind}><ul class="devices">\n{rows}</ul></nav>\n'


def _warning(offer: Offer) -> Iterator[str]:
    """An honest one: what a page says of itself proves nothing, so that it says where to look."""
    if offer.known:
        return
    yield "<details>\n<summary>Did your browser warn you of this page? Read this first.</summary>\n"
    yield "<p>It has to: it does not know yet who vouches for this gateway, so that it cannot tell this page from a "
    yield "forged one. You can. Before you download, let it show the certificate, and compare the <b>SHA-256 "
    yield "fingerprint</b> with the one that your administrator reads to you.</p>\n<ul>\n"
    yield "<li>Safari: Show Details, view the certificate.</li>\n"
    yield "<li>Chrome, Edge: <q>Not secure</q> beside the address, Certificate details.</li>\n"
    yield "<li>Firefox: Advanced, View Certificate.</li>\n</ul>\n"
    yield "<p>If they differ, close the page and tell your administrator.</p>\n</details>\n"


def _foot(offer: Offer) -> str:
    return (
        f"<footer>\n<p>This link gives its files to one device, and ends {escape(offer.until)}. Looking at this "
        "page does not use it up. A download that fails may be tried again for a minute.</p>\n</footer>\n"
    )
