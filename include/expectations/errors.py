"""What checking records can raise. Apart from check.py, which takes seconds to import (Great Expectations)."""


class BrokenExpectation(Exception):
    """An expectation could not be evaluated at all: a fault of ours, not of the data."""
