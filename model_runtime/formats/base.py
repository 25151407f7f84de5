"""What every loaded model can do, whatever framework is behind it."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy.typing as npt

from model_runtime.formats.signature import Signature

Array: TypeAlias = npt.NDArray[Any]
Tensors: TypeAlias = dict[str, Array]


class Loaded(Protocol):
    """A model in memory that answers."""

    @property
    def signature(self) -> Signature:
        """What goes in and what comes out."""

    def predict(self, inputs: Tensors, /, *, wanted: frozenset[str] | None = None) -> Tensors:
        """The outputs of the signature, or the `wanted` ones among them.

        A tabular model takes one array of n values for each of its columns, or one array of n × width under
        any single name. Texts are arrays of `str` objects. The inputs stay as they are. `InputInvalid` names
        the input that does not fit.
        """


class InputInvalid(ValueError):
    """What came does not fit the signature: `field` is the input, `message` what it wants and what came."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
