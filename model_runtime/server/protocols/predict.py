"""`/predict`: rows with the names of the model's own columns; the response has the form of the request.

    request                                               response
    {"records": [{"age": 31, "plan": "gold"}]}            {"predictions": [{"prediction": "no",
                                                             "probabilities": {"no": 0.9, "yes": 0.1}}]}
    {"columns": {"age": [31], "plan": ["gold"]}}          {"predictions": {"prediction": ["no"],
                                                             "probabilities": {"no": [0.9], "yes": [0.1]}}}
    {"instances": [[31, 55.5]]}                           {"predictions": ["no"], "probabilities": [[0.9, 0.1]],
                                                             "classes": ["no", "yes"]}

The key may be left out: a list of objects are records, an object of lists columns, one object of single values is
one record, a list of lists instances. Every response has `predictions`; `probabilities` and `classes` are there when
the model has them. A missing number is null.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
from pydantic_core import to_json

from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import Signature, TensorSpec, is_plain_number, name_list
from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols import element_types, nested_lists, tensors
from model_runtime.server.protocols.nested_lists import FieldPath

PREDICTION: Final = "prediction"
PROBABILITIES: Final = "probabilities"
MATRIX: Final = "instances"
"""The name of a matrix with all columns."""


class Form(Enum):
    """The three forms of rows."""

    RECORDS = "records"
    COLUMNS = "columns"
    INSTANCES = "instances"


@dataclass(frozen=True, slots=True)
class Request:
    """A decoded request: the inputs, the number of rows, and the form, which the response has as well."""

    form: Form
    inputs: Tensors
    rows: int


class PredictProtocol:
    """Decodes requests for one model, and encodes its responses."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self._names = tuple(spec.name for spec in signature.inputs)
        self._specs = {spec.name: spec for spec in signature.inputs}
        self._inputs_by_row = tuple(spec.name for spec in signature.inputs if spec.shape[:1] == (-1,))
        self._fields = {
            Form.RECORDS: {name: FieldPath(name, rows="records") for name in self._names},
            Form.COLUMNS: {name: FieldPath(f"columns.{name}") for name in self._names},
            Form.INSTANCES: {name: FieldPath(name, rows="instances") for name in self._names},
        }
        self._matrix_type = _matrix_type(signature)
        self._decoders: dict[Form, Callable[[Any], Tensors]] = {
            Form.RECORDS: self._from_records,
            Form.COLUMNS: self._from_columns,
            Form.INSTANCES: self._from_instances,
        }

    def decode(self, body: bytes) -> Request:
        """Return the request in a body; `InvalidInput` says what is wrong with it."""
        form, content = self._form_and_content(tensors.decode_json(body))
        inputs = self._decoders[form](content)
        return Request(form, inputs, self._row_count(inputs, form))

    def encode(self, request: Request, outputs: Tensors) -> bytes:
        """Return the body of the response."""
        document: dict[str, Any]
        match request.form:
            case Form.RECORDS:
                document = {"predictions": self._as_records(outputs, request.rows)}
            case Form.COLUMNS:
                document = {"predictions": {name: self._as_column(name, outputs[name]) for name in outputs}}
            case Form.INSTANCES:
                document = self._as_instances(outputs)
        return to_json(document, inf_nan_mode="null", fallback=tensors.json_fallback)

    def _row_count(self, inputs: Tensors, form: Form) -> int:
        """Return the number of rows; `InvalidInput` when it is 0, or not the same for all inputs."""
        rows = tensors.row_count(inputs)
        if not rows:
            raise InvalidInput(form.value, expected="at least one row", got="none")
        counts = {name: len(inputs[name]) for name in self._inputs_by_row if name in inputs}
        first, number = next(iter(counts.items()), ("", rows))
        for name, count in counts.items():
            if count != number:
                expected = f"{number} values, as many as {first[:60]!r} has"
                raise InvalidInput(f"{form.value}.{name}", expected=expected, got=str(count))
        return rows

    def _form_and_content(self, document: Any) -> tuple[Form, Any]:
        if isinstance(document, dict):
            if keys := [key for key in document if self._is_form(key, document)]:
                _require_only_key(keys[0], document)
                return Form(keys[0]), document[keys[0]]
            self._require_known_fields(document)
            if (
                document
                and all(isinstance(value, list) for value in document.values())
                and not self._is_single_record(document)
            ):
                return Form.COLUMNS, document
            return Form.RECORDS, [document]
        if isinstance(document, list):
            return (Form.RECORDS if document and isinstance(document[0], dict) else Form.INSTANCES), document
        raise InvalidInput("", expected="a JSON object or list", got=element_types.quoted(document))

    def _is_form(self, key: str, document: dict[str, Any]) -> bool:
        """Return whether this key names the form; a column may have the same name, but has no objects as values."""
        if key not in _FORM_KEYS or key not in self._specs:
            return key in _FORM_KEYS
        value = document[key]
        first = value[0] if isinstance(value, list) and value else value
        return len(document) == 1 and isinstance(first, dict)

    def _require_known_fields(self, document: dict[str, Any]) -> None:
        """Require the key of a form from a model whose columns have no names, unless its one input is named."""
        if self.signature.columns or len(self._names) > 1 or self._names[0] in document:
            return
        got = next((f"the field {name[:60]!r}" for name in document), "an empty object")
        raise InvalidInput("", expected="an object with instances", got=got)

    def _is_single_record(self, document: dict[str, Any]) -> bool:
        """Return whether the lists are single values, because each row of the inputs is a list itself."""
        return all(
            len(self._specs[name].shape) > 1 and not isinstance(next(iter(value), None), list)
            for name, value in document.items()
            if name in self._specs
        ) and any(name in self._specs for name in document)

    def _from_records(self, records: Any) -> Tensors:
        if not isinstance(records, list) or not records:
            raise InvalidInput("records", expected="a list of at least one record", got=_got(records))
        if self._matrix_type is not None and (matrix := self._matrix(records)) is not None:
            return {MATRIX: matrix}
        for index, record in enumerate(records):
            self._require_fields(record, index)
        return {
            name: self._column(name, [record[name] for record in records], field)
            for name, field in self._fields[Form.RECORDS].items()
        }

    def _matrix(self, records: list[Any]) -> Array | None:
        """Return all rows at once when every value is a number; None when the slower way must find an error."""
        names, width = self._names, len(self._names)
        try:
            elements = [record[name] for record in records if len(record) == width for name in names]
            array = nested_lists.floats(elements)
        except (KeyError, TypeError, OverflowError):
            return None
        fits = len(elements) == len(records) * width and _fits(elements, array, self._matrix_type)
        return array.reshape(-1, width).astype(self._matrix_type, copy=False) if fits else None

    def _require_fields(self, record: Any, index: int) -> None:
        if not isinstance(record, dict):
            raise InvalidInput(f"records[{index}]", expected="an object", got=element_types.quoted(record))
        for name in self._names:
            if name not in record:
                raise InvalidInput(
                    f"records[{index}].{name}", expected=self._description(name), got="nothing"
                )
        for name in record:
            if name not in self._specs:
                raise InvalidInput(
                    f"records[{index}]",
                    expected=f"the fields {name_list(self._names)}",
                    got=f"the field {name[:60]!r}",
                )

    def _from_columns(self, columns: Any) -> Tensors:
        if not isinstance(columns, dict):
            raise InvalidInput("columns", expected="an object of lists", got=element_types.quoted(columns))
        for name in self._names:
            if name not in columns:
                raise InvalidInput(f"columns.{name}", expected=self._description(name), got="nothing")
        for name in columns:
            if name not in self._specs:
                expected = f"the columns {name_list(self._names)}"
                raise InvalidInput("columns", expected=expected, got=f"the column {name[:60]!r}")
        return {
            name: self._column(name, columns[name], field)
            for name, field in self._fields[Form.COLUMNS].items()
        }

    def _column(self, name: str, values: Any, field: FieldPath) -> Array:
        if not isinstance(values, list) and self._specs[name].shape:
            raise InvalidInput(str(field), expected="a list of values", got=element_types.quoted(values))
        return _input(self._specs[name], values, field)

    def _from_instances(self, instances: Any) -> Tensors:
        if not isinstance(instances, list) or not instances:
            raise InvalidInput("instances", expected="a list of at least one row", got=_got(instances))
        if len(self._names) == 1 and not (self.signature.columns and isinstance(instances[0], list)):
            return {self._names[0]: _input(self.signature.inputs[0], instances, FieldPath("instances"))}
        if not self.signature.columns:
            expected = f"columns: {name_list(self._names)}"
            raise InvalidInput("instances", expected=expected, got="rows without names")
        return self._from_rows(instances)

    def _from_rows(self, rows: list[Any]) -> Tensors:
        width = len(self._names)
        for index, row in enumerate(rows):
            if not isinstance(row, list) or len(row) != width:
                raise InvalidInput(
                    f"instances[{index}]", expected=f"a list of {width} values", got=element_types.quoted(row)
                )
        fields = self._fields[Form.INSTANCES]
        return {
            spec.name: _input(spec, [row[i] for row in rows], fields[spec.name])
            for i, spec in enumerate(self.signature.inputs)
        }

    def _description(self, name: str) -> str:
        spec = self._specs[name]
        element = element_types.description(spec)
        return element if len(spec.shape) <= 1 else f"lists of {element}"

    def _as_records(self, outputs: Tensors, rows: int) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = [{} for _ in range(rows)]
        for name, array in outputs.items():
            by_row = array.tolist() if array.ndim and len(array) == rows else [array.tolist()] * rows
            for record, value in zip(records, by_row, strict=True):
                record[name] = self._by_class(value) if self._has_classes(name, array) else value
        return records

    def _as_column(self, name: str, array: Array) -> Any:
        return self._by_class(array.T.tolist()) if self._has_classes(name, array) else array.tolist()

    def _as_instances(self, outputs: Tensors) -> dict[str, Any]:
        first = PREDICTION if PREDICTION in outputs else next(iter(outputs))
        document = {"predictions": outputs[first].tolist()}
        document |= {name: array.tolist() for name, array in outputs.items() if name != first}
        return document | ({"classes": list(self.signature.classes)} if PROBABILITIES in outputs else {})

    def _has_classes(self, name: str, array: Array) -> bool:
        return name == PROBABILITIES and array.ndim == 2 and array.shape[1] == len(self.signature.classes)

    def _by_class(self, probabilities: list[Any]) -> dict[str, Any]:
        return {
            class_name(label): value
            for label, value in zip(self.signature.classes, probabilities, strict=True)
        }


