"""The third act: one gateway for old devices and new ones. The same person comes by IKEv2 and by IKEv1."""

from __future__ import annotations

import re
import secrets
import time
from base64 import b32decode
from collections.abc import Callable

from demo.story import CERTIFICATES, howto, stop
from demo.telling import Teller
from lab import lotor
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST, INSIDE_NETWORK, Internet
from lab.lotor import CONFIGURATION, Lotor
from lab.node import LabError, wait_until
from lab.strongswan import Charon
from lab.strongswan_v2 import Client
from lab.vpnc import Vpnc
from lotor.crypto.totp import STEP, code_of
from lotor.model.secret import Secret

USER = "alice"
BOTH = "exchange_mode aggressive;\n        ike_version both;\n        eap gtc;"
"""What the HOW-TO's gateway needs besides: GTC takes a code behind the password."""


class BridgeStory:
    """One telling, after the others. Steps stand in order; each raises `LabError` when it fails."""

    def __init__(self, internet: Internet, teller: Teller) -> None:
        self.internet = internet
        self.teller = teller
        self.password = secrets.token_urlsafe(12)
        self.gateway = Lotor(internet.gateway)
        self.charon = Charon(internet.client)
        self.before = ""
        self._key = Secret(b"")
        self._vpnc: Vpnc | None = None

    def tell(self) -> None:
        steps: tuple[tuple[str, Callable[[], None]], ...] = (
            (f"{USER} and her second factor (lotor user totp on)", self.user),
            ("The HOW-TO's gateway, ike_version both (lotor check)", self.gateway_file),
            ("The gateway starts", self.gateway_up),
            ("strongSwan comes by IKEv2: password and code, EAP-GTC", self.new_device),
            ("vpnc comes by IKEv1 meanwhile, with her next code", self.old_device),
            ("Both have traffic, and one gateway knows both (status)", self.both),
            ("All stop; routes, rules and devices are as before", self.clean),
        )
        self.teller.tell(steps)

    def user(self) -> None:
        lotor.add_user(self.gateway, USER, self.password)
        shown = self.gateway.must("user", "totp", "on", "--no-qr", USER).stdout
        key = re.search(r"(?m)^key  (\w+)", shown)
        if key is None:
            raise LabError(f"lotor user totp on shows no key:\n{shown}")
        self._key = Secret(b32decode(key[1].upper() + "=" * (-len(key[1]) % 8)))

    def gateway_file(self) -> None:
        text = howto("gateway", auth_source="local", adminsock='"/run/gateway.sock"')
        self.gateway.configure(text.replace("exchange_mode aggressive;", BOTH))
        self.gateway.must("check", CONFIGURATION)

    def gateway_up(self) -> None:
        self.before = lotor.traces(self.gateway.node)
        self.gateway.start()

    def new_device(self) -> None:
        authority = self.internet.gateway.path(f"{CERTIFICATES}/ca.crt")
        self.charon.join_v2(
            authority,
            Client(GATEWAY, GATEWAY, USER, self._typed(0), eap="eap-gtc", esp="aes128-sha1"),
        )
        told = self.charon.initiate()
        self.teller.quote(
            "\n".join(line for line in told.splitlines() if "EAP method" in line or "established" in line)
        )

    def old_device(self) -> None:
        authority = self.internet.gateway.path(f"{CERTIFICATES}/ca.crt").read_bytes()
        self._vpnc = Vpnc(self.internet.clients[1], GATEWAY, authority, (INSIDE_NETWORK,))
        running = self._vpnc.connect(USER, self._typed(1), debug="0")
        vpnc = self._vpnc
        wait_until(lambda: vpnc.connected or not running.alive, 30)
        if not vpnc.connected:
            raise LabError(f"vpnc does not connect:\n{running.text()}")
        self.teller.quote(f"address {vpnc.environment().get('INTERNAL_IP4_ADDRESS')}")

    def both(self) -> None:
        for node in self.internet.clients[:2]:
            if not ping(node, INSIDE_HOST):
                raise LabError(f"the inside host does not answer {node.name}")
        sessions = self.gateway.sessions()
        self.teller.quote("\n".join(f"{each['user']} {each['address']} IKEv{each['ike']}" for each in sessions))
        if sorted((each["user"], each["ike"]) for each in sessions) != [(USER, 1), (USER, 2)]:
            raise LabError(f"the gateway has other sessions: {sessions}")

    def clean(self) -> None:
        self.charon.terminate()
        if self._vpnc is not None:
            self._vpnc.disconnect()
        self.charon.stop()
        stop(self.gateway, self.before)
        if self.password in self.gateway.journal():
            raise LabError("the journal of the gateway contains the password")

    def _typed(self, later: int) -> str:
        """The password with a code behind it; no code counts twice, and that of the next step counts already."""
        return self.password + code_of(self._key, int(time.time() // STEP) + later)
