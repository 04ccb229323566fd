"""A control socket with a scripted service behind it."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
from contextlib import asynccontextmanager

from lotor.control.listening import Address
from lotor.control.messages import Connected, Disconnected, Done, Failed
from lotor.control.server import ControlServer
from lotor.model.prompt import Field
from lotor.model.secret import Secret

ME = pwd.getpwuid(os.getuid()).pw_name
MY_GROUP = grp.getgrgid(os.getgid()).gr_name
PASSWORD = Secret("swordfish")


class Scripted:
    """A service that prompts once."""

    def __init__(self):
        self.waiting, self.aborted = asyncio.Event(), asyncio.Event()
        self.answers, self.listeners = [], set()
        self.subscribed, self.unsubscribed = asyncio.Event(), asyncio.Event()
        self.forever = False
        self.looks = self.filling = 0

    async def connect(self, request, caller):
        answers = await caller.prompt((Field.PASSWORD,), "hello")
        self.answers.append(answers)
        if self.forever:
            self.waiting.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.aborted.set()
                raise
        if answers is None:
            return Failed("no login was given", "LOGIN_DECLINED")
        return Connected("10.99.99.3", "banner")

    async def disconnect(self, request, caller):
        if request.gateway == "bug":
            raise RuntimeError("secret swordfish")
        return Disconnected(1)

    async def status(self, request, caller):
        self.looks += 1
        return {"schema": 1, "sessions": [], "filling": "x" * self.filling}

    async def reload(self, caller):
        return Done("taken over")

    def subscribe(self, listener, caller):
        self.listeners.add(listener)
        self.subscribed.set()
        return self.unsubscribed.set

    def debug(self, request, listener, caller):
        if request.subject == "nobody":
            return Failed("not yours")
        return self.subscribe(listener, caller)


@asynccontextmanager
async def serving(path, mode=0o600):
    service = Scripted()
    server = ControlServer(Address(path, ME, MY_GROUP, mode), service)
    await server.start()
    try:
        yield service
    finally:
        await server.stop()
