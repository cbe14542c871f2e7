"""The demo counts every cell of the matrix that flows."""

from include.demo.matrix import uncounted


def test_every_cell_that_flows_is_counted() -> None:
    assert uncounted() == set()
