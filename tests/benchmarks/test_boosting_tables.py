from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr


@pytest.fixture(scope="module")
def surrogates(bench):
    return bench("boosting_tables").load_boosting_tables()


def test_regret_is_0_at_the_best_and_1_at_the_median(bench, surrogates):
    boosting, positions = bench("boosting_tables"), bench("positions")
    random = positions.draw_configurations(3000, boosting.SPACE, seed=7)
    assert len(surrogates) == 7
    for surrogate in surrogates:
        regrets = surrogate.regrets(random)
        assert surrogate.regret(surrogate.best) == pytest.approx(0, abs=1e-6)
        assert regrets.min() > 0
        assert np.median(regrets) == pytest.approx(1, abs=0.1)
        assert surrogate.regret(surrogate.worst) > np.quantile(regrets, 0.999)
        assert surrogate.regret(random[0]) == pytest.approx(regrets[0])


def test_a_portfolio_of_the_other_tables_beats_as_many_random_configurations(bench, surrogates):
    boosting, positions = bench("boosting_tables"), bench("positions")
    random = positions.draw_configurations(2000, boosting.SPACE, seed=8)
    portfolio, chance = [], []
    for left_out in surrogates:
        entries = boosting.learn_portfolio([s for s in surrogates if s is not left_out])
        assert len(entries) == 5
        portfolio.append(left_out.regrets(entries).min())
        chance.append(left_out.regrets(random).reshape(-1, 5).min(axis=1).mean())
    assert np.mean(portfolio) < 0.5 * np.mean(chance)


def test_the_table_is_that_of_its_script_and_the_networks_stand_for_it(bench):
    pytest.importorskip("lightgbm", reason="the table's model comes with the pipeline extra")
    boosting, positions = bench("boosting_tables"), bench("positions")
    make = bench("make_boosting_tables")
    with np.load(boosting.FILE) as arrays:
        losses = {n.split("/")[0]: arrays[n] for n in arrays.files if n.endswith("/losses")}
        at = arrays["positions"]
    configurations = positions.draw_configurations(len(at), boosting.SPACE)
    np.testing.assert_allclose(positions.read_positions(configurations, boosting.SPACE), at, 1e-4)
    X, y = make.load_diabetes(return_X_y=True)
    task = make.TuningTask(X, y, 0)
    again = [task.score(configuration) for configuration in configurations[:3]]
    np.testing.assert_allclose(again, losses["diabetes"][:3], rtol=1e-3)
    for surrogate in boosting.load_boosting_tables():
        guessed = surrogate.regrets(configurations)
        assert spearmanr(guessed, losses[surrogate.name])[0] > 0.8, surrogate.name


def test_positions_and_configurations_are_one_another(bench):
    positions, space = bench("positions"), bench("boosting_tables").SPACE
    configurations = positions.draw_configurations(200, space)
    at = positions.read_positions(configurations, space)
    again = positions.read_configurations(at, space)
    for before, after in zip(configurations, again, strict=True):
        assert after == pytest.approx(before)
        assert all(space[name]._contains(value) for name, value in after.items())
    corners = positions.read_configurations(np.array([[0.0] * 10, [1.0] * 10]), space)
    assert corners[0] == pytest.approx({name: d.low for name, d in space.items()})
    assert corners[1] == pytest.approx({name: d.high for name, d in space.items()})
