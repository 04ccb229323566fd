"""strongSwan's configurations for IKEv2, as client and as gateway; `lab.strongswan.Charon` runs them."""

from __future__ import annotations

from dataclasses import dataclass

SUITE, ESP = "aes256gcm16-prfsha384-ecp384", "aes256gcm16"
_POOL6 = """inner6 {
    addrs = fd00:99::10-fd00:99::100
    dns = fd00:113::53 }"""


@dataclass(frozen=True, slots=True)
class Client:
    """`proof`: eap (`eap`: any method the gateway asks for, or eap-gtc alone; eap-tls with user.crt), pubkey
    (user.crt), or psk. `identity`: the gateway's, and `demands` of its proof."""

    gateway: str
    identity: str
    user: str = "alice"
    password: str = "alicepass"
    proof: str = "eap"
    eap: str = "eap"
    proposals: str = SUITE
    esp: str = ESP
    demands: str = "pubkey"

    def text(self) -> str:
        own = {
            "eap": f'auth = {self.eap}\neap_id = "{self.user}"' + "\ncerts = user.crt" * (self.eap == "eap-tls"),
            "pubkey": "auth = pubkey\ncerts = user.crt",
            "psk": f'auth = psk\nid = "{self.user}"',
        }[self.proof]
        trusts = "auth = psk" if self.proof == "psk" else f"auth = {self.demands}\ncacerts = ca.crt"
        secret = "ike" if self.proof == "psk" else "eap"
        return f"""connections {{ ra {{
    version = 2
    remote_addrs = {self.gateway}
    proposals = {self.proposals}
    vips = 0.0.0.0
    dpd_delay = 20s
    send_cert = always
    local {{ {own} }}
    remote {{ {trusts}
        id = "{self.identity}" }}
    children {{ net {{
        remote_ts = 0.0.0.0/0
        esp_proposals = {self.esp} }} }} }} }}
secrets {{ {secret}-user {{ id = "{self.user if secret == "eap" else self.identity}"
        secret = "{self.password}" }} }}
"""


@dataclass(frozen=True, slots=True)
class Gateway:
    """User alice, pool from 10.99.99.10, with `ipv6` also from fd00:99::10. `eap`: the method that it asks for; `proof`
    as of a client."""

    address: str = "192.0.2.50"
    identity: str = "gw.example.org"
    user: str = "alice"
    password: str = "alicepass"
    proof: str = "eap"
    eap: str = "mschapv2"
    proposals: str = SUITE
    esp: str = f"{ESP},{ESP}-ecp384"
    networks: str = "0.0.0.0/0"
    ipv6: bool = False

    def text(self) -> str:
        clients = {
            "eap": f"auth = eap-{self.eap}\neap_id = %any",
            "pubkey": "auth = pubkey\ncacerts = ca.crt",
            "psk": "auth = psk",
        }[self.proof]
        own = "auth = psk" if self.proof == "psk" else "auth = pubkey\ncerts = vpngw.crt"
        secret = "ike" if self.proof == "psk" else "eap"
        return f"""connections {{ ra {{
    version = 2
    local_addrs = {self.address}
    proposals = {self.proposals}
    pools = inner{", inner6" if self.ipv6 else ""}
    send_cert = always
    dpd_delay = 20s
    local {{ {own}
        id = {self.identity} }}
    remote {{ {clients} }}
    children {{ net {{
        local_ts = {self.networks}
        esp_proposals = {self.esp} }} }} }} }}
pools {{ {_POOL6 if self.ipv6 else ""} inner {{ addrs = 10.99.99.10-10.99.99.100
    dns = 10.99.99.1 }} }}
secrets {{ {secret}-alice {{ id = {self.user}
        secret = "{self.password}" }} }}
"""
