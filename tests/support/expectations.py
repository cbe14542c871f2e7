"""Great Expectations at half its price."""

from functools import cached_property


def remember_configurations() -> None:
    """Each expectation makes its configuration once. Great Expectations makes it anew some fifty times for each check,
    which is half of all the time that most runs of a test take; the expectations and what they find are the same."""
    from great_expectations.expectations.expectation import Expectation

    once = cached_property(Expectation.configuration.fget)
    once.__set_name__(Expectation, "configuration")
    Expectation.configuration = once
