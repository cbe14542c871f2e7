"""The matrix as data: total, what it lets flow, and what direction and switches stop of it."""

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest

from include.model.record import LISTS, Direction, Entity, Operation, Side
from include.sync.plan.matrix import MATRIX, SWITCHES, Allowed, Change, Verdict, allowed, as_markdown, is_on
from tests.support.planning import FLOWS
from tests.support.settings import LAB

ENTITIES: tuple[Entity, ...] = get_args(Entity)
SIDES: tuple[Side, ...] = get_args(Side)
CHANGES: tuple[Change, ...] = get_args(Change)
VOIDABLE: set[Entity] = {"invoice", "credit", "credit_application", "payment"}


def cases() -> set[tuple[Entity, Side, Change]]:
    """All that can happen to a record. The LMS knows no void, and QuickBooks none of customers and items."""
    whole: tuple[Change, ...] = ("create", "update", "delete")
    return {*product(ENTITIES, SIDES, whole), *((entity, "qbo", "void") for entity in VOIDABLE)}


def test_it_has_a_cell_for_all_that_can_happen_to_a_record_and_no_other() -> None:
    assert {(what, side, change) for what, side, change in MATRIX if what in ENTITIES} == cases()


def test_a_cell_says_what_it_becomes_exactly_if_it_flows() -> None:
    for where, cell in MATRIX.items():
        assert (cell.becomes is not None) == (cell.verdict is Verdict.FLOWS), where
        assert cell.words, where


def test_a_create_is_a_create_and_an_update_an_update_and_a_delete_a_delete() -> None:
    for (what, side, change), cell in MATRIX.items():
        if change != "void" and cell.becomes:
            assert cell.becomes == change, (what, side)


def test_a_void_is_an_update_and_never_a_delete() -> None:
    voids = {what: cell.becomes for (what, _, change), cell in MATRIX.items() if change == "void"}
    assert voids == {"invoice": "update", "payment": "update", "credit": None, "credit_application": None}


@pytest.mark.parametrize("entity", ENTITIES)
def test_what_flows_is_what_rule_1_says(entity: Entity) -> None:
    assert allowed(entity, LAB) == Allowed(
        to_qbo=frozenset(FLOWS[entity]["qbo"]), to_lms=frozenset(FLOWS[entity]["lms"])
    )


@pytest.mark.parametrize("entity", ENTITIES)
def test_of_a_void_the_cell_for_voids_decides_and_not_the_one_for_updates(
    entity: Entity, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert allowed(entity, LAB, voided=True) == allowed(entity, LAB)
    stays = replace(MATRIX["invoice", "qbo", "void"], verdict=Verdict.NEVER, becomes=None)
    monkeypatch.setattr("include.sync.plan.matrix.MATRIX", {**MATRIX, (entity, "qbo", "void"): stays})
    assert "update" not in allowed(entity, LAB, voided=True).to_lms
    assert allowed(entity, LAB, voided=True).to_qbo == allowed(entity, LAB).to_qbo
    assert allowed(entity, LAB).to_lms == frozenset(FLOWS[entity]["lms"])


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_direction_stops_one_side_and_leaves_the_other(entity: Entity) -> None:
    both, none = allowed(entity, LAB), frozenset[Operation]()
    assert allowed(entity, replace(LAB, direction="lms_to_qbo")) == Allowed(to_qbo=both.to_qbo, to_lms=none)
    assert allowed(entity, replace(LAB, direction="qbo_to_lms")) == Allowed(to_qbo=none, to_lms=both.to_lms)


def test_an_edit_of_an_invoice_in_the_lms_is_reported_and_not_pushed() -> None:
    assert MATRIX["invoice", "lms", "update"].verdict is Verdict.REPORTED
    assert "update" not in allowed("invoice", LAB).to_qbo


def test_customers_and_items_are_never_deleted_and_never_written_to_the_lms() -> None:
    for entity in LISTS:
        assert "delete" not in allowed(entity, LAB).to_qbo
        assert allowed(entity, LAB).to_lms == frozenset()


@pytest.mark.parametrize("switches", product((True, False), repeat=3))
def test_a_switch_stops_its_own_transactions_both_ways_and_nothing_else(switches: tuple[bool, bool, bool]) -> None:
    invoices, credits, payments = switches
    settings = replace(LAB, sync_invoices=invoices, sync_credits=credits, sync_payments=payments)
    on = {"invoice": invoices, "credit": credits, "credit_application": credits, "payment": payments}
    for entity, direction in product(ENTITIES, get_args(Direction)):
        assert is_on(entity, direction, settings) == on.get(entity, True)
    assert set(SWITCHES) == set(on)


@pytest.mark.parametrize("chosen", ["lms_to_qbo", "qbo_to_lms", "both"])
def test_the_direction_stops_every_entity_of_the_other_one(chosen: str) -> None:
    for entity, direction in product(ENTITIES, get_args(Direction)):
        assert is_on(entity, direction, replace(LAB, direction=chosen)) == (chosen in (direction, "both"))


def test_the_table_for_readers_has_each_cell_once() -> None:
    head, _, *rows = as_markdown().splitlines()
    columns = [cell.strip() for cell in head.strip("|").split("|")][2:]
    names = {"LMS": "lms", "QuickBooks": "qbo"}
    shown = {}
    for row in rows:
        what, side, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        for change, words in zip(columns, cells, strict=True):
            if words:
                shown[what.replace(" ", "_"), names[side], change] = words
    assert shown == {where: cell.words for where, cell in MATRIX.items()}
