"""Environment variables of the server's container: the core/v1 shapes, checked."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from seatrial.api import base, fields, quantities

RESERVED_PREFIX: Final = "SEATRIAL_"

VariableName = Annotated[str, Field(pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$", min_length=1, max_length=253)]


class KeyRef(base.SpecModel):
    """One key of a ConfigMap or Secret beside this object."""

    name: fields.NeededName
    """The name of the ConfigMap or Secret."""

    key: fields.DataKey
    """The key in it."""

    optional: Annotated[bool, Field(strict=True)] = False
    """Whether the pod starts without it."""


class FieldRef(base.SpecModel):
    """A field of the pod."""

    field_path: Annotated[str, Field(min_length=1, max_length=253)]
    """As in core/v1, for example `status.podIP` or `metadata.name`."""

    api_version: Annotated[str, Field(max_length=63)] = ""
    """The version that the path is written in. Default: v1."""


class ResourceFieldRef(base.SpecModel):
    """An amount of the container's resources."""

    resource: Annotated[str, Field(min_length=1, max_length=253)]
    """As in core/v1, for example `limits.memory`."""

    container_name: Annotated[str, Field(max_length=63)] = ""
    """The container. Default: the server's."""

    divisor: quantities.Quantity | None = None
    """The unit of the value, as `1Mi`. Default: 1."""


class ValueFrom(base.SpecModel):
    """Where a variable's value comes from: exactly one of four places."""

    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap. A changed value is a new revision."""

    secret_key_ref: KeyRef | None = None
    """A key of a Secret. A changed value is a new revision, which a rollback cannot undo."""

    field_ref: FieldRef | None = None
    """A field of the pod."""

    resource_field_ref: ResourceFieldRef | None = None
    """An amount of the container's resources."""

    @base.rule(
        "set exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef",
        cel="[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef),"
        " has(self.resourceFieldRef)].filter(given, given).size() == 1",
    )
    def one_place(self) -> bool:
        """The value has one origin."""
        places = (self.config_map_key_ref, self.secret_key_ref, self.field_ref, self.resource_field_ref)
        return sum(place is not None for place in places) == 1


class Variable(base.SpecModel):
    """One environment variable."""

    name: VariableName
    """Its name; names that begin with SEATRIAL_ belong to the operator."""

    value: Annotated[str, Field(max_length=32_768)] | None = None
    """Its text. Default: empty."""

    value_from: ValueFrom | None = None
    """Where its text comes from, instead of value."""

    @base.rule(
        "set at most one of value and valueFrom",
        cel="!(has(self.value) && self.value != '' && has(self.valueFrom))",
    )
    def one_value(self) -> bool:
        """The text has one origin."""
        return not (self.value and self.value_from)

    @base.rule(
        f"names that begin with {RESERVED_PREFIX} belong to the operator; choose another name",
        cel=f"!self.name.startsWith('{RESERVED_PREFIX}')",
        field="name",
    )
    def not_reserved(self) -> bool:
        """What the operator tells the server cannot be overwritten."""
        return not self.name.startswith(RESERVED_PREFIX)


class ObjectRef(base.SpecModel):
    """A ConfigMap or Secret beside this object, as a whole."""

    name: fields.NeededName
    """Its name."""

    optional: Annotated[bool, Field(strict=True)] = False
    """Whether the pod starts without it."""


class VariableSource(base.SpecModel):
    """All keys of one ConfigMap or Secret as variables."""

    config_map_ref: ObjectRef | None = None
    """A ConfigMap. A changed one is a new revision; each revision keeps its own copy."""

    secret_ref: ObjectRef | None = None
    """A Secret. A changed one is a new revision, which a rollback cannot undo."""

    prefix: Annotated[str, Field(max_length=253, pattern=r"^([-._a-zA-Z][-._a-zA-Z0-9]*)?$")] = ""
    """Put before every name. Default: nothing."""

    @base.rule(
        "set exactly one of configMapRef and secretRef", cel="has(self.configMapRef) != has(self.secretRef)"
    )
    def one_object(self) -> bool:
        """The variables have one origin."""
        return (self.config_map_ref is None) != (self.secret_ref is None)
