"""
What test262 and the Web Platform Tests would ask of what they are not at hand for: the language since ES2018 and the
platform's globals, by the answers of Node 20 (standard-vectors.json). Where they differ stands in gaps.json.
"""

from __future__ import annotations

import pytest

from tests.conformance import gaps
from tests.guest.evaluate import Evaluate
from tests.guest.web_vectors import STANDARD, differences


@pytest.mark.parametrize("group", ["language", "platform"])
def test_what_node_answers(evaluate: Evaluate, group: str) -> None:
    assert len(STANDARD[group]) > 100
    assert differences(evaluate, group, STANDARD).keys() == gaps.expected(group).keys()
