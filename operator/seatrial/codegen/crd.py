"""The CustomResourceDefinitions, generated from the models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from seatrial.api import cel, model_deployment, names, rollout_decision, spec, status
from seatrial.codegen import schema

Crd = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; a wide column is only shown with `-o wide`."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of `additionalPrinterColumns`."""
        column = {"name": self.name, "type": self.type, "jsonPath": self.path}
        return column | ({"priority": 1} if self.wide else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The parts of one CRD."""

    kind: str
    list_kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: tuple[Column, ...]
    rules: tuple[dict[str, str], ...] = ()
    """The validation rules of the whole object."""
    spec_rules: tuple[dict[str, str], ...] = ()
    """Validation rules of the spec in addition to the model's: those that refer to the old object."""
    subresources: tuple[tuple[str, Any], ...] = (("status", {}),)


MODEL_DEPLOYMENT: Final = Kind(
    kind=names.KIND,
    list_kind=names.LIST_KIND,
    plural=names.PLURAL,
    singular=names.SINGULAR,
    short_names=names.SHORT_NAMES,
    description="A model that the operator fetches, builds, serves and rolls out step by step when it changes.",
    spec=spec.Spec,
    status=status.Status,
    columns=(
        Column("PHASE", ".status.phase"),
        Column("STEP", ".status.summary.step"),
        Column("WEIGHT", ".status.summary.weight", "integer"),
        Column("STABLE", ".status.stable.revision"),
        Column("CANARY", ".status.canary.revision"),
        Column("VERDICT", ".status.summary.verdict"),
        Column("READY", ".status.summary.ready"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
        Column("MESSAGE", ".status.message"),
        Column("IMAGE", ".status.stable.image", wide=True),
        Column("URL", ".status.url", wide=True),
    ),
    rules=(
        {
            "rule": f"self.metadata.name.size() <= {names.NAME_MAX_LENGTH}"
            f" && self.metadata.name.matches({cel.literal(names.NAME_PATTERN)})",
            "message": f"metadata.name: {model_deployment.NAME_EXPECTED}",
        },
    ),
    subresources=(
        ("status", {}),
        (
            "scale",
            {
                "specReplicasPath": ".spec.scaling.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        ),
    ),
)

ROLLOUT_DECISION: Final = Kind(
    kind=names.DECISION_KIND,
    list_kind=names.DECISION_LIST_KIND,
    plural=names.DECISION_PLURAL,
    singular=names.DECISION_SINGULAR,
    short_names=names.DECISION_SHORT_NAMES,
    description="A person's decision about one rollout of a ModelDeployment in the same namespace.",
    spec=rollout_decision.DecisionSpec,
    status=rollout_decision.DecisionStatus,
    columns=(
        Column("ACTION", ".spec.action"),
        Column("REVISION", ".spec.revision"),
        Column("BY", ".spec.decidedBy"),
        Column("PHASE", ".status.phase"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
        Column("DEPLOYMENT", ".spec.deployment", wide=True),
        Column("TO", ".spec.toRevision", wide=True),
        Column("MESSAGE", ".status.message", wide=True),
    ),
    spec_rules=(
        {"rule": "self == oldSelf", "message": "a RolloutDecision is immutable; create another one"},
    ),
)

KINDS: Final = (MODEL_DEPLOYMENT, ROLLOUT_DECISION)


def crd_of(kind: Kind) -> Crd:
    """Return the CRD. Raise `NotStructural` when a CRD cannot express the models, or a field has no upper bound."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{names.GROUP}",
            "annotations": {names.ANNOTATION_SCHEMA_VERSION: names.SCHEMA_VERSION},
        },
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": kind.list_kind,
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": list(kind.short_names),
                "categories": list(names.CATEGORIES),
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": dict(kind.subresources),
        "additionalPrinterColumns": [column.to_dict() for column in kind.columns],
        "schema": {"openAPIV3Schema": object_schema(kind)},
    }


def object_schema(kind: Kind) -> schema.Schema:
    """Return the schema of the whole object."""
    spec_schema = schema.structural(kind.spec, with_defaults=True)
    if kind.spec_rules:
        spec_schema["x-kubernetes-validations"] = [
            *kind.spec_rules,
            *spec_schema.get("x-kubernetes-validations", []),
        ]
    status_schema = schema.structural(kind.status, with_defaults=False)
    unbounded = [*schema.unbounded(spec_schema, "spec"), *schema.unbounded(status_schema, "status")]
    if unbounded:
        raise schema.NotStructural(f"fields without an upper bound: {', '.join(unbounded)}")
    document: schema.Schema = {
        "description": kind.description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{names.API_VERSION}."},
            "kind": {"type": "string", "description": f"{kind.kind}."},
            "metadata": {"type": "object"},
            "spec": spec_schema,
            "status": status_schema,
        },
    }
    return document | ({"x-kubernetes-validations": list(kind.rules)} if kind.rules else {})
