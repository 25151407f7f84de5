"""scikit-learn: tables and rows of every shape, with and without names, through code of its user's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.fidelity.asking import WAYS, Asked, Row, expressible
from tests.fidelity.columns import BIG
from tests.fidelity.test_sklearn_columns import expected

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
SHOPS = pd.DataFrame(
    {
        "shop": [BIG, BIG - 1, 7] * 10,
        "plan": ["gold", None, "basic"] * 10,
        "open": [True, False, True] * 10,
        "size": np.arange(30.0),
    }
)
SHOPS["plan"] = SHOPS["plan"].astype(object).where(SHOPS["plan"].notna(), None)
KINDS = np.array([0, 1, 2] * 10)
ROWS: list[Row] = [
    {"shop": BIG, "plan": "gold", "open": True, "size": 0.5},
    {"shop": BIG - 1, "plan": None, "open": False, "size": 1.0},
    {"shop": 7, "plan": "basic", "open": True, "size": 2.25},
]


def encoded(*columns: Any) -> Any:
    encoder = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer([("encode", encoder, list(columns))], remainder="passthrough")


def stored(estimator: Any, folder: Path, *, pickled: bool = False, example: Any = None) -> Asked:
    if pickled:
        joblib.dump(estimator, folder / "model.joblib")
    else:
        skops.io.dump(estimator, folder / "model.skops")
    if example is not None:
        (folder / "example.json").write_text(json.dumps(example))
    return Asked(folder)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Asked]:
    model = make_pipeline(encoded("shop", "plan", "open"), LogisticRegression(max_iter=1000))
    return model.fit(SHOPS, KINDS), stored(model, tmp_path_factory.mktemp("shops"))


def frame(rows: list[Row]) -> Any:
    table = pd.DataFrame(rows, columns=list(SHOPS.columns))
    return table.astype({"shop": "int64", "plan": object, "open": bool}).assign(
        plan=pd.Series([row["plan"] for row in rows], dtype=object)
    )


class TestColumns:
    @EVERY_WAY
    def test_columns_of_several_types_keep_theirs(self, shops: tuple[Any, Asked], way: str) -> None:
        model, asked = shops
        rows = [row for row in ROWS if expressible(way, [row])]

        assert asked.answers(way, rows) == expected(model, frame(rows))
        for row in rows:
            assert asked.answers(way, [row]) == expected(model, frame([row]))

    @pytest.mark.parametrize("way", ["records", "columns", "v2 json"])
    def test_the_order_of_columns_does_not_matter(self, shops: tuple[Any, Asked], way: str) -> None:
        model, asked = shops
        turned = [dict(reversed(row.items())) for row in ROWS]

        assert asked.answers(way, turned) == expected(model, frame(ROWS))

    @pytest.mark.parametrize("way", ["records", "columns"])
    @pytest.mark.parametrize("column", list(SHOPS.columns))
    def test_a_missing_column_is_named(self, shops: tuple[Any, Asked], way: str, column: str) -> None:
        rows = [{name: value for name, value in row.items() if name != column} for row in ROWS]
        answers = shops[1].answers(way, rows)

        assert answers.status == 400
        assert column in answers.error.split(":")[0]

    @pytest.mark.parametrize("way", ["records", "columns"])
    @pytest.mark.parametrize("name", ["colour", "Size", " size", ""])
    def test_an_extra_column_is_named(self, shops: tuple[Any, Asked], way: str, name: str) -> None:
        answers = shops[1].answers(way, [{**row, name: 1} for row in ROWS])

        assert answers.status == 400
        assert repr(name) in answers.error

    @pytest.mark.parametrize("form", ["records", "columns", "instances"])
    def test_no_rows_are_a_400(self, shops: tuple[Any, Asked], form: str) -> None:
        nothing: Any = {name: [] for name in SHOPS.columns} if form == "columns" else []
        assert shops[1].reply("/predict", {form: nothing}).status == 400

    @EVERY_WAY
    def test_many_rows_are_answered_as_each_alone(self, shops: tuple[Any, Asked], way: str) -> None:
        model, asked = shops
        rows = [{**ROWS[number % 3], "size": number / 8} for number in range(600)]
        rows = [row for row in rows if expressible(way, [row])]

        assert asked.answers(way, rows) == expected(model, frame(rows))

    def test_a_matrix_of_v2_gets_the_types_of_its_columns(self, shops: tuple[Any, Asked]) -> None:
        tensor = {"name": "rows", "datatype": "FP64", "shape": [1, 4], "data": [[7, 1, 1, 0.5]]}
        reply = shops[1].reply("/v2/models/model/infer", {"inputs": [tensor]})

        assert reply.status == 400
        assert reply.document["error"] == "rows.plan[0]: expected a string, got 1.0"


class TestNames:
    @EVERY_WAY
    def test_rows_of_python_objects_have_the_numbers_of_their_columns_as_names(
        self, tmp_path: Path, way: str
    ) -> None:
        rows = SHOPS.to_numpy(dtype=object)
        model = make_pipeline(encoded(0, 1, 2), LogisticRegression(max_iter=1000)).fit(rows, KINDS)
        asked = stored(model, tmp_path)
        asking = [dict(zip("0123", row.values(), strict=True)) for row in ROWS if expressible(way, [row])]

        truth = np.array([list(row.values()) for row in asking], dtype=object)
        assert asked.answers(way, asking) == expected(model, truth)
        for row in asking:
            assert asked.answers(way, [row]) == expected(model, np.array([list(row.values())], dtype=object))

    @EVERY_WAY
    def test_columns_that_are_numbers_have_these_as_names(self, tmp_path: Path, way: str) -> None:
        table = SHOPS.set_axis(range(4), axis="columns")
        plain = table.drop(columns=1).set_axis([0, 1, 2], axis="columns")
        fitted = make_pipeline(encoded(0, 1), LogisticRegression(max_iter=1000)).fit(plain, KINDS)
        asked = stored(fitted, tmp_path)

        rows = [{"0": row["shop"], "1": row["open"], "2": row["size"]} for row in ROWS]
        truth = pd.DataFrame({0: [BIG, BIG - 1, 7], 1: [True, False, True], 2: [0.5, 1.0, 2.25]})
        assert asked.answers(way, rows) == expected(fitted, truth)

    @EVERY_WAY
    def test_names_may_have_any_letters(self, tmp_path: Path, way: str) -> None:
        names = ["größe", "日本", "a.b[0]", "records"]
        table = SHOPS.set_axis(names, axis="columns")
        model = make_pipeline(encoded(*names[:3]), LogisticRegression(max_iter=1000)).fit(table, KINDS)
        asked = stored(model, tmp_path)
        rows = [row for row in ROWS if expressible(way, [row])]

        truth = expected(model, frame(rows).set_axis(names, axis="columns"))
        assert asked.answers(way, [dict(zip(names, row.values(), strict=True)) for row in rows]) == truth

    def test_a_column_may_have_the_name_of_a_form(self, tmp_path: Path) -> None:
        table = pd.DataFrame({"columns": np.arange(30.0), "records": np.arange(30.0) % 7})
        model = LogisticRegression().fit(table, KINDS)
        asked = stored(model, tmp_path)

        row: Row = {"columns": 1.0, "records": 2.0}
        truth = expected(model, pd.DataFrame([row]))
        assert [asked.answers(way, [row]) for way in WAYS] == [truth] * len(WAYS)

    def test_a_matrix_of_integers_stays_one(self, tmp_path: Path) -> None:
        rows = np.array([[BIG, 1], [BIG - 1, 2], [5, 3]] * 10)
        model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(rows, KINDS)
        asked = stored(model, tmp_path)

        reply = asked.reply("/predict", {"instances": [[BIG, 1], [BIG - 1, 2]]})
        assert reply.document["probabilities"] == model.predict_proba(rows[:2]).tolist()
        assert asked.reply("/predict", {"instances": [[BIG, 1.5]]}).status == 400

    @pytest.mark.parametrize("made", [np.asarray, sparse.csr_matrix], ids=["an array", "a sparse matrix"])
    def test_a_matrix_of_numbers_stays_one(self, tmp_path: Path, made: Any) -> None:
        rows = np.where(np.arange(120).reshape(30, 4) % 3, 0.0, np.arange(120).reshape(30, 4) / 7)
        model = RandomForestClassifier(3, random_state=0).fit(made(rows), KINDS)
        asked = stored(model, tmp_path)

        reply = asked.reply("/predict", {"instances": rows[:5].tolist()})
        assert reply.document["probabilities"] == model.predict_proba(made(rows[:5])).tolist()

    def test_one_dimension_is_a_column(self, tmp_path: Path) -> None:
        model = IsotonicRegression(out_of_bounds="clip").fit(np.arange(9.0), np.arange(9.0) ** 2)
        asked = stored(model, tmp_path, pickled=True)

        reply = asked.reply("/predict", {"instances": [[2.5], [100.0]]})
        assert reply.document["predictions"] == model.predict([2.5, 100.0]).tolist()
