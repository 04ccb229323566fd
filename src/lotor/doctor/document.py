"""The table of docs/doctor.md: `python -m lotor.doctor.document` writes it between its marks."""

from __future__ import annotations

from pathlib import Path

from lotor.doctor.check import BOTH
from lotor.doctor.checks import CHECKS
from lotor.model.policy import Side

PAGE = Path("docs/doctor.md")
BEGIN, END = "<!-- checks -->\n", "<!-- end of checks -->\n"


def table() -> str:
    rows = []
    for each in CHECKS:
        where = "both" if each.sides == BOTH else "gateway" if Side.GATEWAY in each.sides else "client"
        rows.append(f"| {each.name} | {where} | {each.about} |\n")
    return "| check | where | asks |\n|---|---|---|\n" + "".join(rows)


def renewed(page: str) -> str:
    """The page with the table of today."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
