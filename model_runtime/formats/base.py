"""The interface of a loaded model, whatever its framework."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy.typing as npt

from model_runtime.formats.signature import Signature

Array: TypeAlias = npt.NDArray[Any]
Tensors: TypeAlias = dict[str, Array]


class Loaded(Protocol):
    """A model in memory."""

    @property
    def signature(self) -> Signature:
        """Return the inputs and outputs of the model."""

    def predict(self, inputs: Tensors, /, *, wanted: frozenset[str] | None = None) -> Tensors:
        """Return the outputs of the signature, or only the `wanted` ones.

        A tabular model accepts one array of n values for each of its columns, or one array of n × width under
        any single name. Strings are arrays of `str` objects. The inputs are not modified. `InputMismatch` names
        the input that does not fit.
        """


class InputMismatch(ValueError):
    """An input does not fit the signature: `field` is its name, `message` says what was expected and what it got."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class InputRejected(ValueError):
    """The framework says that a value of this input is wrong, though its type is right; `str()` is its reason."""
