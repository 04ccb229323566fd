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
    (user.crt), psk, or both (the certificate, then eap). `identity`: the gateway's, and `demands` of its proof. `ppk`:
    hexadecimal octets of a PPK that is called alice-1, and demanded. `more`: lines of the connection, `child`: of its
    child. `dpd`: seconds."""

    gateway: str
    identity: str
    user: str = "alice"
    password: str = "alicepass"
    proof: str = "eap"
    eap: str = "eap"
    proposals: str = SUITE
    esp: str = ESP
    demands: str = "pubkey"
    ppk: str = ""
    more: str = ""
    networks: str = "0.0.0.0/0"
    vips: str = "0.0.0.0"  # noqa: S104 - an address is asked for
    child: str = ""
    dpd: int = 20

    def text(self) -> str:
        login = f'auth = {self.eap}\neap_id = "{self.user}"' + "\ncerts = user.crt" * (self.eap == "eap-tls")
        own = {
            "eap": f"local {{ {login} }}",
            "pubkey": "local { auth = pubkey\ncerts = user.crt }",
            "psk": f'local {{ auth = psk\nid = "{self.user}" }}',
            "both": f"local-1 {{ auth = pubkey\ncerts = user.crt }}\nlocal-2 {{ {login} }}",
        }[self.proof]
        trusts = "auth = psk" if self.proof == "psk" else f"auth = {self.demands}"
        trusts += "" if self.proof == "psk" or self.demands.startswith("eap") else "\ncacerts = ca.crt"
        secret = "ike" if self.proof == "psk" else "eap"
        return f"""connections {{ ra {{
    version = 2
    remote_addrs = {self.gateway}
    proposals = {self.proposals}
    vips = {self.vips}
    dpd_delay = {self.dpd}s
    send_cert = always
    {_ppk(self.ppk)}
    {self.more}
    {own}
    remote {{ {trusts}
        id = "{self.identity}" }}
    children {{ net {{
        remote_ts = {self.networks}
        esp_proposals = {self.esp}
        {self.child} }} }} }} }}
secrets {{ {secret}-user {{ id = "{self.user if secret == "eap" else self.identity}"
        secret = "{self.password}" }} {_secret(self.ppk)} }}
"""


def _ppk(key: str) -> str:
    """Lines of a connection."""
    return "ppk_id = alice-1\nppk_required = yes" if key else ""


def _secret(key: str) -> str:
    return f"ppk-alice {{ id = alice-1\nsecret = 0x{key} }}" if key else ""


@dataclass(frozen=True, slots=True)
class Gateway:
    """User alice, pool from 10.99.99.10, with `ipv6` also from fd00:99::10. `eap`: the method that it asks for; `proof`
    and `more` as of a client. `alone`: it proves itself inside of that method alone (RFC 5998)."""

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
    ppk: str = ""
    more: str = ""
    alone: bool = False

    def text(self) -> str:
        login = f"auth = eap-{self.eap}\neap_id = %any"
        device = "auth = pubkey\ncacerts = ca.crt"
        clients = {
            "eap": f"remote {{ {login} }}",
            "pubkey": f"remote {{ {device} }}",
            "psk": "remote { auth = psk }",
            "both": f"remote-1 {{ {device} }}\nremote-2 {{ {login} }}",
        }[self.proof]
        way = f"eap-{self.eap}" if self.alone else "pubkey"
        own = "auth = psk" if self.proof == "psk" else f"auth = {way}\ncerts = vpngw.crt"
        secret = "ike" if self.proof == "psk" else "eap"
        return f"""connections {{ ra {{
    version = 2
    local_addrs = {self.address}
    proposals = {self.proposals}
    pools = inner{", inner6" if self.ipv6 else ""}
    send_cert = always
    dpd_delay = 20s
    {self.more}
    local {{ {own}
        id = {self.identity} }}
    {clients}
    {_ppk(self.ppk)}
    children {{ net {{
        local_ts = {self.networks}
        esp_proposals = {self.esp} }} }} }} }}
pools {{ {_POOL6 if self.ipv6 else ""} inner {{ addrs = 10.99.99.10-10.99.99.100
    dns = 10.99.99.1 }} }}
secrets {{ {secret}-alice {{ id = {self.user}
        secret = "{self.password}" }} {_secret(self.ppk)} }}
"""
