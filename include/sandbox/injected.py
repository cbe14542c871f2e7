"""Faults that tests ask for (contract 5; fact 11.12)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from .faults import Fault, throttled_item

BEFORE = (
    "timeout_before", "http_500", "http_502", "http_503", "http_504", "http_429", "http_401", "auth_120",
    "garbage", "html_413", "slow", "item_throttle", "http_200_fault",
    "http_403", "fault",
)  # fmt: skip
AFTER = ("timeout_after", "drop_connection", "http_500_after", "http_503_after", "fault_6000_after")
KINDS = BEFORE + AFTER


@dataclass(slots=True)
class Rule:
    """One injected fault."""

    kind: str
    entity: str | None = None
    operation: str | None = None
    times: int | None = None
    probability: float = 1.0
    realm: str | None = None
    seconds: float = 120.0
    code: str = "6000"
    message: str = "A business validation error has occurred while processing your request"
    detail: str = "Business Validation Error: injected"
    status: int = 400
    #: Of its dice, so that the same requests meet the same faults; None: the server's own.
    seed: int | None = None
    hits: int = 0

    def fault(self) -> Fault:
        """The fault that the kinds `fault` and `item_throttle` mean."""
        if self.kind == "item_throttle":
            return throttled_item()
        system = "SystemFault" if self.status >= 500 else "ValidationFault"
        return Fault(self.code, self.message, self.detail, "", system, self.status)

    def fits(self, entity: str, operation: str) -> bool:
        """Whether it is about such a request; token requests must be meant expressly."""
        if operation == "token" and self.operation != "token":
            return False
        if self.entity is not None and self.entity.lower() != entity.lower():
            return False
        return self.operation is None or self.operation.lower() == operation

    def as_dict(self) -> dict[str, Any]:
        """For the control call."""
        return {name: getattr(self, name) for name in self.__slots__}


class Injected:
    """The faults in force; the first that fits and whose dice fall is taken."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng
        self.rules: list[Rule] = []
        #: The dice of the rules that have a seed, by that seed.
        self._dice: dict[int, random.Random] = {}

    def add(self, asked: dict[str, Any]) -> Rule:
        """A rule from the control call's body."""
        known = set(Rule.__slots__) - {"hits"}
        unknown = set(asked) - known
        if unknown:
            raise ValueError(f"unknown: {sorted(unknown)}")
        if asked.get("kind") not in KINDS:
            raise ValueError(f"kind is one of {list(KINDS)}")
        rule = Rule(
            kind=asked["kind"],
            entity=asked.get("entity"),
            operation=asked.get("operation"),
            times=None if asked.get("times") is None else int(asked["times"]),
            probability=1.0 if asked.get("probability") is None else float(asked["probability"]),
            realm=asked.get("realm"),
            seconds=float(asked.get("seconds") or 120.0),
        )
        rule.code, rule.status = str(asked.get("code") or rule.code), int(asked.get("status") or rule.status)
        rule.message = str(asked.get("message") or rule.message)
        rule.detail = str(asked.get("detail") or rule.detail)
        if asked.get("seed") is not None:
            rule.seed = int(asked["seed"])
            self._dice.setdefault(rule.seed, random.Random(rule.seed))
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """None any more."""
        self.rules.clear()
        self._dice.clear()

    def draw(self, realm: str | None, parts: set[tuple[str, str]]) -> Rule | None:
        """The fault for a request that does these (entity, operation) things, if any."""
        if not self.rules:
            return None
        for rule in self.rules:
            if rule.times is not None and rule.hits >= rule.times:
                continue
            if rule.realm is not None and rule.realm != realm:
                continue
            if not any(rule.fits(entity, operation) for entity, operation in parts):
                continue
            dice = self._random if rule.seed is None else self._dice[rule.seed]
            if rule.probability < 1.0 and dice.random() >= rule.probability:
                continue
            rule.hits += 1
            return rule
        return None
