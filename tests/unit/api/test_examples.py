"""Every valid example is parsed, and every invalid one is rejected with the message in its first line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.api import base, model_deployment, names, rollout_decision, spec, validation
from seatrial.codegen import generate

EXAMPLES = sorted((generate.REPOSITORY / "crds" / "examples").glob("*.yaml"))
ILLEGAL = [path for path in EXAMPLES if path.name.startswith("illegal-")]
LEGAL = [path for path in EXAMPLES if path not in ILLEGAL]
REJECTED = "# rejected: "


def loaded(path: Path) -> dict[str, Any]:
    body = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(body, dict)
    return body


def parsed(raw: dict[str, Any]) -> model_deployment.ModelDeployment | rollout_decision.RolloutDecision:
    assert raw["apiVersion"] == names.API_VERSION
    return model_deployment.parse(raw) if raw["kind"] == names.KIND else rollout_decision.parse(raw)


def expected_message(path: Path) -> str:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(REJECTED)
    return first.removeprefix(REJECTED)


@pytest.mark.parametrize("path", LEGAL, ids=lambda path: path.stem)
def test_a_valid_example_is_accepted(path: Path) -> None:
    parsed(loaded(path))


@pytest.mark.parametrize("path", ILLEGAL, ids=lambda path: path.stem)
def test_an_invalid_example_is_rejected(path: Path) -> None:
    with pytest.raises(validation.InvalidSpec) as error:
        parsed(loaded(path))
    assert expected_message(path) in str(error.value)


def test_every_action_has_a_valid_example() -> None:
    shown = {loaded(path)["spec"].get("action") for path in LEGAL}
    assert shown >= set(rollout_decision.Action)


def models(model: type[base.SpecModel]) -> set[type[base.SpecModel]]:
    below = {base.model_at(model, name) for name in model.model_fields} - {model}
    return {model}.union(*(models(part) for part in below if issubclass(part, base.SpecModel)))


RULES = sorted(
    {
        rule.message
        for model in models(spec.Spec) | models(rollout_decision.DecisionSpec)
        for rule, _ in base.rules_of(model)
    }
)


@pytest.mark.parametrize("message", RULES)
def test_every_rule_has_an_invalid_example(message: str) -> None:
    assert any(expected_message(path) in message for path in ILLEGAL)


def fields_of(raw: Any, path: str = "") -> set[str]:
    if isinstance(raw, list):
        return set().union(*(fields_of(item, path) for item in raw)) if raw else set()
    if not isinstance(raw, dict):
        return set()
    return {f"{path}.{key}" for key in raw}.union(
        *(fields_of(part, f"{path}.{key}") for key, part in raw.items())
    )


def test_every_field_of_the_spec_has_a_valid_example() -> None:
    shown = set().union(*(fields_of(loaded(path)["spec"]) for path in LEGAL))
    expected = {path for path in paths(spec.Spec) if not path.startswith(".serving.env.valueFrom.")}
    assert expected - shown == set()


def paths(model: type[base.SpecModel], path: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        below = base.model_at(model, name)
        here = f"{path}.{field.alias}"
        found |= {here} | (
            paths(below, here) if below is not model and issubclass(below, base.SpecModel) else set()
        )
    return found
