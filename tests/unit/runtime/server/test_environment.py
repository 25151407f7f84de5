"""Environment variables are set before the libraries that read them are imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from model_runtime.server import environment
from tests.unit.runtime.server.serving import ROOT


def test_omp_num_threads_is_set_before_numeric_libraries_are_imported(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text(
        'import os\nprint(os.environ.get("OMP_NUM_THREADS"), flush=True)\nos._exit(0)\n'
    )
    variables = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    told = subprocess.run(
        [sys.executable, "-m", "model_runtime.server"],
        env=variables | {"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == str(environment.available_cores())