def _require_only_key(key: str, document: dict[str, Any]) -> None:
    other = next((name for name in document if name != key), None)
    if other is not None:
        raise InvalidInput(other[:60], expected=f"no other field beside {key!r}", got="this field")


def _input(spec: TensorSpec, values: Any, field: FieldPath) -> Array:
    return tensors.with_shape(spec, tensors.array_of(spec, values, field=field), field=field)


def class_name(label: str | float | bool) -> str:
    """Return the label of a class as a key of JSON."""
    return str(label).lower() if isinstance(label, bool) else str(label)


_FORM_KEYS: Final = frozenset(form.value for form in Form)


def _got(value: Any) -> str:
    return "an empty list" if value == [] else element_types.quoted(value)


def _matrix_type(signature: Signature) -> np.dtype[Any] | None:
    """Return the floating-point type that all columns share; their rows can then be decoded as one matrix."""
    kinds = {spec.datatype for spec in signature.inputs}
    shared = bool(signature.columns) and len(kinds) == 1 and all(map(is_plain_number, signature.inputs))
    return signature.inputs[0].dtype if shared else None


def _fits(elements: list[Any], array: Array, dtype: np.dtype[Any] | None) -> bool:
    """Return whether each number is finite in the type, and not so large that it may be a rounded integer."""
    if dtype == np.float64:
        return element_types.all_exact(elements, array)
    limit = np.finfo(np.float16).max if dtype == np.float16 else float(element_types.LARGEST_EXACT)
    return bool((np.abs(array) < limit).all())
