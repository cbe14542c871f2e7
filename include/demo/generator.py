"""The demo's data from a seed: the same seed and day give the same data, to the letter."""

import datetime as dt
import random
from dataclasses import replace

from include.demo.cases import CaseMaker
from include.demo.catalogue import Product, price_list
from include.demo.money import SMALLEST, MoneyMaker, Pool, assign, at_the_same_time
from include.demo.practices import PairMaker, make_accounts
from include.demo.problems import (
    SHARED_NAME,
    Plan,
    plant_bad_invoices,
    plant_bad_names,
    plant_bad_products,
    plant_deactivated,
    plant_second_of_a_name,
    plant_shared_names,
    plant_taken_names,
    prepare_deactivations,
)
from include.demo.records import Account, Assignments, Bookkeeper, Case, Changes, DemoData, MoneyChanges, Pair, Receipt

LABS = ("Northlight Dental Laboratory", "Bergström & O'Hara Ceramics", "Pacific Crown & Bridge")
COMPANIES = (("Northlight Group, Inc.", LABS[:2]), ("Pacific Crown & Bridge, LLC", LABS[2:]))
LAB_SHARES = (45, 30, 25)

INVOICED = 1000  # cases that stay invoiced after the first phase
UNINVOICED = 20
NOT_INVOICED = 60
LATER_INVOICED = 40
LATER_REINVOICED = 8
LATER_UNINVOICED = 12
SEED = 20260115


