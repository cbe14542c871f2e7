"""Many threads meet new kinds of records at the same moment: run by test_typed_json.py, in a process of its own."""

import sys
from dataclasses import make_dataclass
from threading import Barrier, Thread
from typing import Any

from include.model.typed_json import typed

THREADS, KINDS = 8, 300


def main() -> None:
    """Ends with 0 unless a thread crashes the process or never comes back."""
    sys.setswitchinterval(1e-6)
    for number in range(KINDS):
        inner = make_dataclass(f"Inner{number}", [(f"field{n}", int | None, None) for n in range(20)])
        outer = make_dataclass(f"Outer{number}", [(f"part{n}", inner | None, None) for n in range(5)])
        _at_once([outer, list[outer], inner, outer | None] * (THREADS // 4))  # type: ignore[valid-type]


def _at_once(kinds: list[Any]) -> None:
    start = Barrier(len(kinds))

    def work(kind: Any) -> None:
        start.wait()
        typed([] if str(kind).startswith("list") else {}, kind)

    threads = [Thread(target=work, args=[kind], daemon=True) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
