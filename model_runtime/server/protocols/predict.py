"""`/predict`: a question in the model's own words, and the answer in the form of the question.

    question                                              answer
    {"records": [{"age": 31, "plan": "gold"}]}            {"predictions": [{"prediction": "no",
                                                             "probabilities": {"no": 0.9, "yes": 0.1}}]}
    {"columns": {"age": [31], "plan": ["gold"]}}          {"predictions": {"prediction": ["no"],
                                                             "probabilities": {"no": [0.9], "yes": [0.1]}}}
    {"instances": [[31, 55.5]]}                           {"predictions": ["no"], "probabilities": [[0.9, 0.1]],
                                                             "classes": ["no", "yes"]}

The envelope may be left out: a list of objects are records, an object of lists columns, one object of plain values
one record, a list of lists instances. `predictions` always stands in the answer; `probabilities` and `classes`
where the model has them. A missing number is null.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
from pydantic_core import to_json

from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import Signature, TensorSpec, listed
from model_runtime.server.errors import InputRefused
from model_runtime.server.protocols import nested_lists, tensors
from model_runtime.server.protocols.nested_lists import Field

PREDICTION: Final = "prediction"
PROBABILITIES: Final = "probabilities"
WHOLE: Final = "instances"
"""The name of a matrix that holds all columns."""


class Form(Enum):
    """The three ways to say rows."""

    RECORDS = "records"
    COLUMNS = "columns"
    INSTANCES = "instances"


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: the inputs, the number of rows, and the form that the answer takes."""

    form: Form
    inputs: Tensors
    rows: int


