"""What people read is a sentence."""

import pytest

from include.model.problem import listed


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (["$1.00"], "$1.00"),
        (["$1.00", "$2.00"], "$1.00 and $2.00"),
        (["$1.00", "$2.00", "$3.00"], "$1.00, $2.00, and $3.00"),
    ],
)
def test_things_are_listed_as_a_sentence_lists_them(parts: list[str], sentence: str) -> None:
    assert listed(parts) == sentence
