"""Debian's Chromium without a screen, driven by the DevTools protocol over a pipe: JSON, a NUL behind each message."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path

PROGRAMS = ("chromium-headless-shell", "chromium")
WIDE, NARROW = (1280, 800), (390, 844)
READS, WRITES = 3, 4
"""The browser's descriptors of the protocol."""


def program():
    """None where this host has none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Fault(AssertionError):  # noqa: N818 - what happened
    """What the browser did not do."""


class Browser:
    """`resolves`: addresses of names, as no server of names has them. Certificates are not judged."""

    def __init__(self, directory: Path, resolves: dict[str, str]) -> None:
        ours, theirs = os.pipe(), os.pipe()  # to the browser, and from it
        rules = ", ".join(f"MAP {name} {address}" for name, address in resolves.items())
        words = [
            program(),
            "--headless",
            "--no-sandbox",  # as root it has none, and it reads only our own page
            "--remote-debugging-pipe",
            "--ignore-certificate-errors",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--hide-scrollbars",
            f"--host-resolver-rules={rules}, MAP * ~NOTFOUND",
            f"--user-data-dir={directory}",
            "about:blank",
        ]

        def place() -> None:
            os.dup2(ours[0], 10)
            os.dup2(theirs[1], 11)
            os.dup2(10, READS)
            os.dup2(11, WRITES)

        self._process = subprocess.Popen(
            words,
            close_fds=False,
            preexec_fn=place,  # noqa: PLW1509 - no thread runs yet
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._out, self._in = os.fdopen(ours[1], "wb", buffering=0), os.fdopen(theirs[0], "rb")
        self._number, self._left, self._events = 0, b"", []

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.ask("Browser.close")
        self._process.kill()
        self._process.wait()
        self._out.close()
        self._in.close()

    def ask(self, method, session=None, **words):
        """The result of a method. `Fault` where it has none."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": words} | ({"sessionId": session} if session else {})
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") != self._number:
                self._events.append(found)
            elif "error" in found:
                raise Fault(f"{method}: {found['error']}")
            else:
                return found["result"]

    def wait(self, method):
        """The next event of that name."""
        while True:
            for number, event in enumerate(self._events):
                if event.get("method") == method:
                    del self._events[: number + 1]
                    return event["params"]
            self._events.append(self._next())

    def _next(self):
        while b"\0" not in self._left:
            octets = self._in.read1(1 << 20)
            if not octets:
                raise Fault("the browser has ended")
            self._left += octets
        message, self._left = self._left.split(b"\0", 1)
        return json.loads(message)

    def page(self, size, *, dark=False, agent=""):
        return Page(self, size, dark=dark, agent=agent)


class Page:
    """A tab with that size, in which the page runs no script of its own."""

    def __init__(self, browser: Browser, size, *, dark: bool, agent: str) -> None:
        self._browser = browser
        self._target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.ask("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        width, height = size
        phone = width < 600
        self.ask("Page.enable")
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        self.ask(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        self.ask("Emulation.setScriptExecutionDisabled", value=True)
        if agent:
            self.ask("Emulation.setUserAgentOverride", userAgent=agent)

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self._browser.ask("Target.closeTarget", targetId=self._target)

    def ask(self, method, **words):
        return self._browser.ask(method, self._session, **words)

    def go(self, url):
        """`Fault` where nothing came."""
        found = self.ask("Page.navigate", url=url)
        if "errorText" in found and not found.get("isDownload"):
            raise Fault(found["errorText"])
        if not found.get("isDownload"):
            self._browser.wait("Page.loadEventFired")

    def run(self, expression):
        """What a script of ours gives: it is the test that looks, in a world of its own."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise Fault(found["exceptionDetails"]["exception"]["description"])
        return found["result"].get("value")

    def click(self, selector):
        """In the middle of the first one, as a finger would."""
        place = self.run(
            f"(() => {{ const each = document.querySelector({json.dumps(selector)}); each.scrollIntoView();"
            " const box = each.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def press(self, key):
        codes = {"Tab": 9, "Enter": 13}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key])

    def picture(self, path: Path) -> None:
        """Of the whole page."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        made = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(made["data"]))
