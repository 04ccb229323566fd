"""The table of the file itself: what may stand outside of all braces."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from lotor.config.arguments import Argument, File, Number, Text
from lotor.config.choices import SWITCH, Choice, Keyword
from lotor.config.database import DatabaseUrlError, database_of, is_database
from lotor.config.directive import Block, Directive, Use
from lotor.config.settings import (
    FileName,
    FleetSettings,
    LogForm,
    LogLevel,
    Paths,
    Places,
    Settings,
    WhileAway,
)
from lotor.config.tables.backends import RADIUSCFG
from lotor.config.tables.general import LISTEN, PADDING, PRIVSEP, TIMER
from lotor.config.tables.ldap import LDAPCFG
from lotor.config.tables.mode_cfg import MODE_CFG
from lotor.config.tables.network import NETWORK, InterfaceOf
from lotor.config.tables.remote import REMOTE
from lotor.config.tables.sainfo import SAINFO
from lotor.config.words import Mistake, Words, place
from lotor.model.engines import EngineWish, Wanted
from lotor.model.offloads import Offloads

DEFAULT_FLEET_KEY = FileName("/etc/lotor/fleet.key", Path("/etc/lotor/fleet.key"))
LONGEST_FLEET_NAME = 63
"""Characters: the longest name that a host has without a domain."""
DEFAULT_STORE = FileName("/var/lib/lotor/lotor.db", Path("/var/lib/lotor/lotor.db"))
PATHS = {
    "include": "The directory of files that `include` names without a leading /.",
    "pre_shared_key": "The file of shared keys, and of passwords for xauth_login. A gateway takes the line of what the "
    "client calls itself (aggressive mode), or else of its address. A client takes that of a peers_identifier, or else "
    "of the name that was typed, or else of the address that it calls: what the gateway calls itself does not count. "
    "The line of * is for everybody else.",
    "ppk": "The file of post-quantum pre-shared keys, for `ppk` of a remote block. A line is whose PPK it is, as in "
    "the file of pre_shared_key, its name, and the key, with blanks between them; 0x stands before octets in "
    "hexadecimal. A client that logs in goes by its user name.",
    "certificate": "The directory of certificates and keys.",
    "script": "The directory of scripts.",
    "backupsa": "A file to which SAs are written.",
    "pidfile": "The file that holds the daemon's process number.",
}
_HERE = "the directory of the configuration file"
_PATH_DEFAULTS = {
    "include": _HERE,
    "pre_shared_key": "none",
    "ppk": "none",
    "certificate": _HERE,
    "script": _HERE,
    "backupsa": "none",
    "pidfile": '"/run/lotor/lotor.pid"',
}


def _path(kind: str, meaning: str) -> Directive:
    shown = "dir" if kind in {"include", "certificate", "script"} else "file"
    later = kind == "backupsa"
    return Directive(
        f"path {kind}",
        File(shown=shown),
        meaning,
        field=f"path_{kind}",
        default_text=_PATH_DEFAULTS[kind],
        use=Use.LATER if later else Use.EXTENSION if kind == "ppk" else Use.WORKS,
        note="SAs are not saved" if later else "",
        differs="it counts wherever it stands in the file; in racoon only for what follows." if shown == "dir" else "",
    )


PATH_ROWS = {kind: _path(kind, meaning) for kind, meaning in PATHS.items()}
INCLUDED = "the name of a file in quotes, maybe with * and ?"
INCLUDE = Directive(
    "include",
    Text(INCLUDED, shown="file"),
    "Read other files in place of this line; * and ? stand for any characters, ~ for the home directory. Files may "
    "include others 10 deep. Where no file fits there is a warning.",
    default=(),
    default_text="none",
    field="included",
    repeatable=True,
)


ENGINE = Keyword(
    (
        Choice("auto", EngineWish.AUTO, "the kernel where esp_offload asks for it and it has ESP, else user space"),
        Choice("userspace", EngineWish.USERSPACE, "lotor itself, on any kernel"),
        Choice("kernel", EngineWish.KERNEL, "the host's kernel; where it has no ESP, lotor does not start"),
        Choice("prefer_kernel", EngineWish.PREFER_KERNEL, "the kernel where it has ESP, else user space"),
    )
)
OFFLOADS = {
    "tso": "The TUN device gives and takes TCP packets of up to 64 KiB",
    "uso": "The same for UDP, where the kernel has it (Linux 6.2)",
    "udp_segment": "ESP in UDP leaves many packets at a time (Linux 4.18)",
    "udp_gro": "ESP in UDP arrives many packets at a time (Linux 5.0)",
}


def _offload(name: str, meaning: str) -> Directive:
    return Directive(
        f"offload {name}",
        SWITCH,
        f"{meaning}. Whatever the kernel cannot do is off by itself (lotor status -v); read at the start only.",
        default=True,
        default_text="on",
        field=f"offload_{name}",
        use=Use.EXTENSION,
    )


class StoreOf(Argument):
    """A file in quotes, `none`, or the URL of a database in quotes."""

    wanted: ClassVar[str] = "the name of a file or the URL of a database in quotes, or none"

    def read(self, words: Words) -> FileName | FleetSettings | None:
        following = words.peek()
        if following is not None and following.text == "none":
            words.take(self.wanted)
            return None
        token = words.quoted(self.wanted)
        if not is_database(token.text):
            return place(words, "", token)
        try:
            return database_of(token.text)
        except DatabaseUrlError as error:
            raise Mistake(token.at, str(error), tells=True) from None

    def syntax(self) -> str:
        return '"file"|"postgresql://user:password@host/database"|none'


def make_settings(*, places: Places, **fields: Any) -> Settings:
    """The settings of a file; the `path` lines become one value."""
    fields.pop("included")
    paths = Paths(**{kind: fields.pop(f"path_{kind}") for kind in PATHS}, places=places)
    offloads = Offloads(**{name: fields.pop(f"offload_{name}") for name in OFFLOADS})
    fields["engine"] = Wanted(fields.pop("engine_wish"), fields.pop("engine_offload"))
    beside, named = fields.pop("local_store"), fields["store"]
    fleet = named if isinstance(named, FleetSettings) else None
    fields |= {"store": named if fleet is None else beside, "fleet": fleet}
    return Settings(**fields, paths=paths, offloads=offloads, places=places)


ROOT = Block(
    "racoon.conf",
    (
        *PATH_ROWS.values(),
        INCLUDE,
        Directive(
            "log",
            Keyword(tuple(Choice(level.value, level) for level in LogLevel)),
            "How much the journal tells.",
            default=LogLevel.INFO,
            default_text="info",
        ),
        Directive(
            "log_format",
            Keyword(tuple(Choice(form.value, form) for form in LogForm)),
            "The form of a line of the journal: a sentence for people, or an object of JSON with the fields of its "
            "event (docs/events.md).",
            default=LogForm.TEXT,
            default_text="text",
            use=Use.EXTENSION,
        ),
        Directive(
            "engine",
            ENGINE,
            "What carries ESP. Read at the start only; docs/kernel.md, and `lotor status` says which one and why.",
            default=EngineWish.AUTO,
            default_text="auto",
            field="engine_wish",
            use=Use.EXTENSION,
        ),
        Directive(
            "esp_offload",
            InterfaceOf(),
            "The network device that does the cryptography of the kernel's ESP, where its driver can (ethtool -k: "
            "esp-hw-offload). With engine auto it asks for the kernel's engine. Only native ESP goes through it, none "
            "in UDP, and what it does not take the kernel seals itself. Read at the start only; docs/kernel.md.",
            default="",
            default_text="none",
            field="engine_offload",
            use=Use.EXTENSION,
        ),
        *(_offload(name, meaning) for name, meaning in OFFLOADS.items()),
        Directive(
            "store",
            StoreOf(),
            "Where a gateway keeps what outlives it: who had which address, the sessions of the past, bans. none: in "
            "memory only. The directory of a file must be there. A database makes it one of a fleet, whose gateways "
            "share it (docs/fleet.md). Read at the start only; docs/store.md.",
            default=DEFAULT_STORE,
            default_text=f'"{DEFAULT_STORE.name}"',
            use=Use.EXTENSION,
            secret=True,
            tells=True,
        ),
        Directive(
            "local_store",
            File(shown="file"),
            "The file that a gateway of a fleet has beside the database, for itself: accounting records that wait, "
            "and what it knows while the database is away. Read at the start only.",
            default=DEFAULT_STORE,
            default_text=f'"{DEFAULT_STORE.name}"',
            use=Use.EXTENSION,
        ),
        Directive(
            "fleet_name",
            Text("a name in quotes, like gw1", longest=LONGEST_FLEET_NAME, pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*"),
            "What the other gateways of a fleet, and `lotor status`, call this one. Each has another. Read at the "
            "start only.",
            default="",
            default_text="the name of the host",
            use=Use.EXTENSION,
        ),
        Directive(
            "lease_time",
            Number(30, 86400, "seconds"),
            "How long the addresses of a gateway of a fleet stay its own after the database has heard of it last: "
            "then others may give them. Read at the start only.",
            default=600,
            use=Use.EXTENSION,
        ),
        Directive(
            "while_store_away",
            Keyword(
                (
                    Choice("refuse", WhileAway.REFUSE, "nobody, with a message that says why"),
                    Choice(
                        "known",
                        WhileAway.KNOWN,
                        "a user whose address this gateway still holds, within the lease time",
                    ),
                )
            ),
            "Whom a gateway of a fleet lets in while the database cannot be asked. No tunnel ends for it.",
            default=WhileAway.REFUSE,
            default_text="refuse",
            use=Use.EXTENSION,
        ),
        Directive(
            "history_days",
            Number(0, 3650, "days"),
            "How long the sessions of the past stay in the store, for `lotor history`; 0: they are not kept.",
            default=90,
            use=Use.EXTENSION,
        ),
        Directive(
            "fleet_key",
            File(),
            "Where the gateways of a fleet keep the key with which the lines of lotor's own users cross the database: "
            "the same 64 hexadecimal digits at each, for root's eyes only. Without it users are not shared; "
            "docs/fleet.md.",
            default=DEFAULT_FLEET_KEY,
            default_text=f'"{DEFAULT_FLEET_KEY.name}"',
            use=Use.EXTENSION,
        ),
        Directive(
            "pfkey_buffer",
            Number(0, 1 << 20),
            "Size of the PF_KEY socket's buffers, kilobytes.",
            default=0,
            use=Use.NO_EFFECT,
            note="there is no PF_KEY socket",
        ),
        Directive(
            "gss_id_enc",
            Keyword((Choice("utf-16le", "utf-16le"), Choice("latin1", "latin1"))),
            "How GSSAPI names are encoded.",
            default="utf-16le",
            use=Use.NO_EFFECT,
            note="there is no GSSAPI",
        ),
        Directive(
            "complex_bundle",
            SWITCH,
            "How AH and ESP are proposed together.",
            default=True,
            default_text="on",
            use=Use.NO_EFFECT,
            note="there is no AH",
        ),
        LISTEN,
        TIMER,
        MODE_CFG,
        NETWORK,
        REMOTE,
        SAINFO,
        RADIUSCFG,
        LDAPCFG,
        PADDING,
        PRIVSEP,
    ),
    "The statements of the file, in any order.",
    make_settings,
)
