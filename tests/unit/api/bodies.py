"""Objects as they come from the API server, short."""

from __future__ import annotations

from typing import Any

from seatrial.api import model_deployment, validation

URI = {"uri": "s3://models/churn/"}
IMAGE = "registry.shop.example/churn@sha256:" + "0123456789abcdef" * 4


def body(spec: Any = None, *, name: str = "churn", **metadata: Any) -> dict[str, Any]:
    """A ModelDeployment with a model; `spec` is laid over it."""
    return {
        "metadata": {"namespace": "shop", "name": name, **metadata},
        "spec": {"model": URI, **(spec or {})},
    }


def parsed(spec: Any = None, **metadata: Any) -> model_deployment.ModelDeployment:
    """The same, parsed."""
    return model_deployment.parse(body(spec, **metadata))


def refusal_of(spec: Any = None, **metadata: Any) -> str:
    """The sentence that refuses it."""
    try:
        parsed(spec, **metadata)
    except validation.InvalidSpec as refused:
        return str(refused)
    raise AssertionError("it was accepted")
