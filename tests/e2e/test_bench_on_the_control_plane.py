"""The operator benchmark measures every figure, here on a few objects; `make bench` measures the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import cluster
from tests.bench import operator, report
from tests.bench.report import Row
from tests.bench.stage import Size

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

A_FEW = Size(paced=3, gap=0.1, burst=6, crowded=6, idle=1.0, several=2, undisturbed="2s")


async def test_every_operator_figure_is_measured(request: pytest.FixtureRequest, kubeconfig: Path) -> None:
    lab = request.getfixturevalue("control_plane")
    if not isinstance(lab, cluster.Lab):
        pytest.skip("a given cluster does not report the costs of its API server")
    rows = await operator.rows(lab, A_FEW)
    by_name = {row.what: row for row in rows}
    assert len(by_name) == len(rows) > 20
    assert by_name["writes of the operator per object"].value <= 6
    assert by_name["… writes"].value == 0
    times = [row.value for row in rows if row.unit in ("s", "ms")]
    assert min(times) > 0
    assert report.table("The operator", rows).count("\n") > len(rows)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        pytest.param(Row(what="a", value=3), "–", id="no budget"),
        pytest.param(Row(what="a", value=3, budget=3), "met", id="just met"),
        pytest.param(Row(what="a", value=6, budget=3), "missed ×2.0", id="twice as much"),
        pytest.param(Row(what="a", value=2, budget=0), "missed: 2", id="something instead of nothing"),
        pytest.param(Row(what="a", value=0.9, at_least=0.85), "met", id="more than the least"),
        pytest.param(Row(what="a", value=0.5, at_least=0.85), "missed ×1.7", id="less than the least"),
    ],
)
def test_verdict_states_whether_and_by_which_factor_a_budget_is_missed(row: Row, verdict: str) -> None:
    assert row.verdict == verdict
