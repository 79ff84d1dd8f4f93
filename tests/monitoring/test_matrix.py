"""The retraining matrix: who learned from what, what is kept between runs, who may stand in."""

import threading

import numpy as np
import pytest

from driftune.errors import UsageError
from driftune.monitoring.matrix import History, RetrainingMatrix

ENDS = (40, 60, 80, 100)
NAMES = ("initial", "a", "b", "c")


class Means:
    """Predicts the mean of what it learned from; remembers every fit."""

    def __init__(self, labels):
        self.labels = labels
        self.asked = []

    def __call__(self, rows, first):
        self.asked.append((len(rows), first))
        return np.full(len(self.labels) - first, self.labels[rows].mean())


def newest_fifth(rows):
    return rows[-len(rows) // 5 :]


def a_week(rows):
    """The last 20 rows, as many as a batch has."""
    return rows[-20:]


@pytest.fixture
def history():
    labels = np.arange(100.0)
    labels[[3, 50]] = np.nan
    return History(NAMES, ENDS, labels)


def test_a_model_learns_all_labels_known_by_then_and_nothing_later(history):
    matrix = RetrainingMatrix(history, Means(history.labels), newest_fifth)
    model = matrix.serving(1)
    assert set(model.rows) == set(range(60)) - {3, 50}
    assert model.predict(np.array([60, 99])) == pytest.approx(np.nanmean(np.arange(60.0)), abs=1)
    assert model.has_seen(np.array([59])) and not model.has_seen(np.arange(60, 100))
    with pytest.raises(UsageError, match="from 60 on, not 59"):
        model.predict(np.array([59]))


def test_a_proof_model_has_not_seen_the_rows_of_the_gate(history):
    matrix = RetrainingMatrix(history, Means(history.labels), newest_fifth)
    held = matrix.held(2)
    proof = matrix.proof(2)
    assert not proof.has_seen(held)
    assert np.isfinite(proof.predict(held)).all()
    assert len(proof.rows) + len(held) == len(matrix.serving(2).rows)


def test_a_serving_model_of_the_same_rows_stands_in_for_a_proof_model(history):
    learn = Means(history.labels)
    matrix = RetrainingMatrix(history, learn, a_week)
    before = matrix.serving(1)
    assert matrix.proof(2) is before
    assert len(learn.asked) == 1


def test_a_window_forgets_the_batches_before_it(history):
    matrix = RetrainingMatrix(history, Means(history.labels), newest_fifth)
    assert matrix.serving(2, first=1).rows.min() == 40


def test_what_is_fitted_is_not_fitted_again_in_the_next_run(history, tmp_path):
    first = RetrainingMatrix(history, Means(history.labels), newest_fifth, tmp_path, workers=2)
    first.fill()
    learn = Means(history.labels)
    again = RetrainingMatrix(history, learn, newest_fifth, tmp_path)
    again.fill()
    assert (first.fits, again.fits, learn.asked) == (3, 0, [])
    rows = np.arange(60, 100)
    assert np.array_equal(first.serving(1).predict(rows), again.serving(1).predict(rows))


def test_half_a_file_is_fitted_again(history, tmp_path):
    RetrainingMatrix(history, Means(history.labels), newest_fifth, tmp_path).serving(0)
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(file.read_bytes()[:100])
    again = RetrainingMatrix(history, Means(history.labels), newest_fifth, tmp_path)
    again.serving(0)
    assert again.fits == 1


def test_ctrl_c_keeps_what_was_fitted(history, tmp_path):
    matrix = RetrainingMatrix(history, Means(history.labels), newest_fifth, tmp_path)

    def stop(done, wanted):
        assert (done, wanted) == (1, 3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        matrix.fill(on_fit=stop)
    kept = len(list(tmp_path.glob("*.npz")))
    assert 1 <= kept <= 3
    again = RetrainingMatrix(history, Means(history.labels), newest_fifth, tmp_path)
    again.fill()
    assert again.fits == 3 - kept


def test_an_error_of_a_fit_comes_through(history):
    def broken(rows, first):
        raise UsageError(f"no model of {len(rows)} rows in {threading.current_thread().name}")

    matrix = RetrainingMatrix(history, broken, newest_fifth, workers=2)
    with pytest.raises(UsageError, match="no model of"):
        matrix.fill()


def test_a_history_needs_a_batch_after_the_initial_rows():
    with pytest.raises(UsageError, match="initial rows and a batch"):
        History(("initial",), (2,), np.zeros(2))
