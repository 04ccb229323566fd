"""Prints what pyproject.toml wants installed, one requirement a line: the program's own and the developers' extra."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).parent.with_name("pyproject.toml").read_text())["project"]
print("\n".join([*project["dependencies"], *project["optional-dependencies"]["dev"]]))
