"""The parts of Kubernetes' own API that the operator looks into, checked where it looks.

A rule of a CRD sees of an object that preserves unknown fields those that are declared beside it: what is looked at
first is, so that most mistakes are refused at apply; what lies deeper is checked here alone. A namespace that enforces
the restricted Pod Security Standard refuses the same volumes once more, where pods are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from seatrial.api import base, cel, fields

_OBJECT: Final = "must be an object"
_NAMED: Final = (("configMap", "name"), ("secret", "secretName"), ("secret", "name"))
"""Parts of a volume or of a projected source, and the key in them that names an object beside this one."""


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
"""Those of the restricted Pod Security Standard: none of them reaches into the node."""
_ONE_KIND: Final = base.Rule(
    f"set exactly one of {', '.join(VOLUME_KINDS[:-1])} and {VOLUME_KINDS[-1]} in each volume",
    cel=f"[{', '.join(f'has(self.{kind})' for kind in VOLUME_KINDS)}].filter(given, given).size() == 1",
)
_LONGEST_NAME: Final = 63
_LONGEST_PATH: Final = 1024


def _text(description: str, longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest, "description": description}


def _part(description: str) -> dict[str, Any]:
    return {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "description": description}


def _free(properties: dict[str, Any], **more: Any) -> WithJsonSchema:
    """An object of which `properties` are declared, and everything else is taken as it is."""
    return WithJsonSchema(
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": properties, **more}
    )


def _mistake(field: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{message}", {"message": message, "field": field})


def _text_checked(part: dict[str, Any], key: str, longest: int) -> None:
    value = part.get(key)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise _mistake(key, f"must be a text of 1 to {longest} characters")


def _volume(volume: dict[str, Any]) -> dict[str, Any]:
    _text_checked(volume, "name", _LONGEST_NAME)
    for kind, part in volume.items():
        if kind not in {"name", *VOLUME_KINDS}:
            raise PydanticCustomError(
                "unknown_field", "unknown field", {"field": kind, "known": ["name", *VOLUME_KINDS]}
            )
        if kind != "name" and not isinstance(part, dict):
            raise _mistake(kind, _OBJECT)
    if len(volume) != 2:
        raise _mistake("", _ONE_KIND.message)
    for at, source in (("", volume), *_projected(volume)):
        _names_checked(at, source)
    return volume


def _projected(volume: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sources of a projected volume, each with its path."""
    sources = volume.get("projected", {}).get("sources", [])
    if not isinstance(sources, list):
        raise _mistake("projected.sources", "must be a list")
    for number, source in enumerate(sources):
        at = f"projected.sources[{number}]"
        if not isinstance(source, dict):
            raise _mistake(at, _OBJECT)
        if "serviceAccountToken" in source:
            raise _mistake(f"{at}.serviceAccountToken", "must not be there; server pods get no token")
        for kind, part in source.items():
            if not isinstance(part, dict):
                raise _mistake(f"{at}.{kind}", _OBJECT)
        yield f"{at}.", source


def _names_checked(at: str, source: dict[str, Any]) -> None:
    for kind, key in _NAMED:
        name = source.get(kind, {}).get(key, "")
        if not isinstance(name, str) or (name and not cel.matches(fields.OBJECT_NAME, name)):
            raise _mistake(f"{at}{kind}.{key}", "must be the name of an object beside this one")


Volume = Annotated[
    fields.FreeObject,
    AfterValidator(_volume),
    WithJsonSchema(
        {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": _text("Its name, once in the list.", _LONGEST_NAME),
                **{kind: _part("As in core/v1 Volume.") for kind in VOLUME_KINDS},
            },
            "x-kubernetes-validations": [_ONE_KIND.to_schema()],
        }
    ),
]
"""A core/v1 Volume of a harmless kind, whose parts have the shapes that references are read from."""


def _mount(mount: dict[str, Any]) -> dict[str, Any]:
    _text_checked(mount, "mountPath", _LONGEST_PATH)
    return mount


VolumeMount = Annotated[
    fields.FreeObject,
    AfterValidator(_mount),
    _free({"mountPath": _text("Where, once in the list.", _LONGEST_PATH)}, required=["mountPath"]),
]
"""A core/v1 VolumeMount whose place is known."""


def _behavior(behavior: dict[str, Any]) -> dict[str, Any]:
    for direction in ("scaleUp", "scaleDown"):
        if not isinstance(behavior.get(direction, {}), dict):
            raise _mistake(direction, _OBJECT)
    return behavior


Behavior = Annotated[
    fields.FreeObject,
    AfterValidator(_behavior),
    _free({direction: _part("As autoscaling/v2 HPAScalingRules.") for direction in ("scaleUp", "scaleDown")}),
]
"""An autoscaling/v2 HorizontalPodAutoscalerBehavior whose directions are objects."""
