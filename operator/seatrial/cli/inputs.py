"""Reads the inputs of `seatrial plan` that have defaults: the operator's settings and the namespace of an object."""

from __future__ import annotations

from typing import Final

import yaml

from seatrial.api import names, settings, validation
from seatrial.api.objects import Body
from seatrial.cli import yaml_input
from seatrial.cli.errors import CommandError

ASSUMED_RUNTIMES: Final = ("sklearn", "xgboost", "onnx")
ASSUMED_REPOSITORY: Final = "registry.invalid/models"
DEFAULT_NAMESPACE: Final = "default"


def single_deployment(bodies: tuple[Body, ...], source: str) -> Body:
    """Return the one ModelDeployment of a file; raise CommandError if there is none or more than one."""
    deployments = [body for body in bodies if body["kind"] == names.KIND]
    if len(deployments) != 1:
        raise CommandError(f"{source}: expected one {names.KIND}, got {len(deployments)}")
    return deployments[0]


def read_settings(path: str) -> settings.Settings:
    """Read the operator's settings from a file; without one, return placeholders for runtimes and registry."""
    if not path:
        runtimes = {name: f"registry.invalid/runtimes/{name}:assumed" for name in ASSUMED_RUNTIMES}
        registry = {"repository": ASSUMED_REPOSITORY}
        return settings.Settings.model_validate({"runtimes": runtimes, "registry": registry})
    try:
        document = yaml.safe_load(yaml_input.read_text(path))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise CommandError(f"{path}: invalid YAML: {error}") from None
    try:
        return validation.validate(settings.Settings, document, at="settings")
    except validation.InvalidSpec as error:
        raise CommandError(f"{path}: {error}") from None


def in_namespace(body: Body, namespace: str) -> Body:
    """Return the object with its namespace set as `kubectl apply -n` sets it.

    An object of another kind than ModelDeployment that names no namespace gets that of the ModelDeployment it is
    applied with. Raises CommandError if the object names another namespace than `namespace`.
    """
    own = body["metadata"].get("namespace") or namespace
    if namespace and own != namespace:
        raise CommandError(
            f"{body['kind']} {body['metadata']['name']} has namespace {own!r}, but -n says {namespace!r}"
        )
    own = own or (DEFAULT_NAMESPACE if body["kind"] == names.KIND else "")
    return {**body, "metadata": {**body["metadata"], **({"namespace": own} if own else {})}}
