"""Environment variables of the server's container, in the shape of core/v1 EnvVar and EnvFromSource."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from seatrial.api import base, fields, quantities

RESERVED_PREFIX: Final = "SEATRIAL_"

VariableName = Annotated[str, Field(pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$", min_length=1, max_length=253)]


class KeyRef(base.SpecModel):
    """One key of a ConfigMap or Secret in the same namespace."""

    name: fields.NeededName
    """The name of the ConfigMap or Secret."""

    key: fields.DataKey
    """The key in the ConfigMap or Secret."""

    optional: Annotated[bool, Field(strict=True)] = False
    """Whether the pod starts when the object or the key does not exist."""


class FieldRef(base.SpecModel):
    """A field of the pod."""

    field_path: Annotated[str, Field(min_length=1, max_length=253)]
    """The path of the field, for example `status.podIP` or `metadata.name`."""

    api_version: Annotated[str, Field(max_length=63)] = ""
    """The API version of the path. Default: v1."""


class ResourceFieldRef(base.SpecModel):
    """A resource of a container."""

    resource: Annotated[str, Field(min_length=1, max_length=253)]
    """The resource, for example `limits.memory`."""

    container_name: Annotated[str, Field(max_length=63)] = ""
    """The name of the container. Default: the server's container."""

    divisor: quantities.Quantity | None = None
    """The unit of the value, for example `1Mi`. Default: 1."""


class ValueFrom(base.SpecModel):
    """The source of a variable's value: exactly one of four."""

    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap. A changed value creates a new revision."""

    secret_key_ref: KeyRef | None = None
    """A key of a Secret. A changed value creates a new revision; a rollback does not restore the old value."""

    field_ref: FieldRef | None = None
    """A field of the pod."""

    resource_field_ref: ResourceFieldRef | None = None
    """A resource of the container."""

    @base.rule(
        "set exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef",
        cel="[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef),"
        " has(self.resourceFieldRef)].filter(isSet, isSet).size() == 1",
    )
    def has_one_source(self) -> bool:
        """Return whether the value has one source."""
        sources = (self.config_map_key_ref, self.secret_key_ref, self.field_ref, self.resource_field_ref)
        return sum(source is not None for source in sources) == 1


class Variable(base.SpecModel):
    """One environment variable."""

    name: VariableName
    """The name of the variable; names that start with SEATRIAL_ are reserved for the operator."""

    value: Annotated[str, Field(max_length=32_768)] | None = None
    """The value of the variable. Default: empty."""

    value_from: ValueFrom | None = None
    """The source of the value, instead of value."""

    @base.rule(
        "set at most one of value and valueFrom",
        cel="!(has(self.value) && self.value != '' && has(self.valueFrom))",
    )
    def has_at_most_one_value(self) -> bool:
        """Return whether the value has at most one source."""
        return not (self.value and self.value_from)

    @base.rule(
        f"names that start with {RESERVED_PREFIX} are reserved for the operator; choose another name",
        cel=f"!self.name.startsWith('{RESERVED_PREFIX}')",
        field="name",
    )
    def has_unreserved_name(self) -> bool:
        """Return whether the variable leaves those that the operator sets for the server alone."""
        return not self.name.startswith(RESERVED_PREFIX)


class ObjectRef(base.SpecModel):
    """A whole ConfigMap or Secret in the same namespace."""

    name: fields.NeededName
    """The name of the ConfigMap or Secret."""

    optional: Annotated[bool, Field(strict=True)] = False
    """Whether the pod starts when the object does not exist."""


class VariableSource(base.SpecModel):
    """All keys of one ConfigMap or Secret, as variables."""

    config_map_ref: ObjectRef | None = None
    """A ConfigMap. A change creates a new revision; each revision keeps its own copy."""

    secret_ref: ObjectRef | None = None
    """A Secret. A change creates a new revision; a rollback does not restore the old values."""

    prefix: Annotated[str, Field(max_length=253, pattern=r"^([-._a-zA-Z][-._a-zA-Z0-9]*)?$")] = ""
    """A prefix for the name of every variable. Default: empty."""

    @base.rule(
        "set exactly one of configMapRef and secretRef", cel="has(self.configMapRef) != has(self.secretRef)"
    )
    def has_one_object(self) -> bool:
        """Return whether the variables have one source."""
        return (self.config_map_ref is None) != (self.secret_ref is None)
