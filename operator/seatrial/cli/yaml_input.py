"""Reads files of Kubernetes objects as kubectl does: YAML or JSON, documents, lists, directories, standard input."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.constructor import ConstructorError

from seatrial.api.objects import Body
from seatrial.cli.errors import CommandError

STDIN: Final = "-"
EXTENSIONS: Final = (".yaml", ".yml", ".json")
"""Of the files that are read from a directory; the same as kubectl's."""

_MAP_FIELDS: Final = (
    ("labels", "metadata"),
    ("annotations", "metadata"),
    ("spec", None),
    ("status", None),
    ("data", None),
)
"""Fields that are maps in every kind of object, with the field that contains them."""


class _Loader(yaml.SafeLoader):
    """A YAML loader that reads as kubectl does: timestamps stay strings, duplicate keys are errors."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping; raise ConstructorError if a key occurs twice."""
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys and key.value != "<<":
                raise ConstructorError(None, None, f"duplicate key {key.value}", key.start_mark)
            keys.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_objects(text: str, source: str) -> tuple[Body, ...]:
    """Return every object in a YAML text: of all documents, lists, and `kind: List` of kubectl."""
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
        return tuple(_objects_in(documents, source))
    except yaml.YAMLError as error:
        raise CommandError(f"{source}: invalid YAML: {error}") from None
    except RecursionError:
        raise CommandError(f"{source}: the YAML is nested too deeply") from None
    except ValueError as error:
        raise CommandError(f"{source}: the YAML has an invalid value: {error}") from None


def _objects_in(document: Any, source: str) -> Iterator[Body]:
    if document is None:
        return
    if isinstance(document, list):
        for item in document:
            yield from _objects_in(item, source)
    elif (
        isinstance(document, dict) and str(document.get("kind", "")).endswith("List") and "items" in document
    ):
        yield from _objects_in(document["items"], source)
    else:
        yield _object(document, source)


def _object(document: Any, source: str) -> Body:
    """Return the object with kind and metadata.name present; the rest of it is validated elsewhere.

    An object with generateName gets a name, as the API server would give it one.
    """
    metadata = document.get("metadata") if isinstance(document, dict) else None
    name = (metadata.get("name") or metadata.get("generateName")) if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not name or not document.get("kind"):
        raise CommandError(f"{source}: every object needs kind and metadata.name")
    for field, parent in _MAP_FIELDS:
        value = (document if parent is None else metadata).get(field)
        if value is not None and not isinstance(value, dict):
            raise CommandError(
                f"{source}: {document['kind']} {name}: {field}: expected an object, got {value!r}"
            )
    return {**document, "metadata": {**metadata, "name": str(metadata.get("name") or f"{name}new")}}


def files_at(path: str, *, recursive: bool = False) -> tuple[str, ...]:
    """Return the file itself, or the files in a directory sorted by name; with `recursive` also of its directories."""
    directory = Path(path)
    if path == STDIN or not directory.is_dir():
        return (path,)
    entries = directory.rglob("*") if recursive else directory.iterdir()
    files = sorted(str(entry) for entry in entries if entry.suffix in EXTENSIONS and entry.is_file())
    if not files:
        hint = "" if recursive else "; use -R to include subdirectories"
        raise CommandError(f"{path}: the directory has no {', '.join(EXTENSIONS)} file{hint}")
    return tuple(files)


def display_name(path: str) -> str:
    """Return a file's name for messages."""
    return "standard input" if path == STDIN else path


def read_text(path: str) -> str:
    """Read a UTF-8 file or standard input; raise CommandError if that fails."""
    try:
        content = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
        return content.decode()
    except OSError as error:
        raise CommandError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path}: cannot be read: the file is not UTF-8 text") from None


def read_objects(path: str) -> tuple[Body, ...]:
    """Read the objects in a file or, for `-`, in standard input."""
    return parse_objects(read_text(path), display_name(path))
