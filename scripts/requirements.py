"""Prints what pyproject.toml wants installed, one requirement a line: the program's own and the developers' extra, or
that of the extra named."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).parent.with_name("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
print("\n".join(extras[sys.argv[1]] if sys.argv[1:] else [*project["dependencies"], *extras["dev"]]))
