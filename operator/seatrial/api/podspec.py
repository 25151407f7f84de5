"""Parts of other Kubernetes APIs that the operator reads: volumes, volume mounts and the behavior of an autoscaler.

The CRD declares the fields that the operator reads first, so that the API server rejects most mistakes; deeper fields
are only checked here. The API server rejects an unknown kind of volume from a strict client, and prunes it for others;
the volume then has no kind, which a rule rejects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from seatrial.api import base, cel, fields

_OBJECT: Final = "expected an object"
_IDENTITIES: Final = frozenset({"serviceAccountToken", "podCertificate"})
"""Projected sources that prove who the pod is."""
_NAMED: Final = (("configMap", "name"), ("secret", "secretName"), ("secret", "name"))
"""The parts of a volume or of a projected source that refer to an object, each with the key of the name."""


VOLUME_KINDS: Final = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
"""The kinds that the restricted Pod Security Standard permits: none of them gives access to the node."""
_ONE_KIND: Final = base.Rule(
    f"set exactly one of {', '.join(VOLUME_KINDS[:-1])} and {VOLUME_KINDS[-1]} in each volume",
    cel=f"[{', '.join(f'has(self.{kind})' for kind in VOLUME_KINDS)}].filter(isSet, isSet).size() == 1",
)
_MAX_NAME_LENGTH: Final = 63
_MAX_PATH_LENGTH: Final = 1024


def _text(description: str, max_length: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": max_length, "description": description}


def _part(description: str) -> dict[str, Any]:
    return {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "description": description}


def _open(properties: dict[str, Any], **more: Any) -> WithJsonSchema:
    """Return the schema of an object that declares `properties` and preserves all other fields."""
    return WithJsonSchema(
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": properties, **more}
    )


def _error(field: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{message}", {"message": message, "field": field})


def _check_text(part: dict[str, Any], key: str, max_length: int) -> None:
    value = part.get(key)
    if not isinstance(value, str) or not 1 <= len(value) <= max_length:
        raise _error(key, f"expected a string of 1 to {max_length} characters")


def _check_volume(volume: dict[str, Any]) -> dict[str, Any]:
    _check_text(volume, "name", _MAX_NAME_LENGTH)
    for kind, part in volume.items():
        if kind not in {"name", *VOLUME_KINDS}:
            raise PydanticCustomError(
                "unknown_field", "unknown field", {"field": kind, "known": ["name", *VOLUME_KINDS]}
            )
        if kind != "name" and not isinstance(part, dict):
            raise _error(kind, _OBJECT)
    if sum(kind in volume for kind in VOLUME_KINDS) != 1:
        raise _error("", _ONE_KIND.message)
    for path, source in (("", volume), *_projected_sources(volume)):
        _check_names(path, source)
    return volume


def _projected_sources(volume: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the sources of a projected volume, each with the prefix of its path."""
    sources = volume.get("projected", {}).get("sources", [])
    if not isinstance(sources, list):
        raise _error("projected.sources", "expected a list")
    for number, source in enumerate(sources):
        path = f"projected.sources[{number}]"
        if not isinstance(source, dict):
            raise _error(path, _OBJECT)
        for identity in _IDENTITIES & source.keys():
            raise _error(f"{path}.{identity}", "must not be set, because server pods get no token")
        for kind, part in source.items():
            if not isinstance(part, dict):
                raise _error(f"{path}.{kind}", _OBJECT)
        yield f"{path}.", source


def _check_names(prefix: str, source: dict[str, Any]) -> None:
    for kind, key in _NAMED:
        name = source.get(kind, {}).get(key, "")
        if not isinstance(name, str) or (name and not cel.matches(fields.OBJECT_NAME, name)):
            raise _error(f"{prefix}{kind}.{key}", "expected the name of an object in the same namespace")


Volume = Annotated[
    fields.FreeObject,
    AfterValidator(_check_volume),
    WithJsonSchema(
        {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": _text("The name of the volume, unique in the list.", _MAX_NAME_LENGTH),
                **{kind: _part(f"As {kind} in core/v1 Volume.") for kind in VOLUME_KINDS},
            },
            "x-kubernetes-validations": [_ONE_KIND.to_schema()],
        }
    ),
]
"""A core/v1 Volume of a permitted kind; the fields that name other objects have the right types."""


def _check_mount(mount: dict[str, Any]) -> dict[str, Any]:
    _check_text(mount, "mountPath", _MAX_PATH_LENGTH)
    return mount


VolumeMount = Annotated[
    fields.FreeObject,
    AfterValidator(_check_mount),
    _open(
        {"mountPath": _text("The path in the container, unique in the list.", _MAX_PATH_LENGTH)},
        required=["mountPath"],
    ),
]
"""A core/v1 VolumeMount with a mountPath."""


def _check_behavior(behavior: dict[str, Any]) -> dict[str, Any]:
    for direction in ("scaleUp", "scaleDown"):
        if not isinstance(behavior.get(direction, {}), dict):
            raise _error(direction, _OBJECT)
    return behavior


Behavior = Annotated[
    fields.FreeObject,
    AfterValidator(_check_behavior),
    _open({direction: _part("An autoscaling/v2 HPAScalingRules.") for direction in ("scaleUp", "scaleDown")}),
]
"""An autoscaling/v2 HorizontalPodAutoscalerBehavior whose directions are objects."""
