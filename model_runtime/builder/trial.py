"""`python -m model_runtime.builder.trial FOLDER FORMAT PATH OUTCOME`: load the model, answer its example, say how.

A process of its own: a model that crashes or eats all memory takes this process with it, not the build's report.
"""

from __future__ import annotations

import argparse
import errno
import json
import sys
import traceback
from pathlib import Path
from typing import Any, Final

from model_runtime import failures, formats
from model_runtime.builder import report
from model_runtime.failures import BuildFailure, ExampleFailed
from model_runtime.formats import Array, Loaded, Signature, Tensors

LOADING: Final = "loading"
ANSWERING: Final = "answering"
MOST_ROWS: Final = 100
NO_SPACE: Final = errno.ENOSPC
"""The exit code of a trial for which the disk was too small: it may be too small for the outcome as well."""


def main() -> int:
    """The outcome file tells the stage, and at the end the signature and the example, or the failure."""
    given = _arguments()
    try:
        _tell(given.outcome, _outcome(given))
    except OSError as error:
        if report.full_disk(error) is None:
            raise
        return NO_SPACE
    return 0


def _outcome(given: argparse.Namespace) -> dict[str, Any]:
    try:
        return _tried(given)
    except MemoryError:
        short = failures.out_of_memory("while the model was tried")
        return {"reason": short.reason, "message": short.message}
    except BuildFailure as failure:
        traceback.print_exception(failure.__cause__ or failure, file=sys.stderr)
        if (full := report.full_disk(failure)) is not None:
            raise full from failure
        return {"reason": failure.reason, "message": failure.message}


def _tell(path: Path, outcome: dict[str, Any]) -> None:
    """The outcome is in the file: whole or not at all, for this process may be killed at any moment."""
    made = path.with_suffix(".new")
    made.write_text(json.dumps(outcome))
    made.replace(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("format")
    parser.add_argument("path", type=Path)
    parser.add_argument("outcome", type=Path)
    parser.add_argument("--allow-pickle", action="store_true")
    return parser.parse_args()


def _tried(given: argparse.Namespace) -> dict[str, Any]:
    _tell(given.outcome, {"stage": LOADING})
    model = formats.load(given.format, given.path, allow_pickle=given.allow_pickle)
    _tell(given.outcome, {"stage": ANSWERING})
    inputs = formats.example(given.path, model.signature, within=given.folder)
    signature = model.signature.refined_by(inputs)
    answer(model, inputs, signature)
    return {"signature": signature.to_json(), "reference": reference(inputs)}


def answer(model: Loaded, inputs: Tensors, signature: Signature) -> None:
    """The model has answered with all outputs of its signature; `ExampleFailed` when it has not."""
    try:
        outputs = model.predict(inputs)
    except MemoryError:
        raise
    except BaseException as error:  # a model may leave, and what is written in Rust panics
        raise formats.unanswered(error) from error
    missing = {spec.name for spec in signature.outputs} - outputs.keys()
    if missing:
        raise ExampleFailed(f"the model's answer lacks {', '.join(sorted(missing))}.")


def reference(inputs: Tensors) -> dict[str, Any]:
    """The example as JSON."""
    return {"inputs": {name: _first(array).tolist() for name, array in inputs.items()}}


def _first(array: Array) -> Array:
    return array[:MOST_ROWS] if array.ndim else array


if __name__ == "__main__":
    sys.exit(main())
