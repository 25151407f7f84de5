"""Find the model among the files, by their content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model_runtime.failures import FormatUnknown
from model_runtime.formats import examples, impostors, sniffing
from model_runtime.formats.loading import RUNTIME_OF

COMPANIONS: Final = frozenset({*examples.FILES, "signature.json"})
"""Files beside a model that are never a model themselves."""

_PICKLED: Final = frozenset({"sklearn"})
_PICKLE: Final = "pickle"
_MODEL_SUFFIXES: Final = frozenset(
    {".bst", ".gz", ".joblib", ".json", ".onnx", ".pickle", ".pkl", ".skops", ".tar", ".tgz", ".ubj", ".zip"}
)
"""Among several files, those that people mean as a model."""


@dataclass(frozen=True, slots=True)
class Detected:
    """The file of the model, and its format."""

    format: str
    path: Path


def detect(folder: Path, *, wanted: str = "") -> Detected:
    """Return the one model in the folder; `wanted` is its format, if several files could be the model.

    Of the same model in two formats, the one that runs no code is chosen. `FormatUnknown` lists the files and the
    known formats.
    """
    if wanted and wanted not in RUNTIME_OF:
        raise FormatUnknown(f"spec.model.format {wanted!r} is unknown; known: {_known()}.")
    files = _files(folder)
    kinds = {path: kind for path in files if (kind := sniffing.kind_of(path))}
    candidates = [Detected(kind, path) for path, kind in kinds.items() if kind in RUNTIME_OF]
    if wanted:
        return _of_format(wanted, candidates, kinds, files)
    preferred = _preferred(candidates)
    if len(preferred) == 1:
        return preferred[0]
    if preferred:
        names = ", ".join(f"{found.path.relative_to(folder)} ({found.format})" for found in preferred[:10])
        raise FormatUnknown(
            f"the source has more than one model: {names}. Name one file in spec.model.uri, or set spec.model.format."
        )
    raise FormatUnknown(_nothing_found(folder, files, kinds))


def _of_format(
    wanted: str, candidates: list[Detected], kinds: dict[Path, str], files: list[Path]
) -> Detected:
    matching = _preferred([candidate for candidate in candidates if candidate.format == wanted])
    if len(matching) == 1:
        return matching[0]
    if not matching and len(files) == 1 and not candidates:
        return _single(wanted, files[0], kinds.get(files[0], ""))
    names = ", ".join(sorted(f"{item.path.name} ({item.format})" for item in candidates))
    raise FormatUnknown(
        f"spec.model.format is {wanted}, but the source has: {names or 'no model of a known format'}."
    )


def _single(wanted: str, path: Path, kind: str) -> Detected:
    """Return the only file as a model of the wanted format, unless it is known to be something else."""
    found = None if kind else impostors.impostor(path)
    if found is not None:
        raise FormatUnknown(f"{path.name} is {found.noun}, not a model of format {wanted}: {found.remedy}.")
    if kind and not (kind == _PICKLE and wanted in _PICKLED):
        raise FormatUnknown(f"spec.model.format is {wanted}, but {path.name} is of the kind {kind}.")
    return Detected(wanted, path)


def _nothing_found(folder: Path, files: list[Path], kinds: dict[Path, str]) -> str:
    """Return the sentence for a source without a model; what looks like one is called by its name first."""
    for path in files:
        name = path.relative_to(folder)
        if kinds.get(path) == _PICKLE:
            return (
                f"{name} is a pickle that names no type of scikit-learn: store a fitted estimator, or set "
                f"spec.model.format: sklearn if it is one. Found: {_summary(folder, files, kinds)}."
            )
        found = None if path in kinds else impostors.impostor(path)
        if found is not None and (len(files) == 1 or path.suffix in _MODEL_SUFFIXES):
            return f"{name} is {found.noun}, not a model: {found.remedy}. Known formats: {_known()}."
    return f"the source has no model of a known format: {_summary(folder, files, kinds)}. Known formats: {_known()}."


def _preferred(candidates: list[Detected]) -> list[Detected]:
    """Return the preferred candidates: safe formats before pickles, then `model.*` before other names."""
    safe = [found for found in candidates if found.format not in _PICKLED] or candidates
    if len(safe) == 1:
        return safe
    named = [found for found in safe if found.path.stem == "model"]
    return named if len(named) == 1 else safe


def _files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    shown = [
        path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return [path for path in shown if path.name not in COMPANIONS]


def _summary(folder: Path, files: list[Path], kinds: dict[Path, str]) -> str:
    if not files:
        return "it has no files"
    named = [f"{path.relative_to(folder)} ({_kind(path, kinds)})" for path in files[:8]]
    surplus = f" and {len(files) - 8} more" if len(files) > 8 else ""
    return ", ".join(named) + surplus


def _kind(path: Path, kinds: dict[Path, str]) -> str:
    if path in kinds:
        return kinds[path]
    found = impostors.impostor(path)
    return found.noun if found is not None else f"{path.stat().st_size} bytes, not a model"


def _known() -> str:
    return ", ".join(sorted(RUNTIME_OF))
