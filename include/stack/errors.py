"""What the stack says when it cannot do what was asked: one line for a person."""


class StackError(Exception):
    """A condition that its reader can mend, told in one sentence."""
