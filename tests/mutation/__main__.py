"""`make mutation SAMPLE=40`: changes in what reads and writes both sides, some of thousands; does a test notice?

The pure rules are mutated whole, by mutmut alone (pyproject.toml). Here each change costs PostgreSQL, the sandbox and
up to ten minutes of tests, so that only a sample is possible. mutmut makes the changes; each is tried with the tests of
`TESTS` until one fails, in an order of chance, so that a run that is ended early has tried a sample, too. The same seed
draws the same sample of the same code.
"""

import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
CHANGED = ["include/sync/write/*.py", "include/sync/capture.py", "include/sync/marks.py"]

#: The shortest that see the most come first: most changes are noticed within seconds.
TESTS = [
    f"tests/sync/test_{name}.py"
    for name in (
        "matrix_to_quickbooks",
        "matrix_from_quickbooks",
        "write_ahead",
        "stopped_midway",
        "marks",
        "captured",
        "audit",
        "unconfirmed_creates",
        "traps",
        "capture",
        "recovery",
        "whose",
        "invoices",
        "credits",
        "payments_out",
        "inbound_payments",
        "inbound_invoices",
        "bookkeepers_own",
        "mass_delete",
        "compare_again",
        "hold",
        "switches",
        "products",
        "customers",
        "merged_items",
    )
]
_AT_ONCE = 2
#: Seconds after which the tests hang: twice what they take without a change.
_LONGEST = 1200.0

#: Of a try.
NOTICED, HANGS, SURVIVED = "noticed", "hangs", "NOT noticed"

#: Makes the changes and prints their names. Of mutmut's own: its commands make them only together with a run.
_MAKE = """
import os
import mutmut.__main__ as mutmut
mutmut.set_mutant_under_test("mutant_generation")
os.makedirs("mutants", exist_ok=True)
mutmut.copy_src_dir()
mutmut.copy_also_copy_files()
mutmut.setup_source_paths()
mutmut.store_lines_covered_by_tests()
mutmut.create_mutants(1)
print("names:", *(name for _, name, _ in mutmut.collect_source_file_mutation_data(mutant_names=())[0]))
"""


def main(size: int, seed: int) -> int:
    """Try that many changes and print which no test noticed; 1 if there is one."""
    here = PROJECT / ".local" / "mutation"
    shutil.rmtree(here, ignore_errors=True)
    _copy(here)
    names = _make(here)
    sample = random.Random(seed).sample(sorted(names), min(size, len(names)))
    print(f"{len(names):,} changes are possible in {', '.join(CHANGED)}; tried: {len(sample)}, seed {seed}", flush=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        # The longest of all, for it runs to the end.
        unchanged, *tried = pool.map(lambda name: _try(here, name), ["", *sample])
    if unchanged != SURVIVED:
        print("The tests fail without any change: nothing is known", file=sys.stderr)
        return 2
    found = dict(zip(sample, tried, strict=True))
    survived = [name for name, outcome in found.items() if outcome == SURVIVED]
    print(
        f"noticed: {tried.count(NOTICED)}, the tests hang: {tried.count(HANGS)}, by no test: {len(survived)}",
        flush=True,
    )
    for name in survived:
        _run(here, "-m", "mutmut", "show", name, check=False)
    return bool(survived)


def _copy(here: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        target = here / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, target)
    settings = here / "pyproject.toml"
    lines = settings.read_text().splitlines()
    settings.write_text(
        "\n".join(f"only_mutate = {CHANGED}" if line.startswith("only_mutate") else line for line in lines) + "\n"
    )


def _make(here: Path) -> list[str]:
    said = _run(here, "-c", _MAKE, capture_output=True).stdout
    return next(line for line in said.splitlines() if line.startswith("names: ")).split()[1:]


def _try(here: Path, name: str) -> str:
    """What the tests do with this change; without a name: without any."""
    environment = {"MUTANT_UNDER_TEST": name, "PYTHONPATH": str(here / "mutants")}
    try:
        done = _run(
            here / "mutants",
            *("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *TESTS),
            env={**os.environ, **environment},
            timeout=_LONGEST,
            check=False,
            capture_output=True,
        )
    except subprocess.TimeoutExpired:
        outcome = HANGS
    else:
        # 2: pytest could not even collect them, as where a module cannot be imported with the change.
        if done.returncode not in (0, 1, 2):
            raise RuntimeError(f"pytest could not run with {name!r}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        outcome = NOTICED if done.returncode else SURVIVED
    print(f"{outcome}: {name or 'without a change'}", flush=True)
    return outcome


def _run(here: Path, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=here, text=True, check=check, **options)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)))
