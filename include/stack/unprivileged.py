"""Run a command as somebody other than root: `python -m include.stack.unprivileged postgres -D …`.

PostgreSQL refuses to run as root. Under root the command becomes `nobody`; on Linux it keeps the one
capability to look through directories, because a checkout under /root or in a 0700 directory is closed to
`nobody`. Any other user's command simply runs. With `--die-with-parent` first, it ends when the process that
started it does.
"""

import ctypes
import os
import platform
import pwd
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

USER = "nobody"

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def command(arguments: Sequence[str], *, die_with_parent: bool = False) -> list[str]:
    """The command line that runs these arguments unprivileged."""
    option = ["--die-with-parent"] if die_with_parent else []
    return [sys.executable, "-m", "include.stack.unprivileged", *option, *arguments]


def give(path: Path) -> None:
    """Hand a file or directory over to the user that the command will run as."""
    if os.geteuid() == 0:
        account = pwd.getpwnam(USER)
        os.chown(path, account.pw_uid, account.pw_gid)


def _become_nobody() -> None:
    account = pwd.getpwnam(USER)
    libc = ctypes.CDLL(None, use_errno=True) if platform.system() == "Linux" else None
    if libc is not None:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    if libc is not None:
        _keep_directory_search(libc)


def _keep_directory_search(libc: ctypes.CDLL) -> None:
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):  # containers often have but the second
        header = _Header(_CAPABILITY_VERSION_3, 0)
        data = (_Data * 2)()
        data[0] = _Data(1 << capability, 1 << capability, 1 << capability)
        if libc.capset(ctypes.byref(header), ctypes.byref(data)) == 0:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            return


def main(arguments: list[str]) -> None:
    """Change user where needed, then become the command."""
    die_with_parent = arguments[0] == "--die-with-parent"
    if die_with_parent:
        arguments = arguments[1:]
    parent = os.getppid()
    if os.geteuid() == 0:
        _become_nobody()
    if die_with_parent and platform.system() == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(arguments[0], arguments)  # noqa: S606 - the stack's own command, no shell wanted


if __name__ == "__main__":
    main(sys.argv[1:])
