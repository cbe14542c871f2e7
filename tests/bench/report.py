"""`make benchmarks`: measures what docs/benchmarks.md shows, keeps it in docs/benchmarks.json, and draws the pictures.

`python -m tests.bench.report companies latency` measures these parts again, `… draw` only draws what was kept. All of
it takes an hour.
"""

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.bench import companies, first_sync, latency_of_changes
from tests.support.sandbox.harness import Sandbox

Json = dict[str, Any]

DOCS = Path(__file__).parents[2] / "docs"
KEPT = DOCS / "benchmarks.json"
IMAGES = DOCS / "images"

#: Invoices of a first sync without limits, beside python-quickbooks under Intuit's limits, and alone under them.
INVOICES, LIMITED, AT_THE_WALL = (1_000, 3_000, 10_000, 30_000, 100_000), 1_000, 10_000
#: What Intuit's limits allow (fact 3.1): 40 batches of 30 records.
RECORDS_A_MINUTE = 1_200
#: Companies of a stack.
COMPANIES = (1, 10, 50, 200)
#: Single changes one after the other in the LMS, payments in QuickBooks, and minutes of twenty changes a second.
SINGLES, PAYMENTS, MINUTES = 200, 40, 5
#: The ratio of the times is to this one.
BASE = 10_000

_OURS, _THEIRS = "#1f6f54", "#b35c00"


def main() -> None:
    """Measure the parts that are named, all if none is, and draw what is kept by then."""
    for name in sys.argv[1:] or PARTS:
        if name != "draw":
            kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
            KEPT.write_text(json.dumps({**kept, **_where(), name: PARTS[name]()}, indent=1) + "\n")
    found = json.loads(KEPT.read_text())
    if missing := PARTS.keys() - found.keys():
        sys.exit(f"not measured yet, so nothing is drawn: {', '.join(sorted(missing))}")
    draw(found)


def _where() -> Json:
    return {
        "at": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {_gigabytes()} GB, {platform.system()} {platform.release()}",
        "versions": {name: version(name) for name in ("apache-airflow", "psycopg", "python-quickbooks")}
        | {"Python": platform.python_version()},
    }


def _compared(invoices: int, *, limited: bool) -> list[Json]:
    return [_alone(way, invoices, limited=limited) for way in _WAYS]


_WAYS = (first_sync.ours, first_sync.one_by_one, first_sync.in_batches)


def _alone(way: Callable[..., first_sync.Measured], invoices: int, *, limited: bool) -> Json:
    """In a process of its own: what it needs of memory is its own."""
    with Sandbox() as sandbox, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = asdict(pool.submit(way, sandbox.url, invoices, limited=limited).result())
    sys.stderr.write(f"{found}\n")
    return {**found, "invoices": invoices}


#: Each is kept as soon as it is measured.
PARTS: dict[str, Callable[[], Any]] = {
    "unlimited": lambda: _compared(BASE, limited=False),
    "limited": lambda: _compared(LIMITED, limited=True),
    "growing": lambda: [_alone(first_sync.ours, invoices, limited=False) for invoices in INVOICES],
    "wall": lambda: _alone(first_sync.ours, AT_THE_WALL, limited=True),
    "companies": lambda: [asdict(one) for one in companies.measure(COMPANIES)],
    "latency": lambda: [_spread(one) for one in latency_of_changes.measure(SINGLES, PAYMENTS, MINUTES)],
}


def _spread(one: latency_of_changes.Measured) -> Json:
    return {
        "name": one.name,
        "changes": len(one.seconds),
        "median": one.median,
        "95%": one.slow,
        "cpu": {part: round(used, 2) for part, used in one.cpu.items()},
    }


def _gigabytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30


# ------------------------------------------------------------------ what is shown


def draw(found: Json) -> None:
    """The page and its pictures."""
    _draw_growing(found["growing"])
    _draw_companies(found["companies"])
    text = (DOCS / "benchmarks.md").read_text()
    for name, lines in {
        "machine": [_machine(found)],
        "compared": _beside(found),
        "wall": _wall(found["wall"]),
        "growing": _growing(found["growing"]),
        "companies": _companies(found["companies"]),
        "latency": _latency(found["latency"]),
    }.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        text = before + start + "\n".join(lines) + "\n" + end + rest.partition(end)[2]
    (DOCS / "benchmarks.md").write_text(text)


def _machine(found: Json) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in sorted(found["versions"].items()))
    return f"Measured on {found['at']}: {found['machine']}; {versions}."


