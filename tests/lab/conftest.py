"""The lab's own tests have its fixtures, whoever else loads them."""

import pytest

FIXTURES = "tests.cluster.fixtures"


def pytest_configure(config: pytest.Config) -> None:
    if not config.pluginmanager.has_plugin(FIXTURES):
        config.pluginmanager.import_plugin(FIXTURES)
