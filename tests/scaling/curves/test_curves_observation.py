"""Observations and their envelope."""

from hypothesis import given
from hypothesis import strategies as st

from driftune.scaling.curves.observation import Observation, envelope

POINTS = st.lists(st.builds(Observation, rows=st.integers(1, 20), loss=st.floats(0.1, 9)))


@given(POINTS)
def test_the_envelope_is_the_best_of_each_number_of_rows(points):
    best = envelope(points)
    assert [point.rows for point in best] == sorted({point.rows for point in points})
    assert all(point in points for point in best)
    assert all(kept.loss <= p.loss for kept in best for p in points if p.rows == kept.rows)
    assert envelope(best) == best


def test_the_envelope_keeps_all_that_is_known_of_the_best():
    best = Observation(100, 0.4, se=0.1, rounds=7, config_id="b", capped=True)
    assert envelope([Observation(100, 0.5, config_id="a"), best]) == [best]
