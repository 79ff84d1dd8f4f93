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

    def __call__(self, rows, first, end):
        self.asked.append((len(rows), first, end))
        return np.full(end - first, self.labels[rows].mean())


@pytest.fixture
def history():
    labels = np.arange(100.0)
    labels[[3, 50]] = np.nan
    return History(NAMES, ENDS, labels)


def filled(matrix, **how):
    matrix.fill([matrix.ask_serving(last) for last in range(3)], **how)
    return matrix


def test_a_model_learns_all_labels_known_by_then_and_nothing_later(history):
    matrix = RetrainingMatrix(history, Means(history.labels))
    model = matrix.serving(1)
    assert set(model.rows) == set(range(60)) - {3, 50}
    assert model.predict(np.array([60, 99])) == pytest.approx(np.nanmean(np.arange(60.0)), abs=1)
    assert model.has_seen(np.array([59])) and not model.has_seen(np.arange(60, 100))
    with pytest.raises(UsageError, match="from 60 to 99, not 59"):
        model.predict(np.array([59]))


def test_a_proof_model_has_not_seen_the_rows_of_the_gate(history):
    matrix = RetrainingMatrix(history, Means(history.labels))
    known = history.known(2)
    proof = matrix.proof(known[:-15], known[-15:])
    assert not proof.has_seen(known[-15:])
    assert np.isfinite(proof.predict(known[-15:])).all()
    assert len(proof.rows) == len(known) - 15


def test_what_a_model_has_learned_it_does_not_predict(history):
    matrix = RetrainingMatrix(history, Means(history.labels))
    model = matrix.fitted(matrix.ask(np.array([10, 20]), 10))
    assert np.isnan(model.predict(np.array([10, 20]))).all()
    assert np.isfinite(model.predict(np.array([11, 21]))).all()


def test_a_serving_model_of_the_same_rows_stands_in_for_a_proof_model(history):
    learn = Means(history.labels)
    matrix = RetrainingMatrix(history, learn)
    before = matrix.serving(1)
    assert matrix.proof(history.known(1), history.batch(2)) is before
    assert len(learn.asked) == 1
    other = matrix.proof(history.known(1)[:-5], history.known(1)[-5:])
    assert other is not before and not other.has_seen(history.known(1)[-5:])


def test_a_probe_predicts_only_what_it_is_asked_for(history):
    learn = Means(history.labels)
    matrix = RetrainingMatrix(history, learn)
    model = matrix.fitted(matrix.ask(history.known(0), 40, 60))
    assert learn.asked == [(39, 40, 60)]
    with pytest.raises(UsageError, match="from 40 to 59"):
        model.predict(np.array([60]))


def test_what_is_fitted_is_not_fitted_again_in_the_next_run(history, tmp_path):
    first = filled(RetrainingMatrix(history, Means(history.labels), tmp_path, workers=2))
    learn = Means(history.labels)
    again = filled(RetrainingMatrix(history, learn, tmp_path))
    assert (first.fits, again.fits, learn.asked) == (3, 0, [])
    rows = np.arange(60, 100)
    assert np.array_equal(first.serving(1).predict(rows), again.serving(1).predict(rows))


def test_half_a_file_is_fitted_again(history, tmp_path):
    RetrainingMatrix(history, Means(history.labels), tmp_path).serving(0)
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(file.read_bytes()[:100])
    again = RetrainingMatrix(history, Means(history.labels), tmp_path)
    again.serving(0)
    assert again.fits == 1


def test_ctrl_c_keeps_what_was_fitted(history, tmp_path):
    def stop(done, wanted):
        assert (done, wanted) == (1, 3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled(RetrainingMatrix(history, Means(history.labels), tmp_path), on_fit=stop)
    kept = len(list(tmp_path.glob("*.npz")))
    assert 1 <= kept <= 3
    again = filled(RetrainingMatrix(history, Means(history.labels), tmp_path))
    assert again.fits == 3 - kept


def test_an_error_of_a_fit_comes_through(history):
    def broken(rows, first, end):
        raise UsageError(f"no model of {len(rows)} rows in {threading.current_thread().name}")

    with pytest.raises(UsageError, match="no model of"):
        filled(RetrainingMatrix(history, broken, workers=2))


def test_a_history_needs_a_batch_after_the_initial_rows():
    with pytest.raises(UsageError, match="initial rows and a batch"):
        History(("initial",), (2,), np.zeros(2))
