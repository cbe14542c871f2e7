"""A bar chart as numbers for an inline SVG: no script, no style of its own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

WIDTH, HEIGHT = 720, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 10, 26


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One slot of time: two bars on top of each other."""

    x: float
    width: float
    synced_y: float
    synced_height: float
    failed_y: float
    failed_height: float
    label: str
    #: Written below the axis; empty where there is no room.
    tick: str
    synced: int
    failed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Everything that the template draws."""

    bars: Sequence[Bar]
    #: (y, words) of the grid lines.
    grid: Sequence[tuple[float, str]]
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    baseline: int = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def synced(self) -> int:
        """In all."""
        return sum(bar.synced for bar in self.bars)

    @property
    def failed(self) -> int:
        """In all."""
        return sum(bar.failed for bar in self.bars)


def make_chart(slots: Sequence[tuple[datetime, int, int]], *, hourly: bool) -> Chart:
    """From (begin, synced, failed) per slot."""
    top = ceiling(max((synced + failed for _, synced, failed in slots), default=0))
    space = HEIGHT - _BOTTOM - _TOP
    slot_width = (WIDTH - _LEFT - _RIGHT) / max(len(slots), 1)
    bars = []
    for place, (begin, synced, failed) in enumerate(slots):
        synced_height, failed_height = space * synced / top, space * failed / top
        synced_y = HEIGHT - _BOTTOM - synced_height
        label = begin.strftime("%a %H:00" if hourly else "%a %b %d")
        bars.append(
            Bar(
                x=round(_LEFT + place * slot_width + slot_width * 0.15, 1),
                width=round(slot_width * 0.7, 1),
                synced_y=round(synced_y, 1),
                synced_height=round(synced_height, 1),
                failed_y=round(synced_y - failed_height, 1),
                failed_height=round(failed_height, 1),
                label=label,
                tick=(begin.strftime("%H:00") if place % 4 == 3 else "") if hourly else begin.strftime("%a %d"),
                synced=synced,
                failed=failed,
            )
        )
    steps = [0, top // 2, top] if top > 1 else [0, top]
    grid = [(round(HEIGHT - _BOTTOM - space * value / top, 1), f"{value:,}") for value in steps]
    return Chart(bars=bars, grid=grid)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two bars next to each other: what Pilot and QuickBooks say of one thing. Below zero no bar is drawn."""

    label: str
    middle: float
    #: (x, y, width, height)
    lms: tuple[float, float, float, float]
    qbo: tuple[float, float, float, float]
    lms_amount: Decimal
    qbo_amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Everything that the template draws."""

    pairs: Sequence[Pair]
    #: (y, dollars) of the grid lines.
    grid: Sequence[tuple[float, str]]
    left: int = _LEFT + 26
    right: int = WIDTH - _RIGHT
    width: int = WIDTH
    height: int = HEIGHT


def make_pairs(amounts: Sequence[tuple[str, Decimal, Decimal]]) -> Pairs:
    """From (label, Pilot's dollars, QuickBooks' dollars)."""
    left = _LEFT + 26
    top = ceiling(max([math.ceil(max(lms, qbo)) for _, lms, qbo in amounts], default=0))
    space, slot = HEIGHT - _BOTTOM - _TOP, (WIDTH - left - _RIGHT) / max(len(amounts), 1)

    def bar(place: int, begin: float, amount: Decimal) -> tuple[float, float, float, float]:
        height = space * float(max(amount, Decimal(0)) / top)
        x = left + slot * (place + begin)
        return round(x, 1), round(HEIGHT - _BOTTOM - height, 1), round(slot * 0.28, 1), round(height, 1)

    pairs = [
        Pair(
            label=label,
            middle=round(left + slot * (place + 0.5), 1),
            lms=bar(place, 0.2, lms),
            qbo=bar(place, 0.52, qbo),
            lms_amount=lms,
            qbo_amount=qbo,
        )
        for place, (label, lms, qbo) in enumerate(amounts)
    ]
    grid = [(round(HEIGHT - _BOTTOM - space * value / top, 1), f"${value:,}") for value in (0, top // 2, top)]
    return Pairs(pairs=pairs, grid=grid)


def ceiling(highest: int) -> int:
    """The top of the axis: the next of 4, 10, 20, 40, 100, 200 …"""
    if highest <= 4:
        return 4
    size = 10
    while True:
        for factor in (1, 2, 4):
            if highest <= size * factor:
                return size * factor
        size *= 10
