"""The three-way decision over generated states: total, convergent, never against what may be written."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from include.model.record import Operation
from include.sync.plan.decide import decide
from include.sync.plan.matrix import Allowed

VALUES = st.one_of(st.none(), st.integers(0, 2))
OPERATIONS: tuple[Operation, ...] = ("create", "update", "delete")
BOTH_WAYS = Allowed(to_qbo=frozenset(OPERATIONS), to_lms=frozenset(OPERATIONS))
RIGHTS = st.builds(
    Allowed,
    to_qbo=st.frozensets(st.sampled_from(OPERATIONS)),
    to_lms=st.frozensets(st.sampled_from(OPERATIONS)),
)


def carry_out(base: Any, lms: Any, qbo: Any, may: Allowed) -> tuple[Any, Any, Any]:
    """The state after the decision."""
    decision = decide(base, lms, qbo, may)
    match decision.step, decision.side:
        case (("create" | "update"), "qbo"):
            return lms, lms, lms
        case (("create" | "update"), "lms"):
            return qbo, qbo, qbo
        case "delete", "qbo":
            return None, lms, None
        case "delete", "lms":
            return None, None, qbo
        case "rebase", _:
            return lms, lms, qbo
        case "unlink", _:
            return None, lms, qbo
    return base, lms, qbo


@given(VALUES, VALUES, VALUES, RIGHTS)
def test_a_second_plan_finds_nothing_to_do(base: Any, lms: Any, qbo: Any, may: Allowed) -> None:
    after = carry_out(base, lms, qbo, may)
    assert decide(*after, may).step == "nothing" or base is None or None in after[1:]
    assert carry_out(*carry_out(*after, may), may) == carry_out(*after, may)


@pytest.mark.setting("direction")
@given(VALUES, VALUES, VALUES, RIGHTS)
def test_nothing_is_written_against_the_direction(base: Any, lms: Any, qbo: Any, may: Allowed) -> None:
    decision = decide(base, lms, qbo, may)
    if decision.side == "qbo":
        assert decision.step in may.to_qbo
    if decision.side == "lms":
        assert decision.step in may.to_lms


@given(st.integers(0, 2), VALUES, VALUES, RIGHTS)
def test_a_linked_record_is_never_created(base: int, lms: Any, qbo: Any, may: Allowed) -> None:
    assert decide(base, lms, qbo, may).step != "create"


@given(VALUES, VALUES, VALUES)
def test_with_all_rights_both_sides_agree_in_the_end(base: Any, lms: Any, qbo: Any) -> None:
    assume(base is not None or lms is None or qbo is None)
    state = (base, lms, qbo)
    for _ in range(3):
        state = carry_out(*state, BOTH_WAYS)
    assert state[1] == state[2]


@given(st.integers(0, 2), st.integers(0, 2))
def test_quickbooks_wins_of_two_updates_and_says_so(lms: int, qbo: int) -> None:
    decision = decide(9, lms, qbo, BOTH_WAYS)
    if lms == qbo:
        assert decision.step == "rebase"
    else:
        assert (decision.step, decision.side, decision.conflict) == ("update", "lms", "conflict_qbo_kept")


@given(st.integers(0, 2), st.integers(0, 2))
def test_a_delete_wins_over_an_update_from_either_side(base: int, changed: int) -> None:
    conflict = "conflict_deleted" if changed != base else None
    in_lms, in_qbo = decide(base, None, changed, BOTH_WAYS), decide(base, changed, None, BOTH_WAYS)
    assert (in_lms.step, in_lms.side, in_lms.conflict) == ("delete", "qbo", conflict)
    assert (in_qbo.step, in_qbo.side, in_qbo.conflict) == ("delete", "lms", conflict)


@given(VALUES, VALUES, VALUES, RIGHTS)
def test_a_side_is_written_only_by_what_the_other_says(base: Any, lms: Any, qbo: Any, may: Allowed) -> None:
    decision = decide(base, lms, qbo, may)
    if decision.step == "delete":
        assert (lms if decision.side == "qbo" else qbo) is None
    if decision.step in ("create", "update"):
        source = lms if decision.side == "qbo" else qbo
        assert source is not None
        assert source != base, "what has not changed is not written"
    assert (decision.side is None) == (decision.step in ("rebase", "unlink", "nothing"))


@given(st.integers(0, 2), st.integers(0, 2), RIGHTS)
def test_a_deleted_record_is_never_brought_back(base: int, other: int, may: Allowed) -> None:
    for decision in (decide(base, None, other, may), decide(base, other, None, may)):
        assert decision.step in ("delete", "nothing")


def test_each_change_by_itself() -> None:
    def said(base: Any, lms: Any, qbo: Any) -> tuple[str, str | None, str | None]:
        decision = decide(base, lms, qbo, BOTH_WAYS)
        return decision.step, decision.side, decision.conflict

    assert said(None, 1, None) == ("create", "qbo", None)
    assert said(None, None, 1) == ("create", "lms", None)
    assert said(None, 1, 1) == ("nothing", None, None)
    assert said(1, 1, 1) == ("nothing", None, None)
    assert said(1, 2, 1) == ("update", "qbo", None)
    assert said(1, 1, 2) == ("update", "lms", None)
    assert said(1, 2, 2) == ("rebase", None, None)
    assert said(1, None, 1) == ("delete", "qbo", None)
    assert said(1, 1, None) == ("delete", "lms", None)
    assert said(1, None, None) == ("unlink", None, None)
