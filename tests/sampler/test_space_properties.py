"""Few, strong properties: what is encoded can be decoded, what is accepted lies in its space."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection

from driftune.language_model import answer_as_tuner
from driftune.sampler.jitter import jitter
from driftune.sampler.prompt import Brief, build_messages
from driftune.sampler.proposals import accept, build_schema, read_answer, show_choice
from driftune.sampler.unit_cube import (
    from_unit,
    is_same_point,
    move_to_cell,
    nearest_value,
    place,
    to_line,
    to_unit,
)


@st.composite
def distributions(draw):
    kind = draw(st.sampled_from(["float", "log", "step", "int", "intlog", "intstep", "choice"]))
    if kind == "choice":
        scalars = st.one_of(st.text(max_size=3), st.integers(-9, 9), st.booleans(), st.none())
        return CategoricalDistribution(draw(st.lists(scalars, min_size=1, max_size=4, unique=True)))
    if kind == "float":
        low = draw(st.floats(-1e3, 1e3))
        return FloatDistribution(low, low + draw(st.floats(0.01, 1e3)))
    if kind == "log":
        low = draw(st.floats(1e-6, 1.0))
        return FloatDistribution(low, low * draw(st.floats(1.5, 1e4)), log=True)
    if kind == "step":
        step = draw(st.sampled_from([0.1, 0.25, 0.5, 3.0]))
        low = draw(st.integers(-20, 20))
        high = round((low + draw(st.integers(1, 30))) * step, 2)
        return FloatDistribution(round(low * step, 2), high, step=step)
    if kind == "intlog":
        low = draw(st.integers(1, 50))
        return IntDistribution(low, low + draw(st.integers(1, 5000)), log=True)
    step = draw(st.integers(1, 7)) if kind == "intstep" else 1
    low = draw(st.integers(-100, 100))
    return IntDistribution(low, low + step * draw(st.integers(1, 50)), step=step)


# On a busy machine the set-up of a strategy alone can take Hypothesis a second.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

units = st.floats(0, 1)
spaces = st.dictionaries(st.sampled_from("abcde"), distributions(), min_size=1, max_size=4)


def replace_limits(distribution, low, high):
    return type(distribution)(low, high, log=distribution.log, step=distribution.step)


def lies_in(value, distribution):
    return distribution._contains(distribution.to_internal_repr(value))


@patient
@given(distributions(), units)
def test_decoding_stays_inside_and_encoding_undoes_it(distribution, position):
    value = from_unit(position, distribution)
    assert lies_in(value, distribution)
    again = from_unit(to_unit(value, distribution), distribution)
    if isinstance(value, float):
        assert np.isclose(again, value, rtol=1e-9, atol=1e-9)
    else:
        assert again == value and type(again) is type(value)


@patient
@given(distributions(), st.lists(units, min_size=1, max_size=5))
def test_a_cell_is_where_its_value_stands(distribution, positions):
    moved = move_to_cell(np.array(positions)[:, None], [distribution])[:, 0]
    again = [to_unit(from_unit(at, distribution), distribution) for at in moved]
    assert distribution.single() or np.allclose(moved, again, atol=1e-6)


@patient
@given(distributions(), units, units, units)
def test_a_value_outside_a_box_stands_outside_its_unit_line(distribution, position, low, high):
    """A box inside a range, as the dynamic search space makes them."""
    assume(isinstance(distribution, IntDistribution) or getattr(distribution, "step", 0) is None)
    low, high = sorted(from_unit(u, distribution) for u in (low, high))
    box = replace_limits(distribution, low, high)
    value = from_unit(position, distribution)
    if not box.single():
        inside = 0 <= to_line(value, box) <= 1
        assert inside == (low <= value <= high)


@patient
@given(distributions(), st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_the_nearest_value_lies_inside(distribution, value):
    if not isinstance(distribution, CategoricalDistribution):
        assert lies_in(nearest_value(value, distribution), distribution)


@patient
@given(spaces, st.integers(0, 2**32 - 1))
def test_jitter_moves_something_and_stays_inside(space, seed):
    rng = np.random.default_rng(seed)
    incumbent = {name: from_unit(rng.random(), d) for name, d in space.items()}
    neighbour = jitter(incumbent, space, rng)
    assert all(lies_in(neighbour[name], d) for name, d in space.items())
    if any(not d.single() for d in space.values()):
        assert neighbour != incumbent
    assert place(neighbour, space).shape == (len(space),)
    assert is_same_point(incumbent, incumbent, space)


def test_jitter_crosses_a_step_that_floats_cannot_add():
    space = {"x": FloatDistribution(0.2, 0.3, step=0.1)}  # 0.2 + 0.1 > 0.3
    neighbours = {jitter({"x": 0.2}, space, np.random.default_rng(i))["x"] for i in range(20)}
    assert neighbours == {0.3}


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@patient
@given(spaces, st.data())
def test_every_accepted_proposal_lies_in_its_space(space, data):
    """Whatever the answer is: values near the limits, of wrong type, or anything at all."""
    plausible = {
        name: st.one_of(units.map(lambda u, d=d: show_choice(from_unit(u, d))), json_values)
        for name, d in space.items()
    }
    entries = st.fixed_dictionaries({"configuration": st.fixed_dictionaries(plausible)})
    answer = data.draw(st.lists(st.one_of(entries, json_values), max_size=4))
    text = json.dumps({"proposals": answer})
    read = read_answer(text, space)
    assert len(read.proposals) + len(read.problems) == len(answer)
    for proposal in read.proposals:
        accepted = accept(proposal.configuration, space)
        assert all(lies_in(accepted[name], d) for name, d in space.items())


@patient
@given(st.text())
def test_no_text_breaks_the_reader(text):
    read = read_answer(text, {"x": FloatDistribution(0, 1)})
    assert read.proposals == [] and read.problems


@patient
@given(spaces, units)
def test_a_fenced_answer_inside_the_limits_is_read(space, position):
    configuration = {name: show_choice(from_unit(position, d)) for name, d in space.items()}
    document = json.dumps({"proposals": [{"configuration": configuration, "expected": 1}]})
    for text in (document, f"Sure!\n```json\n{document}\n```\nGood luck."):
        read = read_answer(text, space)
        (proposal,) = read.proposals
        assert not read.problems
        assert proposal.expected == 1.0


@patient
@given(spaces)
def test_the_scripted_tuner_answers_the_prompt_with_valid_proposals(space):
    brief = Brief(count=3, data_card='"}\n{"x": 1}')
    messages = build_messages(brief, StudyDirection.MINIMIZE, space, [])
    answer = answer_as_tuner(messages, build_schema(space))
    read = read_answer(json.dumps(answer), space)
    assert len(read.proposals) == 3, read.problems
