"""Prints the copyright file of the Debian package: lotor's own licence, and that of every program which the package
has inside, as the authors wrote them. usage: copyright.py SITE, where the modules were put together."""

from __future__ import annotations

import json
import re
import sys
from email.parser import HeaderParser
from pathlib import Path

HEAD = """lotor, a remote-access IPsec VPN: gateway and client.

Copyright: the authors of lotor
License: Apache-2.0

On Debian systems the full text of the Apache License, version 2.0, is in
/usr/share/common-licenses/Apache-2.0.

Below /usr/lib/lotor the package has other programs inside: Python packages, and the
Rust crates of which lotor/_native.abi3.so is made. Their licences follow.
"""
LICENCES = ("LICENSE*", "LICENCE*", "COPYING*", "NOTICE*", "UNLICENSE*", "COPYRIGHT*")
OWN = "lotor"
COMMON = {
    "Apache-2.0": r"Apache License\s+Version 2\.0, January 2004.*?END OF TERMS AND CONDITIONS",
    "GPL-2": r"GNU GENERAL PUBLIC LICENSE\s+Version 2, June 1991.*?END OF TERMS AND CONDITIONS",
}
"""Licences whose whole text every Debian system has."""


def packages(site: Path) -> list[tuple[str, str, list[Path]]]:
    """Name with version, licence, files of each Python package."""
    found = []
    for place in sorted(site.glob("*.dist-info")):
        told = HeaderParser().parsestr((place / "METADATA").read_text())
        if told["Name"] != OWN:
            files = sorted(file for file in (place / "licenses").rglob("*") if file.is_file())
            found.append((f"{told['Name']} {told['Version']}", told["License-Expression"] or told["License"], files))
    return found


def crates(site: Path) -> list[tuple[str, str, list[Path]]]:
    """The same of each Rust crate, as maturin lists them and cargo has them."""
    (listed,) = site.glob(f"{OWN}-*.dist-info/sboms/*.json")
    found = []
    for part in json.loads(listed.read_text())["components"]:
        if part["name"].startswith(OWN):
            continue
        name = f"{part['name']}-{part['version']}"
        files = [
            file
            for place in (Path.home() / ".cargo" / "registry" / "src").glob(f"*/{name}")
            for pattern in LICENCES
            for file in sorted(place.glob(pattern))
            if file.is_file()
        ]
        found.append((f"{part['name']} {part['version']}", part["licenses"][0]["expression"], files))
    return found


def shortened(text: str) -> str:
    """Where a licence that every Debian system has stands in the text, its place there."""
    for name, pattern in COMMON.items():
        text = re.sub(pattern, f"[the text of /usr/share/common-licenses/{name}]", text, flags=re.DOTALL)
    return text


def main(site: Path) -> None:
    print(HEAD)
    texts: dict[str, int] = {}
    for name, licence, files in (*packages(site), *crates(site)):
        read = [shortened(file.read_text(errors="replace").strip()) for file in files]
        numbers = [str(texts.setdefault(text, len(texts) + 1)) for text in dict.fromkeys(read)]
        print(f"{name}\nLicense: {licence}\nTexts: {', '.join(numbers) or 'none in its sources'}\n")
    for text, number in texts.items():
        print(f"Text {number}\n{'-' * 70}\n{text}\n")


main(Path(sys.argv[1]))
