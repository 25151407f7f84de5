"""A parsed spec is serialized as an equal spec."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.api import rollout_decision, spec, validation
from tests.unit.api.bodies import IMAGE, URI

names_of_objects = st.sampled_from(["a", "models-s3", "a.b", "x" * 253])
durations = st.sampled_from(["1ms", "90s", "5m", "1h30m", "99999h59m59s999ms", "60000ms", "1ms1h1m1m"])
quantities = st.sampled_from(["1", 2, "200m", "1Gi", "1e3", "0.5", "+1", "1E"])
words = st.text(max_size=20)
resources = st.dictionaries(
    st.sampled_from(["requests", "limits"]),
    st.dictionaries(st.sampled_from(["cpu", "memory", "example.com/gpu"]), quantities, max_size=3),
)


def some(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of objects that may have each of these fields."""
    return st.fixed_dictionaries({}, optional=parts)


variables = st.lists(st.sampled_from("ABCDE"), unique=True, max_size=4).flatmap(
    lambda names: st.tuples(
        *(some(value=words).map(lambda part, name=name: {"name": name, **part}) for name in names)
    )
)
models = st.one_of(
    st.just({"image": IMAGE}),
    some(
        format=st.sampled_from(["sklearn", "skops", "xgboost", "onnx"]),
        allowPickle=st.booleans(),
        digest=st.just("sha256:" + "0" * 64),
        credentials=names_of_objects.map(lambda name: {"secretName": name}),
    ).map(lambda parts: {**URI, **parts}),
)
bounds = st.tuples(st.integers(1, 10_000), st.integers(1, 10_000)).map(sorted)
scalings = st.one_of(
    some(replicas=st.integers(0, 10_000)),
    st.tuples(bounds, some(metrics=st.lists(st.integers(1, 1000).map(lambda n: {"cpu": n}), max_size=3))).map(
        lambda both: {"minReplicas": both[0][0], "maxReplicas": both[0][1], **both[1]}
    ),
)
steps = st.lists(st.integers(1, 100), unique=True, max_size=20).flatmap(
    lambda weights: st.tuples(
        *(some(hold=durations).map(lambda part, w=w: {"weight": w, **part}) for w in sorted(weights))
    ).map(list)
)
specs = st.fixed_dictionaries(
    {"model": models},
    optional={
        "build": some(timeout=durations, refresh=words, resources=resources, runtime=st.just("onnx")),
        "serving": some(
            env=variables.map(list),
            timeout=durations,
            maxConcurrency=st.integers(1, 100_000),
            resources=resources,
        ),
        "scaling": scalings,
        "rollout": some(
            strategy=st.sampled_from(["Canary", "Recreate"]),
            steps=steps,
            maxRestarts=st.integers(0, 100_000),
            progressDeadline=durations,
            historyLimit=st.integers(1, 20),
        ),
        "traffic": st.one_of(
            some(replicas=some(whenTooFew=st.sampled_from(["Proceed", "Hold"]))),
            some(config=st.dictionaries(words, words, max_size=2)).map(
                lambda part: {"plugin": {"name": "mesh", **part}}
            ),
        ),
        "paused": st.booleans(),
    },
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(specs)
def test_a_spec_can_be_serialized_and_parsed_again(raw: dict[str, Any]) -> None:
    parsed = validation.validate(spec.Spec, raw)
    again = json.loads(json.dumps(parsed.to_dict()))
    assert validation.validate(spec.Spec, again) == parsed
    assert fields_of(again) == fields_of(raw)


decisions = st.fixed_dictionaries(
    {
        "deployment": st.sampled_from(["a", "churn", "a" * 40]),
        "revision": st.just("9f3c2a71d0"),
        "decidedBy": st.text(min_size=1, max_size=253),
    },
    optional={"reason": st.text(max_size=512)},
)
acts = st.one_of(
    st.sampled_from([{"action": "Pause"}, {"action": "Resume"}]),
    st.integers(1, 100_000).map(lambda n: {"action": "Skip", "step": n}),
    st.just({"action": "Rollback", "toRevision": "41b07c55ee"}),
    st.tuples(st.sampled_from(["Promote", "Abort", "Retry"]), st.integers(1, 100_000)).map(
        lambda both: {"action": both[0], "attempt": both[1]}
    ),
)


@given(decisions, acts)
def test_a_decision_can_be_serialized_and_parsed_again(raw: dict[str, Any], act: dict[str, Any]) -> None:
    parsed = validation.validate(rollout_decision.DecisionSpec, {**raw, **act})
    assert parsed.to_dict() == {**raw, **act}


def fields_of(part: Any, path: str = "") -> set[str]:
    """Return the path of every field: none is added and none is lost."""
    match part:
        case dict():
            below = (fields_of(value, f"{path}.{key}") for key, value in part.items())
        case list():
            below = (fields_of(value, f"{path}[{number}]") for number, value in enumerate(part))
        case _:
            below = iter(())
    return {path}.union(*below)