class Generator:
    """Draws everything from one source of random numbers, in a fixed order."""

    def __init__(self, seed: int, today: dt.date) -> None:
        self.rng = random.Random(seed)
        self.today = today
        self.products = price_list()
        self.accounts = make_accounts(self.rng, LABS)
        self.pair_maker = PairMaker(self.rng)
        self.pairs = self.pair_maker.make_all(self.accounts)
        self.maker = CaseMaker(self.rng, today, self.products)
        self.one_lab_of_each = (LABS[0], LABS[2])
        self.first_planted = self._plan()

    def _plan(self) -> Plan:
        return Plan(self.maker, self.pair_maker.make, self.one_lab_of_each)

    def pairs_of(self, lab: str) -> list[Pair]:
        """The ordinary pairs that order from a lab."""
        keys = {account.key for account in self.accounts if lab in account.labs}
        return [pair for pair in self.pairs if pair.account in keys]

    def buyers(self) -> tuple[str, str]:
        """An ordinary pair of each company, to whom wrong invoices are written."""
        first = next(pair for pair in self.pairs if pair.account == SHARED_NAME)
        return first.child_name, self.pairs_of(LABS[2])[0].child_name

    def initial(self) -> tuple[Changes, tuple[Bookkeeper, ...]]:
        """What stands in the LMS and in QuickBooks before the first sync."""
        plan, buyers = self.first_planted, self.buyers()
        plant_bad_names(plan)
        plant_bad_products(plan, buyers)
        holders = plant_taken_names(plan)
        plant_shared_names(plan)
        numbers = plant_bad_invoices(plan, buyers[0], self._product("Zirconia Crown, Layered"))
        prepare_deactivations(plan, buyers[1])
        planted = plan.records()

        ordinary = self._ordinary_cases(INVOICED + UNINVOICED - len(planted.cases))
        waiting = [self._not_invoiced(case) for case in self._spread(NOT_INVOICED)]
        uninvoiced = self.rng.sample([case.number for case in ordinary], UNINVOICED)
        changes = Changes(
            accounts=self.accounts + planted.accounts,
            pairs=self.pairs + planted.pairs,
            products=self.products + planted.products,
            cases=planted.cases + tuple(ordinary) + tuple(waiting),
            uninvoiced=tuple(uninvoiced),
            moved=self._moves(2, ("detailed", "detailed")),
        )
        return changes, self._books(changes, holders, numbers)

    def later(self, before: Changes) -> tuple[Changes, tuple[Bookkeeper, ...]]:
        """What happens after the first sync, here and there."""
        plan = self._plan()
        later_books = plant_deactivated(plan, self.first_planted, self.buyers()[1])
        plant_second_of_a_name(plan)
        planted = plan.records()
        self.later_planted = plan
        moved = (
            *self._moves(2, ("combined", "detailed"), before.moved),
            *self._moves(1, ("detailed", "combined"), before.moved),
            *self._moves(1, ("detailed", "detailed"), before.moved),
        )
        restructured = self._restructured(moved)
        new = [self._recent(case) for case in self._spread(LATER_INVOICED)]
        new += [self._recent(case) for case in self._of_each({account for account, _ in restructured})]
        ordinary = {account.key for account in self.accounts}
        home = {pair.child_name: pair.account for pair in before.pairs}
        gone = set(before.uninvoiced)
        candidates = [
            case.number
            for case in before.cases[len(self.first_planted.cases) :]
            if case.invoiced_on and case.number not in gone and home[case.pair] in ordinary
        ]
        changes = Changes(
            accounts=planted.accounts,
            pairs=planted.pairs + self._new_pairs(),
            cases=planted.cases + tuple(new),
            invoiced=tuple((number, self.today) for number in self.rng.sample(before.uninvoiced, LATER_REINVOICED)),
            uninvoiced=tuple(self.rng.sample(candidates, LATER_UNINVOICED)),
            moved=moved,
            restructured=restructured,
        )
        return changes, later_books

    def money(
        self, before: Changes, after: Changes, books: tuple[Bookkeeper, ...]
    ) -> tuple[tuple[Receipt, ...], MoneyChanges, tuple[Assignments, ...]]:
        """The LMS's payments and credits, what happens to them later, and what the bookkeepers work on."""
        stable = self._stable_accounts(before, after)
        account_of = {pair.child_name: pair.account for pair in self.pairs if pair.account in stable}
        combined = {account.key for account in self.accounts if account.structure == "combined"}
        elsewhere = {*before.uninvoiced, *after.uninvoiced, *(case for book in books for case in book.entered_invoices)}
        pool = Pool(
            (
                case
                for case in before.cases[len(self.first_planted.cases) :]
                if case.invoiced_on and case.number not in elsewhere and case.pair in account_of
                if case.total >= SMALLEST
            ),
            account_of,
            stable - combined,
        )
        maker = MoneyMaker(self.rng, self.today, pool, account_of, combined)
        money = {lab: maker.before(lab) for lab in LABS}
        later = []
        for lab in LABS:
            new = [case for case in after.cases[len(self.later_planted.cases) :] if case.lab == lab]
            later.append(maker.later(money[lab], [case for case in new if case.pair in account_of and case.total]))
        desks = tuple(assign(pool, labs, money[labs[0]]) for _, labs in COMPANIES)
        later.append(at_the_same_time(desks))
        return (
            tuple(receipt for lab in LABS for receipt in money[lab].all()),
            MoneyChanges(
                entered=tuple(receipt for each in later for receipt in each.entered),
                edited=tuple(receipt for each in later for receipt in each.edited),
                deleted=tuple(receipt for each in later for receipt in each.deleted),
                shipped_again=tuple(number for each in later for number in each.shipped_again),
            ),
            desks,
        )

    def _stable_accounts(self, before: Changes, after: Changes) -> set[str]:
        """Accounts that keep their structure and their pairs: who pays what is plain."""
        home = {pair.child_name: pair.account for pair in self.pairs}
        moved = {account for pair, target in (*before.moved, *after.moved) for account in (home[pair], target)}
        restructured = {account for account, _ in after.restructured}
        return {account.key for account in self.accounts} - moved - restructured - {SHARED_NAME}

    def _product(self, name: str) -> Product:
        return next(product for product in self.products if product.name == name)

    def _ordinary_cases(self, count: int) -> list[Case]:
        """One case at least for every account, the rest by the labs' shares."""
        first_of = {pair.account: pair for pair in reversed(self.pairs)}
        cases = [self.maker.make(account.labs[0], first_of[account.key].child_name) for account in self.accounts]
        return cases + self._spread(count - len(cases))

    def _spread(self, count: int) -> list[Case]:
        pairs = {lab: self.pairs_of(lab) for lab in LABS}
        labs = self.rng.choices(LABS, weights=LAB_SHARES, k=count)
        return [self.maker.make(lab, self.rng.choice(pairs[lab]).child_name) for lab in labs]

    def _of_each(self, accounts: set[str]) -> list[Case]:
        """A case for a pair of each account."""
        first_of = {pair.account: pair for pair in reversed(self.pairs)}
        return [
            self.maker.make(account.labs[0], first_of[account.key].child_name)
            for account in self.accounts
            if account.key in accounts
        ]

    def _not_invoiced(self, case: Case) -> Case:
        return replace(case, invoiced_on=None, status=self.rng.choice(("in_production", "completed")))

    def _recent(self, case: Case) -> Case:
        return replace(case, invoiced_on=self.today - dt.timedelta(days=self.rng.randrange(3)))

    def _moves(
        self, count: int, structures: tuple[str, str], taken: tuple[tuple[str, str], ...] = ()
    ) -> tuple[tuple[str, str], ...]:
        """Pairs that move from an account of one structure to one of the other, within the same labs."""
        by_key = {account.key: account for account in self.accounts}
        moved = {pair for pair, _ in taken}
        choices: list[tuple[str, str]] = []
        for pair in self.rng.sample(self.pairs, len(self.pairs)):
            source = by_key[pair.account]
            targets = [
                account.key
                for account in self.accounts
                if account.structure == structures[1] and account.labs == source.labs and account != source
            ]
            if source.structure == structures[0] and pair.child_name not in moved and targets:
                choices.append((pair.child_name, self.rng.choice(targets)))
        return tuple(choices[:count])

    def _restructured(self, moved: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Two combined accounts become detailed, one detailed becomes combined; none that a pair moves to."""
        targets = {account for _, account in moved} | {SHARED_NAME}
        free = [account for account in self.accounts if account.key not in targets]
        combined = [account.key for account in free if account.structure == "combined"]
        detailed = [account.key for account in free if account.structure == "detailed"]
        return (
            *((key, "detailed") for key in self.rng.sample(combined, 2)),
            *((key, "combined") for key in self.rng.sample(detailed, 1)),
        )

    def _new_pairs(self) -> tuple[Pair, ...]:
        detailed = [account.key for account in self.accounts if account.structure == "detailed"]
        return tuple(self.pair_maker.make(key) for key in self.rng.sample(detailed, 2))

    def _books(
        self, changes: Changes, holders: tuple[Bookkeeper, Bookkeeper], numbers: Bookkeeper
    ) -> tuple[Bookkeeper, ...]:
        """Customers, items and an invoice that the bookkeepers entered before anybody thought of a sync."""
        known = [self._known_customers(lab) for lab in self.one_lab_of_each]
        items = [product.name for product in self.rng.sample(self.products, 9)]
        gone = set(changes.uninvoiced)
        combined = {pair.child_name for pair in self.pairs if pair.account == known[0][0].key}
        moved = {pair for pair, _ in changes.moved}
        entered = next(
            case.number
            for case in changes.cases[len(self.first_planted.cases) :]
            if case.pair in combined - moved and case.number not in gone and case.invoiced_on
        )
        return (
            replace(
                holders[0],
                customers=tuple(account.name for account in known[0]),
                items=tuple(items[:6]),
                taken_numbers=numbers.taken_numbers,
                entered_invoices=(entered,),
            ),
            replace(holders[1], customers=tuple(account.name for account in known[1]), items=tuple(items[6:])),
        )

    def _known_customers(self, lab: str) -> list[Account]:
        """Some of a lab's accounts, the first of them combined."""
        own = [account for account in self.accounts if account.labs == (lab,)]
        combined = next(account for account in own if account.structure == "combined")
        return [combined, *self.rng.sample([account for account in own if account != combined], 3)]


def generate(today: dt.date, seed: int = SEED) -> DemoData:
    """Everything that the demo does."""
    generator = Generator(seed, today)
    initial, books = generator.initial()
    changes, later_books = generator.later(initial)
    receipts, later_money, assignments = generator.money(initial, changes, books)
    paid = ("uninvoiced_paid", "uninvoiced_credited", "uninvoiced_and_edited")
    uninvoiced = [case for each in assignments for task in paid for case in each.cases[task]]
    changes = replace(changes, uninvoiced=(*changes.uninvoiced, *uninvoiced))
    return DemoData(
        labs=LABS,
        companies=COMPANIES,
        initial=initial,
        changes=changes,
        books=books,
        later_books=later_books,
        problems=(*generator.first_planted.problems, *generator.later_planted.problems),
        receipts=receipts,
        later_money=later_money,
        assignments=assignments,
    )
