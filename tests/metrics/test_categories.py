"""Labels as numbers: the fast way gives what plain Python gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.metrics.categories import encoded

LABEL = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**70, True, False, 1.0, 2.5, "1", "", "a", b"a", "\ud800", "猫", "é", "é", "nan"]),
)
COLUMNS = st.one_of(
    st.lists(st.tuples(LABEL, LABEL), min_size=1, max_size=20),
    st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(), st.integers()), min_size=1, max_size=20),
)


@given(COLUMNS)
def test_positions_are_those_of_equal_labels(pairs: list[tuple[Any, Any]]) -> None:
    predictions, references = ([pair[side] for pair in pairs] for side in (0, 1))
    labels, predicted, right = encoded(predictions, references)
    assert len(labels) == len(set(labels))
    assert set(labels) == {*predictions, *references}
    assert [labels[number] for number in predicted] == predictions
    assert [labels[number] for number in right] == references


@pytest.mark.parametrize("kind", [np.int32, np.uint8, np.float64, np.bool_, np.str_, np.object_])
def test_arrays_are_taken_as_lists_are(kind: Any) -> None:
    values = np.array([1, 0, 1, 1]).astype(kind)
    labels, predicted, right = encoded(values, values[::-1])
    assert [labels[number] for number in predicted] == values.tolist()
    assert [labels[number] for number in right] == values[::-1].tolist()
