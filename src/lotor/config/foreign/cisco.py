"""Profiles of Cisco's VPN client (.pcf) and configurations of vpnc (.conf): a group key and a login, mostly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from lotor.config.foreign.connection import Connection, ForeignError, Ike, Imported, addressed, imported
from lotor.crypto import ciphers, hashes
from lotor.model.algorithms import Cipher, Hash
from lotor.model.secret import Secret

GROUPS = {"2": "modp1024", "5": "modp1536", "14": "modp2048", "15": "modp3072", "16": "modp4096", "17": "modp6144"}
GROUPS |= {"18": "modp8192"}
PCF_METHODS = {"1": "xauth_psk", "3": "xauth_rsa", "5": "hybrid_rsa"}
VPNC_METHODS = {"psk": "xauth_psk", "cert": "xauth_rsa", "hybrid": "hybrid_rsa"}
TRAVERSAL = {"natt": "on", "none": "off", "force-natt": "force"}
DIGEST, IV = 20, 8
PCF_SILENT = frozenset(
    {
        *("description", "enablelocallan", "enablenat", "saveuserpassword", "sendcertchain", "verifycertdn"),
        *("enablemslogon", "mslogontype", "enableispconnect", "ispconnecttype", "ispconnect", "ispphonebook"),
        *("ispcommand", "uselegacyikeport", "certstore", "certserialhash", "certsubjectname", "certpath", "certname"),
        *("dhgroup", "forcekeepalives", "enablesplitdns", "enablebackup", "peertimeout"),
    }
)
VPNC_SILENT = frozenset(
    {
        *("vendor", "no detach", "pidfile", "debug", "ifname", "ifmode", "interface name", "interface mode"),
        *("xauth interactive", "enable weak encryption", "enable weak authentication", "application version"),
        *("interface mtu", "dnsupdate", "password helper"),
    }
)
"""What needs no word: it changes nothing here, or goes without saying."""


def read_pcf(text: str, source: str) -> Imported:
    values = dict(_ini(text))
    host = values.get("host", "")
    if not host:
        raise ForeignError("it has no line Host=: is it a .pcf profile?")
    found = _client(source, host, PCF_METHODS.get(values.get("authtype", "1"), "xauth_psk"))
    found.mine = ("keyid tag", values["groupname"]) if values.get("groupname") else None
    found.login = _user(values)
    found.key = _either(values, "grouppwd", "enc_grouppwd")
    found.password = _either(values, "userpassword", "enc_userpassword")
    found.ike = _offers(_group(found, values.get("dhgroup", "2")))
    if values.get("tunnelingmode") == "1":
        found.lose("TunnelingMode=1", "IPsec over TCP does not exist here; the gateway must take UDP 500 and 4500")
    if values.get("backupserver"):
        found.lose("BackupServer", "there is one gateway for each connection; import a profile for each")
    known = {"host", "authtype", "groupname", "username", "ntdomain", "tunnelingmode", "backupserver", *PCF_SILENT}
    known |= {"grouppwd", "enc_grouppwd", "userpassword", "enc_userpassword"}
    _unknown(found, sorted(values.keys() - known))
    return imported([_whole(found)], source)


def read_vpnc(text: str, source: str) -> Imported:
    values = dict(_words(text))
    host = values.pop("ipsec gateway", "")
    if not host:
        raise ForeignError("it has no line IPSec gateway: is it a configuration of vpnc?")
    found = _client(source, host, VPNC_METHODS.get(values.pop("ike authmode", "psk"), "xauth_psk"))
    if group := values.pop("ipsec id", ""):
        found.mine = ("keyid tag", group)
    found.login = values.pop("xauth username", "")
    found.key = _secret(values.pop("ipsec secret", ""), values.pop("ipsec obfuscated secret", ""))
    found.password = _secret(values.pop("xauth password", ""), values.pop("xauth obfuscated password", ""))
    found.ca = values.pop("ca-file", "")
    found.ike = _offers(_group(found, values.pop("ike dh group", "dh2")))
    secrecy = values.pop("perfect forward secrecy", "server")
    found.pfs_group = _group(found, secrecy) if secrecy.startswith("dh") else ""
    found.nat_traversal = TRAVERSAL.get(values.pop("nat traversal mode", "natt"), "on")
    if re.fullmatch(r"[0-9]{1,9}", idle := values.pop("dpd idle timeout (our side)", "")):
        found.dpd_delay = int(idle)
    if "enable single des" in values:
        values.pop("enable single des")
        found.lose("Enable Single DES", "DES is broken in hours; the gateway must know AES or 3DES")
    if "no encryption" in values or "enable no encryption" in values:
        found.lose("Enable no encryption", "nothing is sent in clear; the gateway must know AES or 3DES")
    silent = {*VPNC_SILENT, "no encryption", "enable no encryption"}
    _unknown(found, sorted(values.keys() - silent))
    return imported([_whole(found)], source)


def revealed(obfuscated: str) -> bytes:
    """What `enc_GroupPwd` and vpnc's obfuscated secrets hide. All that the key is made of stands beside the text, so
    this is no encryption. Raises `ForeignError`."""
    try:
        octets = bytes.fromhex(obfuscated)
    except ValueError:
        raise ForeignError("an obfuscated password is no hexadecimal text") from None
    seed, check, sealed = octets[:DIGEST], octets[DIGEST : 2 * DIGEST], octets[2 * DIGEST :]
    if not sealed or len(sealed) % IV or hashes.digest(Hash.SHA1, sealed) != check:
        raise ForeignError("an obfuscated password is damaged: its checksum does not fit")
    plain = ciphers.cbc(Cipher.TRIPLE_DES_CBC, obfuscation_key(seed)).decrypt(seed[:IV], sealed)
    if not 1 <= plain[-1] <= IV:
        raise ForeignError("an obfuscated password is damaged: its padding does not fit")
    return plain[: -plain[-1]]


def obfuscation_key(seed: bytes) -> bytes:
    """SHA-1 of the seed with its last octet 1 higher, then 3 higher, cut to a key of Triple DES."""
    first, second = (hashes.digest(Hash.SHA1, seed[:-1] + bytes(((seed[-1] + step) & 0xFF,))) for step in (1, 3))
    return (first + second)[:24]


def _client(source: str, host: str, method: str) -> Connection:
    return Connection(
        name=source,
        host=host,
        aggressive=method != "xauth_rsa",
        method=method,
        ciphers=["aes 256", "aes 128", "3des"],
        integrities=["hmac_sha1", "hmac_md5"],
    )


def _whole(found: Connection) -> Connection:
    """What is left to do so that it works."""
    if "psk" in found.method and found.key is None:
        found.lose("the group's password", f"it is not in the file: add a line with it to psk.txt, for {found.host}")
    if found.method == "hybrid_rsa" and not found.ca:
        found.ca = "ca.crt"
        found.lose("the authority", "put its certificate into ca.crt beside racoon.conf")
    if found.method == "xauth_rsa":
        found.ca, found.certificate = found.ca or "ca.crt", ("user.crt", "user.key")
        found.lose("the certificate", "export it, its key and its authority to user.crt, user.key and ca.crt")
    if not addressed(found.host):
        found.left.append(f"connect by the name: lotor vc {found.host}")
    return found


def _user(values: Mapping[str, str]) -> str:
    user, domain = values.get("username", ""), values.get("ntdomain", "")
    return f"{domain}\\{user}" if user and domain else user


def _group(found: Connection, word: str) -> str:
    number = word.removeprefix("dh")
    if number not in GROUPS:
        found.lose(f"Diffie-Hellman group {number}", "lotor has no such group, or it is broken; group 2 is offered")
    return GROUPS.get(number, "modp1024")


def _offers(group: str) -> list[Ike]:
    return [Ike(cipher, digest, group) for cipher in ("aes 256", "aes 128", "3des") for digest in ("sha1", "md5")]


def _either(values: Mapping[str, str], plain: str, obfuscated: str) -> Secret | None:
    return _secret(values.get(plain, ""), values.get(obfuscated, ""))


def _secret(plain: str, obfuscated: str) -> Secret | None:
    if plain:
        return Secret(plain.encode())
    return Secret(revealed(obfuscated)) if obfuscated else None


def _unknown(found: Connection, names: Iterable[str]) -> None:
    for name in names:
        found.lose(name, "lotor has no such setting")


def _ini(text: str) -> Iterator[tuple[str, str]]:
    """Names in small letters. A `!` before a name only says that the user may not change it."""
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith((";", "#")):
            yield name.strip().lstrip("!").strip().lower(), value.strip()


_VPNC_NAMES = re.compile(
    r"(ipsec gateway|ipsec id|ipsec secret|ipsec obfuscated secret|xauth username|xauth password|"
    r"xauth obfuscated password|ike authmode|ike dh group|perfect forward secrecy|nat traversal mode|ca-file|ca-dir|"
    r"domain|dpd idle timeout \(our side\)|enable single des|enable no encryption|no encryption|"
    r"enable weak encryption|enable weak authentication|vendor|application version|interface name|interface mode|"
    r"interface mtu|ifname|ifmode|script|local port|local addr|cisco udp encapsulation port|debug|no detach|pidfile|"
    r"xauth interactive|password helper|dnsupdate|ipsec target network|target networks)(?:\s+(.*))?$",
    re.IGNORECASE,
)


def _words(text: str) -> Iterator[tuple[str, str]]:
    """A line is the name of a setting, of several words, and its value to the end of the line."""
    for line in text.splitlines():
        found = _VPNC_NAMES.match(line.strip())
        if found:
            yield found[1].lower(), (found[2] or "").strip()
        elif line.strip() and not line.lstrip().startswith("#"):
            yield line.strip().split()[0].lower(), ""
