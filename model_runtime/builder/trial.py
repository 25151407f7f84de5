"""`python -m model_runtime.builder.trial FOLDER FORMAT PATH OUTCOME`: load the model and ask it its example.

The example travels as requests do: from JSON to the model, and back to JSON.
It runs in a process of its own: a model that crashes or exhausts the memory must not end the build without a report.
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import sys
import traceback
from pathlib import Path
from typing import Any, Final

from model_runtime import failures, formats
from model_runtime.builder import report
from model_runtime.failures import BuildFailure
from model_runtime.formats import Array, Tensors, versions
from model_runtime.server import type_trial

LOADING: Final = "loading"
PREDICTING: Final = "predicting"
MAX_ROWS: Final = 100
NO_SPACE: Final = errno.ENOSPC
"""The exit code when the disk is full: it may be too full to write the outcome."""


def main() -> int:
    """Write the stage to the outcome file, and at the end the signature and the example, or the failure."""
    arguments = _arguments()
    try:
        _write(arguments.outcome, _outcome(arguments))
    except OSError as error:
        if report.full_disk(error) is None:
            raise
        return NO_SPACE
    return 0


def _outcome(arguments: argparse.Namespace) -> dict[str, Any]:
    try:
        return _try_model(arguments)
    except MemoryError:
        failure = failures.out_of_memory("while the model was tried")
        return {"reason": failure.reason, "message": failure.message}
    except BuildFailure as failure:
        traceback.print_exception(failure.__cause__ or failure, file=sys.stderr)
        if (full := report.full_disk(failure)) is not None:
            raise full from failure
        return {"reason": failure.reason, "message": failure.message}


def _write(path: Path, outcome: dict[str, Any]) -> None:
    """Replace the outcome file atomically: this process may be killed at any moment."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(outcome))
    temporary.replace(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("format")
    parser.add_argument("path", type=Path)
    parser.add_argument("outcome", type=Path)
    parser.add_argument("--allow-pickle", action="store_true")
    return parser.parse_args()


def _try_model(arguments: argparse.Namespace) -> dict[str, Any]:
    _write(arguments.outcome, {"stage": LOADING})
    warnings = _Warnings()
    logging.getLogger(versions.WARNINGS).addHandler(warnings)
    model = formats.load(arguments.format, arguments.path, allow_pickle=arguments.allow_pickle)
    _write(arguments.outcome, {"stage": PREDICTING})
    example = formats.example(arguments.path, model.signature, within=arguments.folder)
    signature = type_trial.signature_of(model, example)
    return {"signature": signature.to_json(), "reference": reference(example), "warnings": warnings.lines}


class _Warnings(logging.Handler):
    """Keeps what the loading of a model warns about, for the report of the build."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one warning."""
        self.lines.append(record.getMessage())


def reference(inputs: Tensors) -> dict[str, Any]:
    """Return the example as JSON."""
    return {"inputs": {name: _first_rows(array).tolist() for name, array in inputs.items()}}


def _first_rows(array: Array) -> Array:
    return array[:MAX_ROWS] if array.ndim else array


if __name__ == "__main__":
    sys.exit(main())
