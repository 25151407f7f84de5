"""The Open Inference Protocol V2 over the whole application: paths, types, bytes, errors."""

from __future__ import annotations

import contextlib
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp

from model_runtime.formats import Signature, Tensors, TensorSpec
from model_runtime.formats.signature import DATATYPES
from model_runtime.server import routes
from model_runtime.server.edge import Edge
from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols import v2, v2_binary
from model_runtime.server.protocols.v2 import V2Protocol
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import Reply, ask, bound, served

INFER = "/v2/models/churn/infer"
VALUES: dict[str, list[Any]] = {
    "BOOL": [True, False, True],
    "BYTES": ["", "gold", "süß"],
    "FP16": [0.5, -2.0, 65504.0],
    "FP32": [0.5, -2.0, 2.0**100],
    "FP64": [0.5, -2.0, 1e300],
}


def values_of(datatype: str) -> list[Any]:
    if datatype in VALUES:
        return VALUES[datatype]
    bounds = np.iinfo(DATATYPES[datatype])
    return [int(bounds.min), 7, int(bounds.max)]


def echo(datatype: str) -> models.Fake:
    """Returns its inputs."""
    signature = Signature((TensorSpec("x", datatype, (-1,)),), (TensorSpec("y", datatype, (-1,)),))

    def answer(inputs: Tensors) -> Tensors:
        return {"y": inputs["x"]}

    return models.Fake(signature, answer)


def application(model: models.Fake) -> ASGIApp:
    edge = Edge(connection_age=0)
    edge.serve(routes.application(bound(served(model))), name="churn", version="v7")
    return edge


def raw_of(datatype: str, values: list[Any]) -> bytes:
    return v2_binary.encode(np.array(values, dtype=DATATYPES[datatype]))


async def told(model: models.Fake, head: Any, tail: bytes = b"") -> Reply:
    text = json.dumps(head).encode()
    return await ask(
        application(model), INFER, text + tail, headers={"inference-header-content-length": str(len(text))}
    )


class TestTypes:
    @pytest.mark.parametrize("datatype", DATATYPES)
    async def test_every_type_round_trips_as_json(self, datatype: str) -> None:
        tensor = {"name": "x", "shape": [3], "datatype": datatype, "data": values_of(datatype)}
        reply = await ask(application(echo(datatype)), INFER, {"inputs": [tensor]})
        assert reply.document["outputs"] == [tensor | {"name": "y"}]

    @pytest.mark.parametrize("datatype", DATATYPES)
    async def test_every_type_round_trips_as_bytes(self, datatype: str) -> None:
        raw = raw_of(datatype, values_of(datatype))
        tensor = {
            "name": "x",
            "shape": [3],
            "datatype": datatype,
            "parameters": {"binary_data_size": len(raw)},
        }
        wanted = {"name": "y", "parameters": {"binary_data": True}}
        reply = await told(echo(datatype), {"inputs": [tensor], "outputs": [wanted]}, raw)
        length = int(reply.headers["inference-header-content-length"])
        assert reply.body[length:] == raw
        assert json.loads(reply.body[:length])["outputs"] == [tensor | {"name": "y"}]

    @pytest.mark.parametrize("datatype", [name for name in DATATYPES if name != "BYTES"])
    def test_bytes_are_little_endian_in_the_size_of_the_type(self, datatype: str) -> None:
        code = dict(zip(DATATYPES, "?BHIQbhiqefd", strict=False))[datatype]
        assert raw_of(datatype, [1, 0]) == struct.pack(f"<2{code}", 1, 0)

    @pytest.mark.parametrize("sent", ["INT8", "UINT16", "INT64", "FP16", "FP64"])
    async def test_another_type_is_converted_when_no_value_changes(self, sent: str) -> None:
        raw = raw_of(sent, [1, 2])
        tensor = {"name": "x", "shape": [2], "datatype": sent, "parameters": {"binary_data_size": len(raw)}}
        assert (await told(echo("INT32"), {"inputs": [tensor]}, raw)).document["outputs"][0]["data"] == [1, 2]

    @pytest.mark.parametrize(
        ("sent", "number"),
        [("FP64", 1.5), ("INT64", 1 << 40), ("UINT64", (1 << 64) - 1), ("FP32", float("nan"))],
    )
    async def test_another_type_is_rejected_when_a_value_does_not_fit(self, sent: str, number: Any) -> None:
        raw = raw_of(sent, [1, number])
        tensor = {"name": "x", "shape": [2], "datatype": sent, "parameters": {"binary_data_size": len(raw)}}
        reply = await told(echo("INT32"), {"inputs": [tensor]}, raw)
        assert (reply.status, reply.document["field"]) == (400, "x[1]")


