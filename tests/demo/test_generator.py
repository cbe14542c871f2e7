"""The generated data: the same each time, as much as promised, and of the promised variety."""

import datetime as dt
from collections import Counter
from decimal import Decimal

import pytest

from include.demo.cases import DAYS, MEMO_LIMIT
from include.demo.generator import INVOICED, LABS, UNINVOICED, generate
from include.demo.records import Case, DemoData

TODAY = dt.date(2026, 3, 31)
NAME_LIMIT = 500


@pytest.fixture(scope="module")
def data() -> DemoData:
    return generate(TODAY)


def invoiced(data: DemoData) -> list[Case]:
    return [case for case in data.initial.cases if case.invoiced_on]


def test_same_seed_same_data(data: DemoData) -> None:
    assert generate(TODAY) == data


def test_another_seed_gives_other_data(data: DemoData) -> None:
    assert generate(TODAY, seed=1).initial.cases != data.initial.cases


@pytest.mark.parametrize("seed", range(8))
def test_any_seed_works(seed: int) -> None:
    made = generate(TODAY, seed)
    planted = {problem.key for problem in made.problems if problem.entity == "doctor_office"}
    pairs = made.initial.pairs + made.changes.pairs
    names = [pair.child_name.casefold() for pair in pairs if pair.child_name not in planted]
    names += {account.name.casefold() for account in made.initial.accounts}
    assert len(names) == len(set(names))
    assert len(invoiced(made)) == INVOICED + UNINVOICED


def test_as_much_as_promised(data: DemoData) -> None:
    initial = data.initial
    assert len(data.labs) == 3
    assert [len(labs) for _, labs in data.companies] == [2, 1]
    assert len(initial.accounts) >= 60
    assert {account.structure for account in initial.accounts} == {"combined", "detailed"}
    assert len(initial.pairs) >= 150
    assert len(initial.products) >= 80
    assert len(invoiced(data)) - len(initial.uninvoiced) == 1000
    assert len({case.number for case in initial.cases + data.changes.cases}) == len(initial.cases + data.changes.cases)


def test_spread_over_labs_and_days(data: DemoData) -> None:
    cases = invoiced(data)
    per_lab = Counter(case.lab for case in cases)
    assert set(per_lab) == set(LABS)
    assert min(per_lab.values()) > 150
    ages = {(TODAY - case.invoiced_on).days for case in cases if case.invoiced_on}
    assert min(ages) == 0
    assert max(ages) == DAYS - 1


def test_of_the_promised_variety(data: DemoData) -> None:
    cases = invoiced(data)
    lines = [line for case in cases for line in case.lines]
    assert {len(case.lines) for case in cases} == {0, 1, 2, 3, 4, 5, 6}  # none: a planted problem
    assert any(line.discount for line in lines)
    assert any(line.quantity == Decimal("1.5") for line in lines)
    assert sum(line.quantity % 1 == 0 for line in lines) > len(lines) * 0.85
    assert 100 < sum(bool(case.shipping) for case in cases) < 600
    assert 50 < sum(bool(case.tax) for case in cases) < 300
    assert any(len(case.notes or "") > MEMO_LIMIT for case in cases)
    assert any(case.notes is None for case in cases)
    text = " ".join(pair.child_name for pair in data.initial.pairs)
    text += " ".join(account.name for account in data.initial.accounts)
    for character in "é'\"&,–":
        assert character in text


def test_only_what_is_planted_is_wrong(data: DemoData) -> None:
    planted = {problem.key for problem in data.problems}
    for account in data.initial.accounts:
        assert ({":", "\t"} & set(account.name) == set()) or account.name in planted
    for pair in data.initial.pairs:
        assert len(pair.child_name) <= NAME_LIMIT or pair.child_name in planted
        assert not {":", "\t"} & set(pair.child_name)
    for case in invoiced(data):
        if case.number not in planted:
            assert sum(line.discount for line in case.lines) <= sum(line.amount for line in case.lines)
            assert any(line.amount for line in case.lines)


def test_problems_of_different_kinds(data: DemoData) -> None:
    kinds = [problem.kind for problem in data.problems]
    assert len(kinds) == len(set(kinds)) >= 12
    assert {problem.expected_error_code for problem in data.problems} == {
        "validation_failed",
        "name_taken",
        "name_reserved",
        "qbo_6140",
        "total_mismatch",
        "inactive_reference",
    }
    assert {problem.phase for problem in data.problems} == {1, 2}


def test_a_problem_concerns_one_company_only(data: DemoData) -> None:
    """Or it would be two sync errors."""
    company = {lab: name for name, labs in data.companies for lab in labs}
    account_of = {pair.child_name: pair.account for pair in data.initial.pairs + data.changes.pairs}
    for problem in data.problems:
        companies = {
            company[case.lab]
            for case in data.initial.cases + data.changes.cases
            if problem.key in (case.number, case.pair, account_of[case.pair])
            or problem.key in {line.product for line in case.lines}
        }
        assert len(companies) == 1 or problem.phase == 2, problem


def test_what_moves_and_changes_is_not_planted(data: DemoData) -> None:
    planted = {problem.key for problem in data.problems if problem.phase == 1}
    account_of = {pair.child_name: pair.account for pair in data.initial.pairs}
    moves = data.initial.moved + data.changes.moved
    assert len(data.initial.moved) == 2
    assert len(data.changes.moved) == 4
    assert len({pair for pair, _ in moves}) == len(moves)
    for pair, account in moves:
        assert account_of[pair] != account
        assert not {pair, account, account_of[pair]} & planted
    assert [structure for _, structure in data.changes.restructured] == ["detailed", "detailed", "combined"]
    assert not {account for account, _ in data.changes.restructured} & planted
