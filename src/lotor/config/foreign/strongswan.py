"""Configurations of strongSwan: `ipsec.conf` with `ipsec.secrets`, and `swanctl.conf`, which has its secrets itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lotor.config.foreign.connection import (
    Connection,
    ForeignError,
    Identifier,
    Ike,
    Imported,
    addressed,
    few,
    imported,
    network4,
)
from lotor.model.secret import Secret

Values = dict[str, str]
CIPHERS = {f"{name}{bits}": f"{word} {bits}" for name, word in (("aes", "aes"), ("camellia", "camellia"))
           for bits in (128, 192, 256)} | {"3des": "3des", "aes": "aes 128", "blowfish128": "blowfish 128"}  # fmt: skip
AEADS = {"aes128gcm16": "aes_gcm_16 128", "aes256gcm16": "aes_gcm_16 256", "chacha20poly1305": "chacha20_poly1305"}
HASHES = {"md5": "md5", "sha1": "sha1", "sha": "sha1", "sha256": "sha256", "sha2_256": "sha256", "sha384": "sha384"}
HASHES |= {"sha512": "sha512", "sha2_384": "sha384", "sha2_512": "sha512"}
GROUPS = {f"modp{bits}": f"modp{bits}" for bits in (1024, 1536, 2048, 3072, 4096, 6144, 8192)}
GROUPS |= {
    "ecp256": "ecp256",
    "ecp384": "ecp384",
    "ecp521": "ecp521",
    "curve25519": "curve25519",
    "x25519": "curve25519",
}
TIMES = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
USUAL = [Ike("aes 256", "sha256", "modp2048"), Ike("aes 128", "sha256", "modp2048"), Ike("aes 128", "sha1", "modp2048")]
METHODS = {
    ("psk", False): "pre_shared_key",
    ("psk", True): "xauth_psk",
    ("pubkey", False): "rsasig",
    ("pubkey", True): "xauth_rsa",
}
QUIET = frozenset(
    {"left", "auto", "keyexchange", "type", "version", "send_cert", "unique", "mobike", "encap", "start_action"}
)


@dataclass(slots=True)
class Section:
    """Braces of swanctl.conf, or a `conn` of ipsec.conf."""

    values: Values = field(default_factory=dict)
    sections: dict[str, Section] = field(default_factory=dict)


# --- ipsec.conf ------------------------------------------------------------------------------------------------------


def read_ipsec(text: str, source: str, secrets: str = "") -> Imported:
    sections = dict(_sections(text))
    few(sections)
    default = sections.get("%default", {})
    parents = {"%default", *(each.get("also", "") for each in sections.values())}
    left: list[str] = []
    found = []
    for name, values in sections.items():
        if name in parents or not values:
            continue
        whole = {**default, **_also(values, sections)}
        if whole.get("keyexchange", "ike") not in {"ikev1", "ike"} or _two(whole):
            left.append(f"{name}: keyexchange={whole.get('keyexchange', 'ikev2')}: IKEv2 comes with a later version")
        else:
            found.append(_conn(name, whole))
    known = list(_secrets(secrets))
    for each in found:
        _keyed(each, known)
    return imported(found, source, left)


def _two(values: Values) -> bool:
    """`ike`, and nothing, means IKEv2 to strongSwan 5: unless it logs in by XAUTH it is not for here."""
    return "keyexchange" not in values and "xauth" not in "".join(values.values())


def _sections(text: str) -> Iterator[tuple[str, Values]]:
    name, values = "", Values()
    for line in text.splitlines():
        bare = re.sub(r"(^|\s)#.*", "", line).rstrip()
        if bare[:1].strip():
            if name:
                yield name, values
            kind, _, rest = bare.partition(" ")
            name, values = (rest.strip() if kind == "conn" else ""), Values()
        elif "=" in bare:
            key, _, value = bare.strip().partition("=")
            values[key.strip().lower()] = value.strip().strip('"')
    if name:
        yield name, values


def _also(values: Values, sections: Mapping[str, Values], depth: int = 5) -> Values:
    parent = sections.get(values.get("also", ""), {}) if depth else {}
    inherited = _also(parent, sections, depth - 1) if parent else {}
    return {**inherited, **{key: value for key, value in values.items() if key != "also"}}


def _conn(name: str, values: Values) -> Connection:
    taken = dict(values)
    gateway = "rightsourceip" in taken or taken.get("xauth") == "server"
    authby = taken.pop("authby", "")
    ours, theirs = taken.pop("leftauth", ""), taken.pop("rightauth", "")
    second = f"{taken.pop('leftauth2', '')} {taken.pop('rightauth2', '')} {authby} {ours} {theirs}"
    login = "xauth" in second
    method = _method(ours or authby, theirs or authby, login=login, gateway=gateway)
    found = Connection(name, gateway=gateway, host=_host(taken.pop("right", "")), method=method)
    found.aggressive = taken.pop("aggressive", "no") in {"yes", "true"}
    found.mine, found.peers = _identity(taken.pop("leftid", "")), _identity(taken.pop("rightid", ""))
    found.login = taken.pop("xauth_identity", "")
    _certified(found, taken.pop("leftcert", ""), "")
    found.ike, found.ciphers, found.integrities, found.pfs_group = _offers(
        found, taken.pop("ike", ""), taken.pop("esp", "")
    )
    found.lifetime = _seconds(taken.pop("ikelifetime", ""))
    found.child_lifetime = _seconds(taken.pop("lifetime", "") or taken.pop("keylife", ""))
    found.dpd_delay = _seconds(taken.pop("dpddelay", "")) or (30 if taken.get("dpdaction", "none") != "none" else None)
    found.nat_traversal = "force" if taken.pop("forceencaps", "no") == "yes" else "on"
    found.ipcomp = taken.pop("compress", "no") == "yes"
    found.configuration = "leftsourceip" in taken or gateway
    _networks(found, taken.pop("rightsourceip", ""), taken.pop("rightdns", ""), taken.pop("leftsubnet", ""))
    known = {
        *QUIET,
        "dpdaction",
        "dpdtimeout",
        "leftsourceip",
        "fragmentation",
        "rightsubnet",
        "xauth",
        "rekey",
        "keyingtries",
    }
    for key in sorted(taken.keys() - known):
        found.lose(key, "lotor has no such setting")
    return found


# --- swanctl.conf ----------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r'#[^\n]*|([{}\n])|"((?:[^"\\]|\\[\s\S])*)("?)|([^\s{}#"=]+)|(=)|[ \t\r]+')


def read_swanctl(text: str, source: str) -> Imported:
    root = _braces(text)
    left = [f"include {root.values['include']}: give lotor the one file"] if "include" in root.values else []
    found = []
    connections = root.sections.get("connections", Section()).sections
    few(connections)
    for name, section in connections.items():
        if section.values.get("version") == "1":
            found.append(_connection(name, section, root))
        else:
            left.append(f"{name}: version {section.values.get('version', '0')}: IKEv2 comes with a later version")
    known = list(_named(root.sections.get("secrets", Section())))
    for each in found:
        _keyed(each, known)
    return imported(found, source, left)


def _braces(text: str) -> Section:
    root = Section()
    open_, words = [root], list[str]()
    for match in _TOKEN.finditer(text + "\n"):
        mark, string, closed, word, equals = match.groups()
        if closed == "":
            raise ForeignError("a quote in it is not closed")
        if mark == "{":
            inner = open_[-1].sections.setdefault(words[-1] if words else "", Section())
            open_.append(inner)
            words = []
        elif mark:
            _setting(open_[-1], words)
            words = []
            if mark == "}" and len(open_) > 1:
                open_.pop()
        elif not equals:
            words += [each for each in (string, word) if each is not None]
    return root


def _setting(section: Section, words: list[str]) -> None:
    if len(words) > 1:
        section.values[words[0].lower()] = " ".join(words[1:])


def _connection(name: str, section: Section, root: Section) -> Connection:
    values = dict(section.values)
    ours = [inner.values for key, inner in section.sections.items() if key.startswith("local")]
    theirs = [inner.values for key, inner in section.sections.items() if key.startswith("remote")]
    mine, peers = (next((each for each in ends if "xauth" not in each.get("auth", "")), {}) for ends in (ours, theirs))
    logins = [each for each in (*ours, *theirs) if "xauth" in each.get("auth", "")]
    gateway = "pools" in values or any("xauth" in each.get("auth", "") for each in theirs)
    method = _method(mine.get("auth", "pubkey"), peers.get("auth", "pubkey"), login=bool(logins), gateway=gateway)
    found = Connection(name, gateway=gateway, host=_host(values.pop("remote_addrs", "")), method=method)
    found.aggressive = values.pop("aggressive", "no") in {"yes", "true", "1"}
    found.mine, found.peers = _identity(mine.get("id", "")), _identity(peers.get("id", ""))
    found.login = next((each.get("xauth_id", "") or each.get("id", "") for each in logins), "")
    _certified(found, mine.get("certs", ""), peers.get("cacerts", ""))
    child = next(iter(section.sections.get("children", Section()).sections.values()), Section()).values
    found.ike, found.ciphers, found.integrities, found.pfs_group = _offers(
        found, values.pop("proposals", ""), child.get("esp_proposals", "")
    )
    found.lifetime = _seconds(values.pop("rekey_time", "") or values.pop("reauth_time", ""))
    found.child_lifetime = _seconds(child.get("life_time", "") or child.get("rekey_time", ""))
    found.dpd_delay = _seconds(values.pop("dpd_delay", ""))
    found.nat_traversal = "force" if values.pop("encap", "no") == "yes" else "on"
    found.ipcomp = child.get("ipcomp", "no") == "yes"
    found.configuration = "vips" in values or gateway
    pool = (
        root.sections.get("pools", Section())
        .sections.get(values.pop("pools", "").split(",")[0].strip(), Section())
        .values
    )
    _networks(found, pool.get("addrs", ""), pool.get("dns", ""), child.get("local_ts", "") if gateway else "")
    known = {
        *QUIET,
        "vips",
        "local_addrs",
        "fragmentation",
        "dpd_timeout",
        "rekey_time",
        "reauth_time",
        "keyingtries",
        "over_time",
    }
    for key in sorted(values.keys() - known):
        found.lose(key, "lotor has no such setting")
    return found


# --- both ------------------------------------------------------------------------------------------------------------


def _method(ours: str, theirs: str, *, login: bool, gateway: bool) -> str:
    """`ours`, `theirs`: psk, pubkey, xauth…; a client that only logs in is proved by that alone (hybrid)."""
    client, server = (theirs, ours) if gateway else (ours, theirs)
    if login and client in {"xauth", "xauth-generic"} and "psk" not in server:
        return "hybrid_rsa"
    kind = "psk" if "psk" in f"{ours} {theirs}" or "secret" in f"{ours} {theirs}" else "pubkey"
    return METHODS[kind, login]


ANYBODY = frozenset({"", "%any", "%any4", "%any6", "0.0.0.0/0", "::/0"})


def _host(text: str) -> str:
    first = text.split(",", maxsplit=1)[0].strip()
    return "" if first in ANYBODY else first


def _identity(text: str) -> Identifier | None:
    text = text.removeprefix("keyid:") if (tagged := text.startswith("keyid:")) else text
    if text in {"", "%any", "%fromcert"}:
        return None
    if tagged or text.startswith("@#"):
        return ("keyid tag", _octets(text.removeprefix("@#")) if text.startswith("@#") else text)
    bare = text.removeprefix("fqdn:").removeprefix("email:").lstrip("@")
    if "=" in bare:
        return ("asn1dn", bare.removeprefix("asn1dn:"))
    if addressed(bare):
        return (f"address {bare}", "")
    return ("user_fqdn" if "@" in bare else "fqdn", bare)


def _octets(hexadecimal: str) -> str:
    """Of a key id, as text."""
    try:
        return bytes.fromhex(hexadecimal).decode("ascii")
    except ValueError:
        raise ForeignError(f"the key id {hexadecimal[:40]} is no text: write it into a file, for keyid file") from None


def _certified(found: Connection, certificate: str, authority: str) -> None:
    signs = found.method in {"xauth_rsa", "rsasig"} or (found.method == "hybrid_rsa" and found.gateway)
    judges = found.method in {"xauth_rsa", "rsasig"} or (found.method == "hybrid_rsa" and not found.gateway)
    if signs:
        name = certificate.split(",", maxsplit=1)[0].strip() or "own.crt"
        found.certificate = (name, f"{name.rpartition('.')[0] or name}.key")
        found.lose("the private key", f"put it into {found.certificate[1]} beside racoon.conf, or name another file")
    if judges:
        found.ca = authority.split(",", maxsplit=1)[0].strip() or "ca.crt"
        found.lose("the authority", f"put its certificate into {found.ca} beside racoon.conf, or name another file")


def _offers(found: Connection, ike: str, esp: str) -> tuple[list[Ike], list[str], list[str], str]:
    phase1 = [offer for offer in (_suite(found, each) for each in _listed(ike)) if offer]
    ciphers, integrities, groups = list[str](), list[str](), list[str]()
    for parts in (each.split("-") for each in _listed(esp)):
        ciphers += [word for part in parts if (word := AEADS.get(part) or CIPHERS.get(part))]
        integrities += [f"hmac_{HASHES[part]}" for part in parts if part in HASHES]
        groups += [GROUPS[part] for part in parts if part in GROUPS]
        if lost := [part for part in parts if part not in {*AEADS, *CIPHERS, *HASHES, *GROUPS, "esn", "noesn", ""}]:
            found.lose(f"esp {'-'.join(parts)}", f"lotor does not know {', '.join(lost)} here")
    unique = (list(dict.fromkeys(each)) for each in (ciphers, integrities, groups))
    ciphers, integrities, groups = unique
    return (phase1 or list(USUAL), ciphers, integrities, groups[0] if groups else "")


def _suite(found: Connection, text: str) -> Ike | None:
    parts = text.split("-")
    cipher = next((CIPHERS[part] for part in parts if part in CIPHERS), None)
    digest = next((HASHES[part] for part in parts if part in HASHES), None)
    group = next((GROUPS[part] for part in parts if part in GROUPS), None)
    if cipher and digest and group:
        return Ike(cipher, digest, group)
    found.lose(f"ike {text}", "IKEv1 needs a cipher, a hash and a group that lotor knows")
    return None


def _listed(text: str) -> list[str]:
    return [each.strip().lower() for each in text.rstrip("!").split(",") if each.strip() and each.strip() != "default"]


def _seconds(text: str) -> int | None:
    match = re.fullmatch(r"(\d{1,9})\s*([smhd]?)", text.strip())
    return int(match[1]) * TIMES[match[2]] or None if match else None


def _networks(found: Connection, pool: str, dns: str, inside: str) -> None:
    if not found.gateway:
        return
    first = pool.split(",", maxsplit=1)[0].strip().lstrip("%")
    network = network4(first)
    if network is not None and network.num_addresses > 2:
        found.pool = (str(network[1]), min(network.num_addresses - 2, 65534))
    else:
        found.lose(f"the pool {first or '(none)'}", "write network4 and pool_size into mode_cfg { }")
        found.pool = ("10.99.99.1", 253)
    found.dns = [each.strip() for each in dns.split(",") if addressed(each.strip()) and ":" not in each]
    split = [network4(each.strip()) for each in inside.split(",") if "/" in each]
    found.split = [str(each) for each in split if each is not None and each.prefixlen]
    found.lose("the logins", "auth_source local: add them by lotor user add, or write auth_source system")


Known = tuple[str, tuple[str, ...], Secret]
"""Kind (psk, xauth), whom it is for, and the secret."""


def _secrets(text: str) -> Iterator[Known]:
    """ipsec.secrets: `ids : PSK "secret"`, `user : XAUTH "password"`; 0x and 0s before hexadecimal and Base64."""
    for line in text.splitlines():
        marked = re.search(r":\s*(PSK|XAUTH|EAP)\s+", line)
        names, rest = (line[: marked.start()], line[marked.end() :]) if marked else (line, "")
        value = re.fullmatch(r"(\"[^\"]*\"|\S+)\s*(#.*)?", rest)
        if marked and value and not re.search(r'[#"]', names):
            kind = "psk" if marked[1] == "PSK" else "xauth"
            yield kind, tuple(each.lstrip("@") for each in names.split()), _value(value[1])


def _named(section: Section) -> Iterator[Known]:
    for name, inner in section.sections.items():
        kind = "psk" if name.startswith("ike") else "xauth" if name.startswith(("xauth", "eap")) else ""
        ids = tuple(value.lstrip("@") for key, value in inner.values.items() if key.startswith("id"))
        if kind and "secret" in inner.values:
            yield kind, ids, _value(inner.values["secret"])


def _value(text: str) -> Secret:
    import base64

    if text.startswith('"'):
        return Secret(text[1:-1])
    try:
        if text.startswith("0x"):
            return Secret(bytes.fromhex(text[2:]))
        return Secret(base64.b64decode(text[2:], validate=True) if text.startswith("0s") else text.encode())
    except ValueError:
        raise ForeignError("a secret is neither text nor hexadecimal (0x) nor Base64 (0s)") from None


def _keyed(found: Connection, known: Iterable[Known]) -> None:
    """The secret that names most of the ends; one that names nobody is for everybody."""
    ends = {found.host, *(each[1] for each in (found.mine, found.peers) if each)} - {""}
    keys = [
        (len(ends & set(ids)), secret) for kind, ids, secret in known if kind == "psk" and (not ids or ends & set(ids))
    ]
    if "psk" in found.method or found.method == "pre_shared_key":
        found.key = max(keys, key=lambda each: each[0])[1] if keys else None
        if found.key is None:
            found.lose("the shared key", "it is not in the file: add a line with it to psk.txt")
    passwords = [secret for kind, ids, secret in known if kind == "xauth" and found.login in ids]
    found.password = passwords[0] if passwords and found.login else None
