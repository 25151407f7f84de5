"""Every legal example is understood, every illegal one is refused with the sentence in its first line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.api import base, model_deployment, names, rollout_decision, spec, validation
from seatrial.codegen import generate

EXAMPLES = sorted((generate.REPOSITORY / "crds" / "examples").glob("*.yaml"))
ILLEGAL = [path for path in EXAMPLES if path.name.startswith("illegal-")]
LEGAL = [path for path in EXAMPLES if path not in ILLEGAL]
REFUSED = "# refused: "


def loaded(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def parsed(raw: dict[str, Any]) -> model_deployment.ModelDeployment | rollout_decision.RolloutDecision:
    assert raw["apiVersion"] == names.API_VERSION
    return model_deployment.parse(raw) if raw["kind"] == names.KIND else rollout_decision.parse(raw)


def sentence(path: Path) -> str:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(REFUSED)
    return first.removeprefix(REFUSED)


@pytest.mark.parametrize("path", LEGAL, ids=lambda path: path.stem)
def test_legal(path: Path) -> None:
    parsed(loaded(path))


@pytest.mark.parametrize("path", ILLEGAL, ids=lambda path: path.stem)
def test_illegal(path: Path) -> None:
    with pytest.raises(validation.InvalidSpec) as refused:
        parsed(loaded(path))
    assert sentence(path) in str(refused.value)


def test_a_legal_example_shows_every_action() -> None:
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
def test_every_rule_has_an_illegal_example(message: str) -> None:
    assert any(sentence(path) in message for path in ILLEGAL)


def fields_of(raw: Any, path: str = "") -> set[str]:
    if isinstance(raw, list):
        return set().union(*(fields_of(item, path) for item in raw)) if raw else set()
    if not isinstance(raw, dict):
        return set()
    return {f"{path}.{key}" for key in raw}.union(
        *(fields_of(part, f"{path}.{key}") for key, part in raw.items())
    )


def test_every_field_of_the_spec_is_in_a_legal_example() -> None:
    shown = set().union(*(fields_of(loaded(path)["spec"]) for path in LEGAL))
    wanted = {path for path in paths(spec.Spec) if not path.startswith(".serving.env.valueFrom.")}
    assert wanted - shown == set()


def paths(model: type[base.SpecModel], path: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        below = base.model_at(model, name)
        here = f"{path}.{field.alias}"
        found |= {here} | (
            paths(below, here) if below is not model and issubclass(below, base.SpecModel) else set()
        )
    return found
