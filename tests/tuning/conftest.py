"""Small tables that ship with scikit-learn, and problems on them."""

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from driftune.problem import Problem

LOADERS = {"rmse": load_diabetes, "roc_auc": load_breast_cancer, "accuracy": load_wine}


@pytest.fixture
def diabetes():
    return load_diabetes(as_frame=True).frame


@pytest.fixture
def regression():
    return Problem(name="diabetes", target="target", metric="rmse")


@pytest.fixture(params=LOADERS)
def case(request):
    """Problem and table of each task."""
    problem = Problem(name="bundled", target="target", metric=request.param)
    return problem, LOADERS[request.param](as_frame=True).frame
