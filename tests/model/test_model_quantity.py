"""One thing is one thing."""

from __future__ import annotations

import pytest

from lotor.model.quantity import quantity


@pytest.mark.parametrize(("number", "text"), [(0, "0 warnings"), (1, "1 warning"), (2, "2 warnings")])
def test_a_number_has_the_noun_that_goes_with_it(number, text):
    assert quantity(number, "warning") == text
