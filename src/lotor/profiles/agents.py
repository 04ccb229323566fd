"""Which device a browser runs on, by what it calls itself."""

from __future__ import annotations

from lotor.profiles.facts import Device

SIGNS = (
    ("iPhone", Device.IOS),
    ("iPad", Device.IOS),
    ("iPod", Device.IOS),
    ("Android", Device.ANDROID),
    ("Windows NT", Device.WINDOWS),
    ("Macintosh", Device.MACOS),
    ("X11; Linux", Device.NETWORKMANAGER),
    ("X11; Ubuntu", Device.NETWORKMANAGER),
    ("Wayland; Linux", Device.NETWORKMANAGER),
)
"""The first one that is there counts: Android calls itself Linux, too."""


def recognised(agent: str) -> Device | None:
    """A guess, which a person can correct: an iPad says that it is a Mac, and one Linux looks like another."""
    return next((device for sign, device in SIGNS if sign in agent), None)
