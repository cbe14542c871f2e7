"""Makes billing accounts and their doctor–office pairs."""

import random
import unicodedata

from include.demo.names import FAMILY_NAMES, GIVEN_NAMES, OFFICES, PRACTICES, listed
from include.demo.records import Account, Pair

PAIRS_AT_LEAST = 160


def make_accounts(rng: random.Random, labs: tuple[str, ...]) -> tuple[Account, ...]:
    """One account per practice. Some order from two labs: of the same company, and of two."""
    return tuple(
        Account(
            name=name,
            structure="detailed" if rng.random() < 0.5 else "combined",
            labs=_labs_of(index, labs),
            email=f"billing@{_ascii(name)}.example" if rng.random() < 0.8 else None,
            phone=f"({rng.randrange(201, 990)}) 555-{rng.randrange(100, 200):04d}" if rng.random() < 0.9 else None,
        )
        for index, name in enumerate(listed(PRACTICES))
    )


def _labs_of(index: int, labs: tuple[str, ...]) -> tuple[str, ...]:
    if index % 10 == 3:
        return (labs[0], labs[1])
    if index % 16 == 5:
        return (labs[0], labs[2])
    return (labs[index % len(labs)],)


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in plain if letter.isalnum())


class PairMaker:
    """Makes pairs whose names nobody else has, whatever the case they are written in."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._taken: set[str] = set()
        self._given = GIVEN_NAMES.split()
        self._family = FAMILY_NAMES.split()
        self._offices = listed(OFFICES)

    def make(self, account: str) -> Pair:
        """Another pair of this account."""
        while True:
            doctor = f"Dr. {self._rng.choice(self._given)} {self._rng.choice(self._family)}"
            office = self._rng.choice(self._offices)
            child_name = f"{doctor} – {office}"
            if child_name.casefold() not in self._taken:
                self._taken.add(child_name.casefold())
                return Pair(account, doctor, office, child_name)

    def make_all(self, accounts: tuple[Account, ...]) -> tuple[Pair, ...]:
        """Two to five pairs for a detailed account, one to three for a combined one, and enough in all."""
        pairs = [
            self.make(account.key)
            for account in accounts
            for _ in range(self._rng.randint(*((2, 5) if account.structure == "detailed" else (1, 3))))
        ]
        detailed = [account.key for account in accounts if account.structure == "detailed"]
        while len(pairs) < PAIRS_AT_LEAST:
            pairs.append(self.make(self._rng.choice(detailed)))
        return tuple(pairs)
