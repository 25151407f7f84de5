"""Ask a stored model in every way that a client can, and read the answers in one form."""

from __future__ import annotations

import asyncio
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_runtime.formats.signature import DATATYPES, TensorSpec
from model_runtime.server import loading, routes
from model_runtime.server.handlers import Handlers
from model_runtime.server.settings import Settings
from tests.unit.runtime.server.serving import Reply, ask

WAYS = ("records", "columns", "instances", "v2 json", "v2 binary")
Row = dict[str, Any]
"""The values of a row as JSON has them."""


@dataclass(frozen=True)
class Answers:
    """Predictions and probabilities of some rows, or a refusal."""

    status: int
    predictions: list[Any]
    probabilities: list[list[float]] | None
    error: str = ""


class Asked:
    """A model as the server loads it from its folder."""

    def __init__(self, folder: Path) -> None:
        self.served = loading.load_model(Settings(model_folder=folder, allow_pickle=True))
        handlers = Handlers()
        handlers.bind(self.served)
        self._app = routes.application(handlers)
        self.specs = self.served.predict_protocol.signature.inputs
        self.classes = self.served.predict_protocol.signature.classes

    def spec(self, name: str) -> TensorSpec:
        return next(spec for spec in self.specs if spec.name == name)

    def answers(self, way: str, rows: list[Row]) -> Answers:
        """The answers to these rows."""
        match way:
            case "records":
                return self._records(self.reply("/predict", {"records": rows}))
            case "columns":
                columns = {name: [row[name] for row in rows] for name in rows[0]}
                return self._columns(self.reply("/predict", {"columns": columns}))
            case "instances":
                instances: list[Any] = [[row[spec.name] for spec in self.specs] for row in rows]
                if len(self.specs) == 1 and not self.served.predict_protocol.signature.columns:
                    instances = [values[0] for values in instances]
                return self._instances(self.reply("/predict", {"instances": instances}))
            case "v2 json":
                return self._v2(self.reply(self._infer, {"inputs": self._tensors(rows)}))
            case "v2 binary":
                return self._v2(self._binary(rows))
        raise AssertionError(way)

    def reply(self, path: str, body: Any, **headers: str) -> Reply:
        """One response."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return asyncio.run(ask(self._app, path, content, headers=headers))

    @property
    def _infer(self) -> str:
        return routes.infer_path(self.served.v2_protocol.name)

    def _tensors(self, rows: list[Row]) -> list[dict[str, Any]]:
        return [
            {
                "name": spec.name,
                "datatype": spec.datatype,
                "shape": [len(rows)],
                "data": [row[spec.name] for row in rows],
            }
            for spec in self.specs
        ]

    def _binary(self, rows: list[Row]) -> Reply:
        tensors, tail = self._tensors(rows), b""
        for tensor in tensors:
            raw = _bytes_of(tensor.pop("data"), tensor["datatype"])
            tensor["parameters"] = {"binary_data_size": len(raw)}
            tail += raw
        head = json.dumps({"inputs": tensors}).encode()
        return self.reply(self._infer, head + tail, **{"inference-header-content-length": str(len(head))})

    def _records(self, reply: Reply) -> Answers:
        if reply.status != 200:
            return _refusal(reply)
        records = reply.document["predictions"]
        shares = [list(one["probabilities"].values()) for one in records if "probabilities" in one]
        return Answers(200, [one["prediction"] for one in records], shares or None)

    def _columns(self, reply: Reply) -> Answers:
        if reply.status != 200:
            return _refusal(reply)
        columns = reply.document["predictions"]
        shares = columns.get("probabilities")
        by_row = None if shares is None else [list(row) for row in zip(*shares.values(), strict=True)]
        return Answers(200, columns["prediction"], by_row)

    def _instances(self, reply: Reply) -> Answers:
        if reply.status != 200:
            return _refusal(reply)
        return Answers(200, reply.document["predictions"], reply.document.get("probabilities"))

    def _v2(self, reply: Reply) -> Answers:
        if reply.status != 200:
            return _refusal(reply)
        outputs = {
            output["name"]: np.array(output["data"], dtype=object).reshape(output["shape"]).tolist()
            for output in reply.document["outputs"]
        }
        return Answers(200, outputs["prediction"], outputs.get("probabilities"))


def expressible(way: str, rows: list[Row]) -> bool:
    """Whether this way has words for the rows: bytes have none for null."""
    values = [value for row in rows for value in row.values()]
    return way != "v2 binary" or not any(value is None for value in values)


def _refusal(reply: Reply) -> Answers:
    return Answers(reply.status, [], None, reply.document["error"])


def _bytes_of(values: list[Any], datatype: str) -> bytes:
    if datatype == "BYTES":
        texts = [value.encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    filled = [math.nan if value is None else value for value in values]
    return np.array(filled, dtype=DATATYPES[datatype]).tobytes()
