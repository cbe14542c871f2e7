"""The two-way decision over generated states: total, convergent, never against the direction."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from include.sync.plan.two_way import Allowed, allowed, decide

VALUES = st.one_of(st.none(), st.integers(0, 2))
OPERATIONS = {"create", "update", "delete"}
RIGHTS = st.builds(
    Allowed,
    to_qbo=st.frozensets(st.sampled_from(sorted(OPERATIONS))),
    to_lms=st.frozensets(st.sampled_from(sorted(OPERATIONS))),
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
    both = allowed(OPERATIONS, OPERATIONS, "both")
    state = (base, lms, qbo)
    for _ in range(3):
        state = carry_out(*state, both)
    if base is not None or lms is None or qbo is None:
        assert state[1] == state[2]


@given(st.integers(0, 2), st.integers(0, 2))
def test_quickbooks_wins_of_two_updates_and_says_so(lms: int, qbo: int) -> None:
    decision = decide(9, lms, qbo, allowed(OPERATIONS, OPERATIONS, "both"))
    if lms == qbo:
        assert decision.step == "rebase"
    else:
        assert (decision.step, decision.side, decision.conflict) == ("update", "lms", "conflict_qbo_kept")


@given(st.integers(0, 2), st.integers(0, 2))
def test_a_delete_wins_over_an_update_from_either_side(base: int, changed: int) -> None:
    both = allowed(OPERATIONS, OPERATIONS, "both")
    conflict = "conflict_deleted" if changed != base else None
    gone_here, gone_there = decide(base, None, changed, both), decide(base, changed, None, both)
    assert (gone_here.step, gone_here.side, gone_here.conflict) == ("delete", "qbo", conflict)
    assert (gone_there.step, gone_there.side, gone_there.conflict) == ("delete", "lms", conflict)
