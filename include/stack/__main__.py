"""`python -m include.stack up | down | env | run COMMAND…`: what the Makefile calls."""

import os
import sys
import time

from include.stack.errors import StackError
from include.stack.stack import Stack, shell_lines


def _tell(part: str, what: str, seconds: float) -> None:
    sys.stderr.write(f"  {part:<14} {what:<28} {seconds:5.1f} s\n")


def _up(stack: Stack) -> None:
    begun = time.monotonic()
    was_running = stack.is_running()
    stack.up()
    what = "already up" if was_running else "up"
    address = stack.environment()["AIRFLOW_API_URL"]
    sys.stderr.write(f"The stack is {what} ({time.monotonic() - begun:.1f} s): Airflow at {address}\n")


def _down(stack: Stack) -> None:
    begun = time.monotonic()
    stack.down()
    sys.stderr.write(f"The stack is down ({time.monotonic() - begun:.1f} s)\n")


def _require_running(stack: Stack) -> None:
    """At least a part of it: the addresses hold all the same, and what is dead may not be needed."""
    dead = stack.dead_parts()
    if len(dead) == len(stack.parts()):
        raise StackError("the stack is not running: make up")
    if dead:
        sys.stderr.write(f"not running: {', '.join(dead)} (make up starts what is missing)\n")


def main(arguments: list[str]) -> int:
    """Do one thing with the stack of this checkout."""
    stack = Stack(tell=_tell)
    try:
        match arguments:
            case ["up"]:
                _up(stack)
            case ["down"]:
                _down(stack)
            case ["env"]:
                _require_running(stack)
                sys.stdout.write(shell_lines(stack.environment()))
            case ["run", *command] if command:
                _require_running(stack)
                os.execvpe(command[0], command, stack.full_environment())  # noqa: S606 - the Makefile's command
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
    except StackError as error:
        sys.stderr.write(f"stack: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: make up again, or make down\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
