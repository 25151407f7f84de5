"""Decodes what the API server sends, however deep somebody has nested it.

A free part of any object may be nested thousands of levels deep. Python's decoder gives up at about a thousand, and
one such object in a list would hide all others from the operator.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Final

DEEPEST: Final = 100
"""Levels that are kept; the deepest object of Kubernetes' own has about 25."""
LIMIT: Final = 1000
"""Calls of Python: what is decoded is compared and copied by functions that call themselves for every level."""
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def decode(data: bytes) -> Any:
    """Return the JSON value in `data`; where it is nested too deep, what is below `DEEPEST` levels becomes null."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(LIMIT)
    try:
        return json.loads(data)
    except RecursionError:
        return json.loads(_shallow(data.decode()))
    finally:
        sys.setrecursionlimit(limit)


def raise_limit_for_libraries() -> None:
    """Let the decoders of libraries read as deep as the API server writes: 10,000 levels.

    kopf has a watch of its own, and ends with the operator when it cannot decode an event.
    """
    sys.setrecursionlimit(20_000)


def _shallow(text: str) -> str:
    """Return the text in which every object and list below `DEEPEST` levels is replaced by null."""
    kept: list[str] = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        match token[0][0]:
            case "[" | "{":
                depth += 1
                if depth == DEEPEST + 1:
                    kept.append(text[start : token.start()])
            case "]" | "}":
                if depth == DEEPEST + 1:
                    kept.append("null")
                    start = token.end()
                depth -= 1
    return "".join((*kept, text[start:]))