class Words:
    """The language of one model."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self._names = tuple(spec.name for spec in signature.inputs)
        self._specs = {spec.name: spec for spec in signature.inputs}
        self._by_row = tuple(spec.name for spec in signature.inputs if spec.shape[:1] == (-1,))
        self._fields = {
            Form.RECORDS: {name: Field(name, rows="records") for name in self._names},
            Form.COLUMNS: {name: Field(f"columns.{name}") for name in self._names},
            Form.INSTANCES: {name: Field(name, rows="instances") for name in self._names},
        }
        self._matrix = _matrix_type(signature)
        self._readers: dict[Form, Callable[[Any], Tensors]] = {
            Form.RECORDS: self._records,
            Form.COLUMNS: self._columns,
            Form.INSTANCES: self._instances,
        }

    def question(self, body: bytes) -> Question:
        """The question in a body; `InputRefused` says what is wrong with it."""
        form, content = self._opened(tensors.parsed(body))
        inputs = self._readers[form](content)
        return Question(form, inputs, self._rows(inputs, form))

    def answer(self, question: Question, outputs: Tensors) -> bytes:
        """The body of the response."""
        document: dict[str, Any]
        match question.form:
            case Form.RECORDS:
                document = {"predictions": self._as_records(outputs, question.rows)}
            case Form.COLUMNS:
                document = {"predictions": {name: self._as_column(name, outputs[name]) for name in outputs}}
            case Form.INSTANCES:
                document = self._as_instances(outputs)
        return to_json(document, inf_nan_mode="null", fallback=tensors.plain)

    def _rows(self, inputs: Tensors, form: Form) -> int:
        """How many rows were asked about; `InputRefused` when there are none, or one input has other ones."""
        rows = tensors.rows_of(inputs)
        if not rows:
            raise InputRefused(form.value, expected="at least one row", came="none")
        counts = {name: len(inputs[name]) for name in self._by_row if name in inputs}
        first, expected = next(iter(counts.items()), ("", rows))
        for name, count in counts.items():
            if count != expected:
                wanted = f"{expected} values, as many as {first[:60]!r} has"
                raise InputRefused(f"{form.value}.{name}", expected=wanted, came=str(count))
        return rows

    def _opened(self, document: Any) -> tuple[Form, Any]:
        if isinstance(document, dict):
            if envelopes := [key for key in document if key in _ENVELOPES and key not in self._specs]:
                _require_alone(envelopes[0], document)
                return Form(envelopes[0]), document[envelopes[0]]
            self._require_own(document)
            if (
                document
                and all(isinstance(value, list) for value in document.values())
                and not self._one_record(document)
            ):
                return Form.COLUMNS, document
            return Form.RECORDS, [document]
        if isinstance(document, list):
            return (Form.RECORDS if document and isinstance(document[0], dict) else Form.INSTANCES), document
        raise InputRefused("", expected="a JSON object or list", came=tensors.shown(document))

    def _require_own(self, document: dict[str, Any]) -> None:
        """A model whose rows have no names is asked in an envelope, unless its one input is named."""
        if self.signature.columns or len(self._names) > 1 or self._names[0] in document:
            return
        came = next((f"the field {name[:60]!r}" for name in document), "an empty object")
        raise InputRefused("", expected="an object with instances", came=came)

    def _one_record(self, document: dict[str, Any]) -> bool:
        """Lists are plain values where each input of a row is a list itself."""
        return all(
            len(self._specs[name].shape) > 1 and not isinstance(next(iter(value), None), list)
            for name, value in document.items()
            if name in self._specs
        ) and any(name in self._specs for name in document)

    def _records(self, records: Any) -> Tensors:
        if not isinstance(records, list) or not records:
            raise InputRefused("records", expected="a list of at least one record", came=_came(records))
        if self._matrix is not None and (fast := self._fast_rows(records)) is not None:
            return {WHOLE: fast}
        for index, record in enumerate(records):
            self._require_fields(record, index)
        return {
            name: self._column(name, [record[name] for record in records], field)
            for name, field in self._fields[Form.RECORDS].items()
        }

    def _fast_rows(self, records: list[Any]) -> Array | None:
        """All rows at once where every value is a number; None: the slow way finds out what is wrong."""
        names, width = self._names, len(self._names)
        try:
            elements = [record[name] for record in records if len(record) == width for name in names]
            array = nested_lists.floats(elements)
        except (KeyError, TypeError, OverflowError):
            return None
        fits = len(elements) == len(records) * width and _finite_in(array, self._matrix)
        return array.reshape(-1, width).astype(self._matrix, copy=False) if fits else None

    def _require_fields(self, record: Any, index: int) -> None:
        if not isinstance(record, dict):
            raise InputRefused(f"records[{index}]", expected="an object", came=tensors.shown(record))
        for name in self._names:
            if name not in record:
                raise InputRefused(f"records[{index}].{name}", expected=self._wanted(name), came="nothing")
        for name in record:
            if name not in self._specs:
                raise InputRefused(
                    f"records[{index}]",
                    expected=f"the fields {listed(self._names)}",
                    came=f"the field {name[:60]!r}",
                )

    def _columns(self, columns: Any) -> Tensors:
        if not isinstance(columns, dict):
            raise InputRefused("columns", expected="an object of lists", came=tensors.shown(columns))
        for name in self._names:
            if name not in columns:
                raise InputRefused(f"columns.{name}", expected=self._wanted(name), came="nothing")
        for name in columns:
            if name not in self._specs:
                raise InputRefused(
                    "columns", expected=f"the columns {listed(self._names)}", came=f"the column {name[:60]!r}"
                )
        return {
            name: self._column(name, columns[name], field)
            for name, field in self._fields[Form.COLUMNS].items()
        }

    def _column(self, name: str, sent: Any, field: Field) -> Array:
        if not isinstance(sent, list) and self._specs[name].shape:
            raise InputRefused(str(field), expected="a list of values", came=tensors.shown(sent))
        return _input(self._specs[name], sent, field)

    def _instances(self, instances: Any) -> Tensors:
        if not isinstance(instances, list) or not instances:
            raise InputRefused("instances", expected="a list of at least one row", came=_came(instances))
        if len(self._names) == 1 and not (self.signature.columns and isinstance(instances[0], list)):
            return {self._names[0]: _input(self.signature.inputs[0], instances, Field("instances"))}
        if not self.signature.columns:
            raise InputRefused(
                "instances", expected=f"columns: {listed(self._names)}", came="rows without names"
            )
        return self._named(instances)

    def _named(self, rows: list[Any]) -> Tensors:
        width = len(self._names)
        for index, row in enumerate(rows):
            if not isinstance(row, list) or len(row) != width:
                raise InputRefused(
                    f"instances[{index}]", expected=f"a list of {width} values", came=tensors.shown(row)
                )
        fields = self._fields[Form.INSTANCES]
        return {
            spec.name: _input(spec, [row[i] for row in rows], fields[spec.name])
            for i, spec in enumerate(self.signature.inputs)
        }

    def _wanted(self, name: str) -> str:
        spec = self._specs[name]
        return tensors.expected(spec) if len(spec.shape) <= 1 else f"lists of {tensors.expected(spec)}"

    def _as_records(self, outputs: Tensors, rows: int) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = [{} for _ in range(rows)]
        for name, array in outputs.items():
            by_row = array.tolist() if array.ndim and len(array) == rows else [array.tolist()] * rows
            for record, value in zip(records, by_row, strict=True):
                record[name] = self._by_class(value) if self._is_classes(name, array) else value
        return records

    def _as_column(self, name: str, array: Array) -> Any:
        return self._by_class(array.T.tolist()) if self._is_classes(name, array) else array.tolist()

    def _as_instances(self, outputs: Tensors) -> dict[str, Any]:
        first = PREDICTION if PREDICTION in outputs else next(iter(outputs))
        document = {"predictions": outputs[first].tolist()}
        document |= {name: array.tolist() for name, array in outputs.items() if name != first}
        return document | ({"classes": list(self.signature.classes)} if PROBABILITIES in outputs else {})

    def _is_classes(self, name: str, array: Array) -> bool:
        return name == PROBABILITIES and array.ndim == 2 and array.shape[1] == len(self.signature.classes)

    def _by_class(self, probabilities: list[Any]) -> dict[str, Any]:
        return {
            class_name(of): value for of, value in zip(self.signature.classes, probabilities, strict=True)
        }


def _require_alone(envelope: str, document: dict[str, Any]) -> None:
    other = next((name for name in document if name != envelope), None)
    if other is not None:
        raise InputRefused(other[:60], expected=f"nothing beside {envelope!r}", came="this field")


def _input(spec: TensorSpec, sent: Any, field: Field) -> Array:
    return tensors.fitting(spec, tensors.array_of(spec, sent, field=field), field=field)


def class_name(of: str | float | bool) -> str:
    """A class as a key of JSON."""
    return str(of).lower() if isinstance(of, bool) else str(of)


_ENVELOPES: Final = frozenset(form.value for form in Form)


def _came(sent: Any) -> str:
    return "an empty list" if sent == [] else tensors.shown(sent)


def _matrix_type(signature: Signature) -> np.dtype[Any] | None:
    """The one floating type of all columns: their rows can be read as one matrix."""
    kinds = {spec.datatype for spec in signature.inputs}
    whole = bool(signature.columns) and len(kinds) == 1 and signature.inputs[0].dtype.kind == "f"
    return signature.inputs[0].dtype if whole else None


def _finite_in(array: Array, dtype: np.dtype[Any] | None) -> bool:
    return dtype == np.float64 or bool(
        np.all(np.abs(array) < np.finfo(np.float16 if dtype == np.float16 else np.float32).max)
    )
