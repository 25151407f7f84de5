"""The parts of Kubernetes' own API that the operator looks into, checked where it looks.

Only here, not in CEL: a rule of a CRD cannot see into an object that preserves unknown fields. A namespace that
enforces the restricted Pod Security Standard refuses the same volumes once more, where pods are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from seatrial.api import patterns, shapes

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


def _mistake(field: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{message}", {"message": message, "field": field})


def _volume(volume: dict[str, Any]) -> dict[str, Any]:
    for kind, part in volume.items():
        if kind not in {"name", *VOLUME_KINDS}:
            raise _mistake(kind, f"is no kind of volume that pods may have; use {', '.join(VOLUME_KINDS)}")
        if kind != "name" and not isinstance(part, dict):
            raise _mistake(kind, _OBJECT)
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
        if not isinstance(name, str) or (name and not patterns.matches(shapes.OBJECT_NAME, name)):
            raise _mistake(f"{at}{kind}.{key}", "must be the name of an object beside this one")


Volume = Annotated[shapes.FreeObject, AfterValidator(_volume)]
"""A core/v1 Volume of a harmless kind, whose parts have the shapes that references are read from."""


def _behavior(behavior: dict[str, Any]) -> dict[str, Any]:
    for direction in ("scaleUp", "scaleDown"):
        if not isinstance(behavior.get(direction, {}), dict):
            raise _mistake(direction, _OBJECT)
    return behavior


Behavior = Annotated[shapes.FreeObject, AfterValidator(_behavior)]
"""An autoscaling/v2 HorizontalPodAutoscalerBehavior whose directions are objects."""
