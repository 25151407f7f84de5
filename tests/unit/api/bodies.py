"""Builders of ModelDeployments as the API server returns them."""

from __future__ import annotations

from typing import Any

from seatrial.api import model_deployment, validation

URI = {"uri": "s3://models/churn/"}
IMAGE = "registry.shop.example/churn@sha256:" + "0123456789abcdef" * 4


def body(spec: Any = None, *, name: str = "churn", **metadata: Any) -> dict[str, Any]:
    """Return a ModelDeployment with a model; `spec` adds to its spec or replaces parts of it."""
    return {
        "metadata": {"namespace": "shop", "name": name, **metadata},
        "spec": {"model": URI, **(spec or {})},
    }


def parsed(spec: Any = None, **metadata: Any) -> model_deployment.ModelDeployment:
    """Return the same ModelDeployment, parsed."""
    return model_deployment.parse(body(spec, **metadata))


def error_of(spec: Any = None, **metadata: Any) -> str:
    """Return the message of the validation error."""
    try:
        parsed(spec, **metadata)
    except validation.InvalidSpec as error:
        return str(error)
    raise AssertionError("the spec was accepted")
