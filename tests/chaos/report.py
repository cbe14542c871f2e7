"""The table that a run ends with."""

from collections import Counter
from collections.abc import Mapping

from tests.chaos.day import Judgement

_SHOWN = 40


def tell(made: Counter[str], felt: Counter[str], ended_themselves: Mapping[str, int], judgement: Judgement) -> None:
    """Faults by kind, what people did, and what came of it."""
    rows = [*sorted(made.items()), ("faults and failed requests, all kinds", sum(made.values()))]
    rows += sorted(felt.items())
    rows += [(f"{name}: ended by itself, and was started again", n) for name, n in ended_themselves.items() if n > 0]
    rows += [
        ("changes made by people", sum(judgement.actions.values())),
        ("changes that a fault cut short or refused", judgement.cut_short),
        *sorted(judgement.records.items()),
        ("linked records", judgement.links),
        ("seconds from the last fault until nothing was due", round(judgement.quiet_after)),
        ("duplicates", len(judgement.duplicates)),
        ("lost", len(judgement.lost)),
        ("disagreements", len(judgement.disagreements)),
        ("never ended", len(judgement.stuck)),
    ]
    width = max(len(name) for name, _ in rows)
    print()
    for name, number in rows:
        print(f"  {name:<{width}}  {number:>7,}")
    for words in [*judgement.duplicates, *judgement.lost, *judgement.disagreements, *judgement.stuck][:_SHOWN]:
        print(f"  ! {words}")
    print("Both ledgers agree." if judgement.right else "The ledgers do not agree.", flush=True)
