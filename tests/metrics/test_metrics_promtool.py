"""Prometheus's own tool on the figures, the alert rules and the board."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lotor.metrics.exposition import Figures
from lotor.metrics.families import FAMILIES, Kind
from lotor.metrics.view import SampleView, figure

MONITORING = Path(__file__).parents[2] / "packaging" / "monitoring"
PROMTOOL = shutil.which("promtool", path=str(Path(sys.prefix) / "bin")) or shutil.which("promtool")
SUFFIXES = ("_bucket", "_sum", "_count")


def promtool(*words, stdin=None):
    assert PROMTOOL, "make unit brings promtool into the virtual environment"
    done = subprocess.run([PROMTOOL, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_no_figure_offends_the_rules_for_names():
    histogram = SampleView(labels=[], value=0.0, counts=[1] * 11, total=1.0)
    families = {
        name: [
            histogram if each.kind is Kind.HISTOGRAM else figure(1, *("x" for _ in each.labels)),
        ]
        for name, each in FAMILIES.items()
        if name not in ("lotor_up", "lotor_info")
    }
    told = {"schema": 1, "version": "0.1.0", "processes": {}, "families": families}
    text = Figures(lambda: told).text().decode()
    assert len(re.findall(r"^# TYPE", text, re.MULTILINE)) >= len(FAMILIES)
    code, output = promtool("check", "metrics", stdin=text)
    assert code == 0, output


def test_every_alert_comes_when_it_should_and_not_otherwise():
    code, output = promtool("test", "rules", str(MONITORING / "alerts.test.yml"))
    assert code == 0, output


def test_every_alert_is_in_that_test():
    rules = (MONITORING / "alerts.yml").read_text()
    alerts = re.findall(r"alert: (\w+)", rules)
    tested = re.findall(r"alertname: (\w+)", (MONITORING / "alerts.test.yml").read_text())
    assert alerts
    assert sorted(alerts) == sorted(tested)
    page = (MONITORING.parents[1] / "docs" / "monitoring.md").read_text()
    assert re.findall(r"^\| (Lotor\w+) \|", page, re.MULTILINE) == alerts
    assert f"value: {len(alerts)}}}" in (MONITORING / "alerts.test.yml").read_text()


@pytest.mark.parametrize("name", ["alerts.yml", "grafana.json"])
def test_rules_and_board_ask_for_figures_that_exist(name):
    text = (MONITORING / name).read_text()
    asked = set(re.findall(r"\blotor_\w+", text))
    histograms = {each for each, family in FAMILIES.items() if family.kind is Kind.HISTOGRAM}
    known = FAMILIES.keys() | {f"{each}{suffix}" for each in histograms for suffix in SUFFIXES}
    assert len(asked) > 5
    assert asked <= known


def test_each_panel_of_the_board_asks_something_that_prometheus_understands(tmp_path):
    panels = json.loads((MONITORING / "grafana.json").read_text())["panels"]
    expressions = [each["expr"] for panel in panels for each in panel["targets"]]
    assert len(expressions) >= len(panels) > 10
    rules = [
        {"record": f"a:{number}", "expr": each.replace("$__rate_interval", "5m")}
        for number, each in enumerate(expressions)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}))
    code, output = promtool("check", "rules", str(file))
    assert code == 0, output
