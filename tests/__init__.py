"""The tests. What they share is in tests/support; its assertions say as much as those of the tests."""

import pytest

pytest.register_assert_rewrite("tests.support")