class TestBytes:
    @pytest.mark.parametrize("said", [0, 7, 15, 17, 24, 1 << 62, -1, True, 8.0, "16", [], {}])
    async def test_a_binary_size_that_differs_from_the_bytes_is_400(self, said: Any) -> None:
        tensor = {"name": "x", "shape": [2], "datatype": "FP64", "parameters": {"binary_data_size": said}}
        reply = await told(echo("FP64"), {"inputs": [tensor]}, raw_of("FP64", [1.0, 2.0]))
        assert reply.status == 400
        assert reply.document["error"]

    @pytest.mark.parametrize(
        "shape",
        [
            [3],
            [2, 2],
            [],
            [-2],
            [2.0],
            ["2"],
            [True, 2],
            None,
            2,
            "2",
            [1 << 63],
            [1 << 40] * 30,
            [0, 1 << 47, 1 << 47],
        ],
    )
    @pytest.mark.parametrize("data", [[1, 2], []])
    async def test_a_shape_that_differs_from_the_data_is_400_with_its_field(
        self, shape: Any, data: Any
    ) -> None:
        tensor = {"name": "x", "shape": shape, "datatype": "FP64", "data": data}
        reply = await ask(application(echo("FP64")), INFER, {"inputs": [tensor]})
        assert reply.status == 400
        assert reply.document["field"].partition("[")[0] in ("x.shape", "x.data")
        assert len(reply.body) < 500

    async def test_a_batch_of_no_images_reaches_the_model(self) -> None:
        images = Signature((TensorSpec("x", "FP32", (-1, 3, 224, 224)),), (TensorSpec("y", "FP32", (-1,)),))
        model = models.Fake(images, lambda inputs: {"y": inputs["x"].sum(axis=(1, 2, 3))})
        tensor = {"name": "x", "shape": [0, 3, 224, 224], "datatype": "FP32", "data": []}
        reply = await ask(application(model), INFER, {"inputs": [tensor]})
        assert (reply.status, reply.document["outputs"][0]["data"]) == (200, [])
        larger = {**tensor, "shape": [0, 3, 1 << 40, 224]}
        assert (await ask(application(model), INFER, {"inputs": [larger]})).status == 400

    @given(texts=st.lists(st.text(), max_size=5))
    def test_any_strings_round_trip(self, texts: list[str]) -> None:
        array = np.array([*texts, None], dtype=object)[:-1]
        raw = memoryview(v2_binary.encode(array))
        assert v2_binary.decode(raw, array.dtype, field="x").tolist() == texts

    @given(raw=st.binary(max_size=40), datatype=st.sampled_from(list(DATATYPES)))
    def test_any_bytes_are_decoded_or_rejected(self, raw: bytes, datatype: str) -> None:
        dtype = np.dtype(DATATYPES[datatype])
        with contextlib.suppress(InvalidInput):
            assert v2_binary.decode(memoryview(raw), dtype, field="x").dtype == dtype

    async def test_two_binary_tensors_follow_each_other(self) -> None:
        first, second = raw_of("UINT8", [1, 2, 3, 4]), raw_of("FP32", [0.5])
        head = {
            "inputs": [
                {
                    "name": "image",
                    "shape": [1, 2, 2],
                    "datatype": "UINT8",
                    "parameters": {"binary_data_size": 4},
                },
                {"name": "scale", "shape": [1, 1], "datatype": "FP32", "parameters": {"binary_data_size": 4}},
            ]
        }
        reply = await told(models.tensors(), head, first + second)
        assert [output["data"] for output in reply.document["outputs"]] == [[5.0], [4]]

    async def test_one_output_may_be_binary_and_the_other_json(self) -> None:
        image = {"name": "image", "shape": [1, 2, 2], "datatype": "UINT8", "data": [1, 2, 3, 4]}
        scale = {"name": "scale", "shape": [1, 1], "datatype": "FP32", "data": [1]}
        wanted = [{"name": "max"}, {"name": "sum", "parameters": {"binary_data": True}}]
        reply = await told(models.tensors(), {"inputs": [image, scale], "outputs": wanted})
        length = int(reply.headers["inference-header-content-length"])
        outputs = json.loads(reply.body[:length])["outputs"]
        assert [output.get("data") for output in outputs] == [[4], None]
        assert np.frombuffer(reply.body[length:], "<f4").tolist() == [10.0]


