"""The alerts query metrics, phases and conditions that the operator has, and say whether users are hurt."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from seatrial.api.conditions import ConditionType
from seatrial.api.phases import DisplayPhase
from tests.unit.chart.chart_rendering import CHART, EVERYTHING, one, rendered
from tests.unit.chart.operator_metrics import telemetry_of

FILE = yaml.safe_load((CHART / "alerts" / "seatrial.yaml").read_text())
ALERTS: list[dict[str, Any]] = [rule for group in FILE["groups"] for rule in group["rules"]]
IDS = [alert["alert"] for alert in ALERTS]


@pytest.mark.parametrize("alert", ALERTS, ids=IDS)
def test_an_alert_queries_what_the_operator_exports(alert: dict[str, Any]) -> None:
    known = {metric.name for metric in telemetry_of(leader=1.0).registry.collect()}
    assert set(re.findall(r"seatrial_\w+", alert["expr"])) <= known
    phases = "|".join(re.findall(r'phase=~?"([^"]+)"', alert["expr"]))
    types = re.findall(r'type="(\w+)"', alert["expr"])
    assert set(filter(None, phases.split("|"))) <= set(DisplayPhase.__members__.values())
    assert set(types) <= set(ConditionType.__members__.values())


@pytest.mark.parametrize("alert", ALERTS, ids=IDS)
def test_an_alert_says_first_whether_users_are_hurt(alert: dict[str, Any]) -> None:
    assert re.match(r"Users (are|may be|are not) hurt", alert["annotations"]["summary"])


@pytest.mark.parametrize("alert", ALERTS, ids=IDS)
def test_only_alerts_about_hurt_users_page(alert: dict[str, Any]) -> None:
    pages = alert["labels"]["severity"] == "critical"
    assert pages is not alert["annotations"]["summary"].startswith("Users are not hurt")


def test_the_chart_makes_a_rule_of_the_same_alerts() -> None:
    assert one(rendered(EVERYTHING), "PrometheusRule")["spec"] == FILE
