"""Translates the state from and to the status model: the one place where text is truncated to the API's limits."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from seatrial.api import base
from seatrial.api import status as api
from seatrial.api.reasons import Reason
from seatrial.core import state

Model = TypeVar("Model", bound=base.StatusModel)
Value = TypeVar("Value")


def state_of(status: api.Status) -> state.RolloutState:
    """Return the state that a status holds."""
    stable = None if status.stable is None else _decode(state.ModelRevision, status.stable)
    canary = None if status.canary is None else _decode(state.ModelRevision, status.canary)
    failure = None if status.canary is None else status.canary.failure
    return state.RolloutState(
        stable=None if stable is None else replace(stable, failure=None),
        canary=None
        if canary is None
        else replace(canary, failure=None if failure is None else _decode(state.Failure, failure)),
        rollout=None if status.rollout is None else rollout_of(status.rollout),
        build=None if status.build is None else _decode(state.Build, status.build),
        rejected=tuple(_decode(state.Rejection, entry) for entry in status.rejected),
        history=tuple(_decode(state.HistoryEntry, entry) for entry in status.history),
    )


def rollout_of(status: api.RolloutStatus) -> state.Rollout:
    """Return the rollout that a status holds."""
    checks = tuple(_decode(state.CheckResult, check) for check in status.checks)
    return replace(_decode(state.Rollout, status), checks=checks)


def encode(model: type[Model], value: Any, **more: Any) -> Model:
    """Return the part of a status that `value` becomes, with `more` fields; texts are truncated by the model."""
    parts = {f.name: getattr(value, f.name) for f in fields(value)}
    plain = {name: part for name, part in parts.items() if not is_dataclass(part)}
    return model.model_validate({**plain, **more})


def rejection_text(rejection: state.Rejection) -> str:
    """Return a rejection as one line of JSON, with the fields of `status.rejected`."""
    return json.dumps(encode(api.Rejected, rejection).to_dict(), sort_keys=True, ensure_ascii=False)


def rejection_in(text: str, revision: str) -> state.Rejection | None:
    """Return the rejection of `revision` that a text of `rejection_text` tells of; None for an empty text.

    A text that a person has edited still says that the revision was rejected.
    """
    if not text:
        return None
    try:
        known = _decode(state.Rejection, api.Rejected.model_validate_json(text))
    except ValidationError:
        return state.Rejection(revision=revision, reason=Reason.ROLLED_BACK, message=text)
    return replace(known, revision=revision)


def _decode(kind: type[Value], model: base.StatusModel) -> Value:
    names = {f.name for f in fields(kind)}  # type: ignore[arg-type] # every kind is a dataclass of `state`
    return kind(**{name: getattr(model, name) for name in names if name in type(model).model_fields})
