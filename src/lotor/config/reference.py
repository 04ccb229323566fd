"""docs/configuration.md from the directive tables: `python -m lotor.config.reference > docs/configuration.md`."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from lotor.config.directive import MANDATORY, Block, Directive, Row, Use
from lotor.config.tables.root import ROOT

WIDTH = 79

INTRODUCTION = """\
# The configuration file

<!-- Made from the directive tables by `python -m lotor.config.reference`. -->

lotor reads racoon.conf as racoon does: the gateway's and the client's files of
the NetBSD HOW-TO work unchanged. One file can hold a gateway, a client or both.

    lotor check racoon.conf

reports everything that is wrong with a file in one run, each mistake with its
file, line and column, and starts nothing. The daemon does not start while its
file contains a mistake. What a file of racoon has that does not work here, and
why, is in [compat.md](compat.md).

A minimal gateway:

    path certificate "/etc/lotor/certs";
    remote anonymous {
        exchange_mode aggressive;
        certificate_type x509 "vpngw.crt" "vpngw.key";
        my_identifier asn1dn;
        proposal_check claim;
        nat_traversal on;
        ike_frag on;
        dpd_delay 20;
        proposal {
            encryption_algorithm aes 256;
            hash_algorithm sha256;
            authentication_method hybrid_rsa_server;
            dh_group modp2048;
        }
    }
    mode_cfg {
        network4 10.99.99.1;
        pool_size 253;
        auth_source local;
    }
    sainfo anonymous {
        lifetime time 1 hour;
        encryption_algorithm aes;
        authentication_algorithm hmac_sha256;
        compression_algorithm deflate;
    }

## How it is written

- A statement ends with `;`. A block stands in braces, without a `;` behind it.
- `#` begins a comment, which goes on to the end of the line.
- `"S"` is text in quotes, on one line; there are no escapes. Names of files,
  users and hosts are in quotes, addresses and keywords are not.
- `N` is a decimal number, `ADDR` an IP address. `ADDR[[port]]` is one that may
  have a port in brackets, without blanks: `192.0.2.1[500]`.
- A time is a number and its unit: `20 sec`, `5 min`, `8 hour`.
- Statements may come in any order. Of a statement that counts once the last
  one counts when it is written twice, with a warning; of those marked
  *repeatable* all count.
- A relative file name starts at its `path` directive, or where there is none at
  the directory of the configuration file. It cannot lead out of it by `..`.
- A file name that begins with `${CREDENTIALS_DIRECTORY}` is one of the
  credentials that systemd gives the service (`LoadCredential=`), see
  [service.md](service.md). No other variable is looked up.

Names of weak algorithms (MD5, SHA-1, 3DES, Diffie-Hellman below 2048 bits) work
where they are written, with a warning. DES and 768-bit Diffie-Hellman are
refused.

lotor reads and checks a directive that is marked *not available in this
version*, and refuses it when the daemon would need it. It reads and checks a
directive that is marked *no effect*, and otherwise ignores it with a warning.
"""


def reference() -> str:
    """The whole document; lines fit 80 columns where words allow."""
    parts = [INTRODUCTION, "## Outside of all braces\n", *_rows(ROOT)]
    for path, block in _blocks(ROOT, ""):
        parts += [_heading(path), *_block(block), *_rows(block)]
    return "\n".join(parts)


def _blocks(block: Block, path: str) -> Iterator[tuple[str, Block]]:
    for row in block.rows:
        if isinstance(row, Block):
            inside = f"{path} {row.name}".strip()
            yield inside, row
            yield from _blocks(row, inside)


def _heading(path: str) -> str:
    outer, _, name = path.rpartition(" ")
    return f"## {name} {{ }}" + (f" (in {outer})" if outer else "") + "\n"


def _block(block: Block) -> Iterator[str]:
    header = block.header.syntax()
    if header:
        yield _code(f"{block.name} {header} {{ … }}")
    yield _filled(" ".join(filter(None, (block.meaning, _state(block), _differs(block)))))
    yield from _words(block.header.remarks())


def _rows(block: Block) -> Iterator[str]:
    for row in block.rows:
        if isinstance(row, Directive):
            yield f"### {row.name}\n"
            yield _code(f"{row.name} {row.argument.syntax()}".strip() + ";")
            yield _filled(
                " ".join(filter(None, (row.meaning, row.argument.limits(), _default(row), _state(row), _differs(row))))
            )
            yield from _words(() if row.use is Use.REFUSED else row.argument.remarks())


def _default(row: Directive) -> str:
    if row.use is Use.REFUSED:
        return ""
    if row.default is MANDATORY:
        return "*Mandatory.*"
    text = row.default_text or _value(row.default)
    repeatable = " *Repeatable.*" if row.repeatable else ""
    most = f" At most {row.most} in all." if row.most else ""
    aliases = f" Also written {', '.join(f'`{alias}`' for alias in row.aliases)}." if row.aliases else ""
    return f"Default: {text}.{repeatable}{most}{aliases}"


def _value(default: Any) -> str:
    return str(default) if default not in (None, ()) else "none"


def _state(row: Row) -> str:
    note = f": {row.note}" if row.note else ""
    return {
        Use.WORKS: "",
        Use.NO_EFFECT: f"*No effect*{note}.",
        Use.LATER: f"*Not available in this version*{note}.",
        Use.EXTENSION: "*lotor only.*",
        Use.REFUSED: f"*Refused*{note}.",
    }[row.use]


def _differs(row: Row) -> str:
    return f"Unlike racoon: {row.differs}" if row.differs else ""


def _words(remarks: tuple[tuple[str, str], ...]) -> Iterator[str]:
    told = [(word, meaning) for word, meaning in remarks if meaning]
    if not told:
        return
    names = [f"`{word}`" for word, meaning in remarks if not meaning]
    lines = [_filled(f"- `{word}`: {meaning}", "  ").rstrip("\n") for word, meaning in told]
    if names:
        lines.insert(0, _filled(f"- {', '.join(names)}", "  ").rstrip("\n"))
    yield "\n".join(lines) + "\n"


def _code(text: str) -> str:
    lines = textwrap.wrap(text, WIDTH - 4, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"    {line}" for line in lines) + "\n"


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
