"""Reads files of Kubernetes objects as kubectl does: YAML or JSON, documents, lists, whole folders, standard input."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.constructor import ConstructorError

from seatrial.api.objects import Body

STDIN: Final = "-"
ENDINGS: Final = (".yaml", ".yml", ".json")
"""Of the files that are read in a folder, as kubectl reads it."""

_MAPS: Final = (
    ("labels", "metadata"),
    ("annotations", "metadata"),
    ("spec", None),
    ("status", None),
    ("data", None),
)
"""Parts of an object that are maps wherever they are, and what they are part of."""


class Unusable(Exception):
    """Something cannot be used; every argument is a sentence that says what, why, and what to do."""


class _Loader(yaml.SafeLoader):
    """YAML as kubectl reads it: times are texts, and no key is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The map; `ConstructorError` where it says one thing twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen and key.value != "<<":
                raise ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, found) for tag, found in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(text: str, source: str) -> tuple[Body, ...]:
    """Every object in a YAML text: documents, lists of objects, and `kind: List` of kubectl."""
    try:
        loaded = list(yaml.load_all(text, Loader=_Loader))
        return tuple(_objects(loaded, source))
    except yaml.YAMLError as error:
        raise Unusable(f"{source}: is not YAML: {error}") from None
    except RecursionError:
        raise Unusable(f"{source}: is nested too deeply to be a list of objects") from None
    except ValueError as error:
        raise Unusable(f"{source}: has a value that cannot be read: {error}") from None


def _objects(found: Any, source: str) -> Iterator[Body]:
    if found is None:
        return
    if isinstance(found, list):
        for item in found:
            yield from _objects(item, source)
    elif isinstance(found, dict) and str(found.get("kind", "")).endswith("List") and "items" in found:
        yield from _objects(found["items"], source)
    else:
        yield _object(found, source)


def _object(found: Any, source: str) -> Body:
    """An object whose head can be relied upon; what is in it is another's to judge."""
    head = found.get("metadata") if isinstance(found, dict) else None
    name = (head.get("name") or head.get("generateName")) if isinstance(head, dict) else None
    if not isinstance(head, dict) or not name or not found.get("kind"):
        raise Unusable(f"{source}: every object needs kind and metadata.name")
    for part, parent in _MAPS:
        value = (found if parent is None else head).get(part)
        if value is not None and not isinstance(value, dict):
            raise Unusable(f"{source}: {found['kind']} {name}: {part} must be an object; got {value!r}")
    return {**found, "metadata": {**head, "name": str(head.get("name") or f"{name}new")}}


def files(path: str, *, recursive: bool = False) -> tuple[str, ...]:
    """The file itself, or those in the folder, in order of their names; with `recursive` in its folders as well."""
    folder = Path(path)
    if path == STDIN or not folder.is_dir():
        return (path,)
    inside = folder.rglob("*") if recursive else folder.iterdir()
    found = sorted(str(file) for file in inside if file.suffix in ENDINGS and file.is_file())
    if not found:
        deeper = "" if recursive else "; -R looks into its folders as well"
        raise Unusable(f"{path}: has no file that ends in {', '.join(ENDINGS)}{deeper}")
    return tuple(found)


def named(path: str) -> str:
    """A file as sentences call it."""
    return "standard input" if path == STDIN else path


def text_of(path: str) -> str:
    """The text of a file; `Unusable` where there is none."""
    try:
        raw = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
        return raw.decode()
    except OSError as error:
        raise Unusable(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unusable(f"{path}: cannot be read: it is no text in UTF-8") from None
