"""One thread for linear algebra: on a busy machine, threads wait for each other for minutes."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1):
        yield