def _beside(found: Json) -> list[str]:
    lines = [
        "| | speed, ours = 1 | records a minute | requests per record | metered calls per 1,000 records | refused |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, where in (("unlimited", "no limits"), ("limited", "Intuit's limits")):
        ours = found[name][0]
        for one in found[name]:
            lines.append(
                f"| {one['name']}, {where} | {ours['seconds'] / one['seconds']:.2f} |"
                f" {60 * one['records'] / one['seconds']:,.0f} | {one['requests'] / one['records']:.3f} |"
                f" {1000 * one['metered'] / one['records']:.1f} | {one['refused']} |"
            )
    return lines


def _wall(found: Json) -> list[str]:
    ideal = 60 * found["records"] / RECORDS_A_MINUTE
    return [
        f"{found['records']:,} records took {found['seconds']:.1f} s: {ideal / found['seconds']:.1%} of the"
        f" {RECORDS_A_MINUTE:,} records a minute that Intuit allows, refused: {found['refused']}."
    ]


def _growing(found: list[Json]) -> list[str]:
    [base] = [one["seconds"] / one["records"] for one in found if one["invoices"] == BASE]
    lines = [
        f"| invoices | time per record, {BASE:,} = 1 | records a second | seconds | memory above 1,000 invoices |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    return lines + [
        f"| {one['invoices']:,} | {one['seconds'] / one['records'] / base:.2f} |"
        f" {one['records'] / one['seconds']:,.0f} | {one['seconds']:.1f} |"
        f" {one['peak_memory'] - found[0]['peak_memory']} MB |"
        for one in found
    ]


def _companies(found: list[Json]) -> list[str]:
    lines = [
        "| companies | labs | changes at once | median | last | an idle minute: CPU seconds of the stack |"
        " of these the sandbox | calls to QuickBooks |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    return lines + [
        f"| {one['companies']} | {one['companies'] * companies.LABS} | {len(one['seconds'])} |"
        f" {statistics.median(one['seconds']):.1f} s | {max(one['seconds']):.1f} s | {sum(one['idle'].values()):.1f} |"
        f" {one['idle']['sandbox']:.1f} | {one['idle_calls']} |"
        for one in found
    ]


def _latency(found: list[Json]) -> list[str]:
    lines = [
        "| | changes | median | 95% within | CPU seconds for each, of all parts |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for one in found:
        used = one["cpu"]
        cpu = f"{sum(used.values()):.1f} ({companies.by_part(used, 2)})" if used else "not measured"
        lines.append(f"| {one['name']} | {one['changes']:,} | {one['median']:.1f} s | {one['95%']:.1f} s | {cpu} |")
    return lines


def _draw_growing(found: list[Json]) -> None:
    figure, axes = _picture()
    axes.loglog(
        [one["invoices"] for one in found], [one["seconds"] for one in found], "o-", color=_OURS, label="measured"
    )
    [base] = [one for one in found if one["invoices"] == BASE]
    linear = [base["seconds"] * one["records"] / base["records"] for one in found]
    axes.loglog([one["invoices"] for one in found], linear, "--", color="#888888", label=f"linear from {BASE:,}")
    axes.set(xlabel="invoices of a first sync", ylabel="seconds")
    axes.legend(frameon=False)
    figure.savefig(IMAGES / "bench-invoices.svg", metadata={"Date": None})


def _draw_companies(found: list[Json]) -> None:
    figure, axes = _picture()
    numbers = [one["companies"] for one in found]
    axes.plot(numbers, [statistics.median(one["seconds"]) for one in found], "o-", color=_OURS,
              label="LMS → QuickBooks, up to 20 changes at once: median, s")  # fmt: skip
    ours = [sum(one["idle"].values()) - one["idle"]["sandbox"] for one in found]
    axes.plot(numbers, ours, "s-", color=_THEIRS, label="idle minute, without the sandbox: CPU s")
    axes.set(xlabel="QuickBooks companies, five labs each", ylabel="seconds", ylim=(0, None))
    axes.legend(frameon=False)
    figure.savefig(IMAGES / "bench-companies.svg", metadata={"Date": None})


def _picture() -> tuple[Any, Any]:
    from matplotlib import pyplot

    pyplot.rcParams.update({"svg.hashsalt": "benchmarks", "font.size": 10, "axes.spines.top": False})
    figure, axes = pyplot.subplots(figsize=(7, 3.6), layout="constrained")
    axes.grid(visible=True, alpha=0.3)
    axes.spines["right"].set_visible(False)
    return figure, axes


if __name__ == "__main__":
    main()
