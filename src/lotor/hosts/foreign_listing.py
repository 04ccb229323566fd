"""What the programs of this host list of its firewalls: nft, and where that shows a part only, iptables-save."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from lotor.hosts import foreign_rules, iptables
from lotor.hosts.commands import Commands
from lotor.hosts.foreign_rules import Ruleset
from lotor.model.frozen import frozen

VEILED = '"xt"'
"""In what nft lists: a match or a target of iptables, of which it shows no more than the name."""
PROGRAMS = {"ip": ("iptables-nft-save", "iptables-save"), "ip6": ("ip6tables-nft-save", "ip6tables-save")}
"""By family, the first one that is there: the short names may be those of the older firewall."""
LEGACY = {
    "ip": (Path("/proc/net/ip_tables_names"), "iptables-legacy-save"),
    "ip6": (Path("/proc/net/ip6_tables_names"), "ip6tables-legacy-save"),
}
"""By family: where the kernel names the tables of its older firewall, and what lists them."""
NOTHING = '{"nftables": []}'


@frozen
class Listing:
    """What programs say of the rules: `nft -j list ruleset`, and `iptables-save` by family (`ip`, `ip6`), which shows
    what nft does not. `legacy`: those of the kernel's older firewall, which has programs of its own."""

    nft: str = NOTHING
    saved: Mapping[str, str] = field(default_factory=dict)
    legacy: bool = False

    def rules(self) -> Ruleset:
        """Raises `ValueError`."""
        found = iptables.whole(foreign_rules.ruleset(self.nft), self.saved)
        return {**found, foreign_rules.LEGACY: self.legacy}


async def listing_of(commands: Commands, *, elements: bool = True) -> Listing:
    """Empty where nft is missing: without it nobody but the older firewall has rules. `elements`: with those of sets,
    which may be a million. Raises `OSError`."""
    if commands.find("nft") is None:
        return Listing()
    listed = await commands.run("nft", "-j", *(() if elements else ("-t",)), "list", "ruleset")
    saved: dict[str, str] = {}
    for family, programs in PROGRAMS.items() if VEILED in listed else ():
        program = next((each for each in programs if commands.find(each) is not None), programs[-1])
        with suppress(OSError):  # then a part of the rules cannot be judged
            saved[family] = await commands.run(program)
    return Listing(listed, saved)


async def legacy_of(commands: Commands) -> Listing | None:
    """None where there are rules that cannot be listed. Nobody asks where there are none: asking would make the
    tables."""
    saved: dict[str, str] = {}
    for family, (names, program) in LEGACY.items():
        if not _text(names).split():
            continue
        try:
            saved[family] = await commands.run(program)
        except OSError:
            return None
    return Listing(saved=saved, legacy=True)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
