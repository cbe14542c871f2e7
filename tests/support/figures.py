"""Figures that tests hand to the summary of a long run."""

from collections.abc import Callable

#: Adds to a figure that is printed in the end: (name, how many).
Tell = Callable[[str, int], None]