class TestPaths:
    @pytest.mark.parametrize("of", ["", "/versions/v7"])
    async def test_the_path_may_name_the_version(self, of: str) -> None:
        app = application(echo("FP64"))
        tensor = {"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}
        assert (await ask(app, f"/v2/models/churn{of}", method="GET")).document["versions"] == ["v7"]
        assert (await ask(app, f"/v2/models/churn{of}/ready", method="GET")).status == 200
        assert (await ask(app, f"/v2/models/churn{of}/infer", {"inputs": [tensor]})).status == 200

    @pytest.mark.parametrize(
        "path",
        [
            "/v2/models/churn/versions/v8/infer",
            "/v2/models/churn/versions//infer",
            "/v2/models//infer",
            "/v2/models/churn/versions/v7/infer/",
            "/v2/repository/index",
            "/v2/models/churn/versions",
        ],
    )
    async def test_another_version_is_404_with_the_error_of_the_protocol(self, path: str) -> None:
        reply = await ask(application(echo("FP64")), path, b"{}")
        assert (reply.status, list(reply.document)) == (404, ["error"])

    @pytest.mark.parametrize(
        "path", ["/v2", "/v2/", "/v2/health/live", "/v2/health/ready", "/v2/models/churn"]
    )
    async def test_a_document_does_not_accept_post(self, path: str) -> None:
        assert (await ask(application(echo("FP64")), path, b"{}")).status == 405


class TestErrors:
    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"inputs": {}}', b'{"inputs": [[]]}'])
    async def test_the_error_is_a_string_under_the_key_error(self, body: bytes) -> None:
        reply = await ask(application(echo("FP64")), INFER, body)
        assert (reply.status, type(reply.document["error"])) == (400, str)

    async def test_a_name_of_a_megabyte_is_not_repeated(self) -> None:
        tensor = {"name": "x" * 1_000_000, "shape": [1], "datatype": "FP64", "data": [1]}
        reply = await ask(application(models.tensors()), INFER, {"inputs": [tensor]})
        assert (reply.status, reply.document["field"]) == (400, "inputs[0].name")
        assert len(reply.body) < 3 * v2.LONGEST_NAME

    async def test_a_null_string_that_breaks_the_model_is_invalid_input(self) -> None:
        model = models.Fake(
            echo("BYTES").signature, lambda inputs: {"y": np.array([text.lower() for text in inputs["x"]])}
        )
        tensor = {"name": "x", "shape": [2], "datatype": "BYTES", "data": ["a", None]}
        reply = await ask(application(model), INFER, {"inputs": [tensor]})
        assert reply.status == 400
        assert reply.document == {"error": "x: the model does not accept null here", "field": "x"}

    def test_the_id_is_returned_unchanged(self) -> None:
        protocol = V2Protocol(echo("FP64").signature, name="m", version="1")
        tensor = {"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}
        asked = protocol.decode(json.dumps({"id": 'a"b\n', "inputs": [tensor]}).encode(), None)
        assert json.loads(protocol.encode(asked, {"y": np.array([1.0])}).body)["id"] == 'a"b\n'
