"""Sync again by ID: what is left alone and has no number is asked for on the page, and carried out by the real DAGs."""

from dataclasses import replace
from html import unescape

import pytest

from tests.support.bookkeeper import pays, received
from tests.support.page.site import Site
from tests.support.page.visitor import Visitor
from tests.support.quickbooks import make_company
from tests.support.waiting import becomes, changes_taken
from tests.support.world import World


@pytest.fixture(scope="module")
def world(lms: World) -> World:
    """A lab with an invoice in QuickBooks."""
    company = make_company(lms.qbo.url, "Birch Books")
    made = replace(lms, qbo=company, lab=lms.billing_lab("Birch Dental Lab"))
    made.connect(made.lab, company)
    changes_taken(made)
    made.simple_invoice(made.account("Birch Family Dental"))
    becomes(lambda: len(company.all("Invoice")), 1)
    return made


def leave_alone(world: World, entity: str, lms_id: int | None, qbo_id: str | None) -> None:
    """As the undo of a run does, in the caller's transaction."""
    world.connection.execute(
        "select qbo_sync.leave_alone(%s, %s, %s, %s, 'What a sync had done with it was taken back.', 'olga')",
        [world.qbo.realm, entity, lms_id, qbo_id],
    )


def offered(who: Visitor, world: World, entity: str, **ids: object) -> str:
    """The link to the form that a record's history has."""
    answer = who.get("/history/record", params={"realm": world.qbo.realm, "entity": entity, **ids})
    assert "This record is left alone." in answer.text
    return unescape(answer.text.split(f'href="/quickbooks/labs/{world.lab}/sync-again?')[1].split('"')[0])


def test_a_payment_and_a_credit_are_asked_for_by_their_ids_in_pilot(site: Site, world: World) -> None:
    account = world.value("select id from lms.billing_account where name = 'Birch Family Dental'")
    with world.connection.transaction():
        payment, credit = world.payment(account, "40.00"), world.credit(account, "15.00")
        leave_alone(world, "payment", payment, None)
        leave_alone(world, "credit", credit, None)
        leave_alone(world, "credit_application", credit, None)
    changes_taken(world)
    uma, path = site.visitor("uma"), f"/labs/{world.lab}/sync-again"
    csrf = uma.csrf(path)

    def said(**fields: object) -> str:
        answer = uma.post(path, {"step": "count", **fields}, csrf=csrf)
        assert answer.status_code == 422 and "Nothing was started." in answer.text
        return unescape(answer.text)

    both = ["payment_lms_to_qbo", "credit_lms_to_qbo"]
    assert "Only invoices have numbers" in said(kind="payment_lms_to_qbo", numbers=payment)
    assert "Select only the kind of record that the IDs belong to." in said(kind=both, lms_ids=payment)
    assert "Enter the IDs in Pilot and remove those in QuickBooks" in said(kind="payment_lms_to_qbo", qbo_ids="7")
    assert "Enter the IDs in QuickBooks and remove those in Pilot" in said(kind="payment_qbo_to_lms", lms_ids=payment)
    assert "whole number, for example 1042. Correct PMT-7." in said(kind="payment_lms_to_qbo", lms_ids="PMT-7")
    unknown = said(kind="payment_lms_to_qbo", lms_ids=f"{payment}, 987654321")
    assert "has no payments that go Pilot → QuickBooks with the Pilot ID 987654321." in unknown
    assert world.value("select count(*) from qbo_sync.left_alone where realm_id = %s", world.qbo.realm) == 3

    for entity, lms_id, document in (("payment", payment, "Payment"), ("credit", credit, "CreditMemo")):
        link = offered(uma, world, entity, lms=lms_id)
        form = uma.get(f"{path}?{link}").text
        assert f'name="lms_ids" value="{lms_id}"' in form and form.count(" checked") == 1
        fields = {"kind": f"{entity}_lms_to_qbo", "lms_ids": str(lms_id)}
        shown = uma.post(path, {**fields, "step": "count"}, csrf=csrf).text
        assert "Compare 1 record?" in shown and f"IDs in Pilot: {lms_id}." in shown
        assert f'<input type="hidden" name="lms_ids" value="{lms_id}">' in shown
        assert world.qbo.all(document) == []
        assert uma.post(path, {**fields, "step": "start"}, csrf=csrf).status_code == 303
        becomes(lambda document=document: len(world.qbo.all(document)), 1)  # type: ignore[misc]
    assert world.sql("select * from qbo_sync.left_alone where realm_id = %s", world.qbo.realm) == []
    kept = world.sql(
        "select detail from qbo_sync.page_change where realm_id = %s and action = 'sync_again'", world.qbo.realm
    )
    assert [(one["detail"]["lms_ids"], one["detail"]["qbo_ids"]) for one in kept] == [
        (str(payment), ""),
        (str(credit), ""),
    ]


def test_a_payment_from_quickbooks_is_asked_for_by_its_id_there(site: Site, world: World) -> None:
    [invoice] = world.qbo.all("Invoice")
    taken = received(world, invoice["CustomerRef"]["value"], "30.00", pays(invoice, "30.00"))["Id"]
    world.capture()

    def there() -> list[int]:
        rows = world.sql(
            "select lms_id from qbo_sync.entity_link where realm_id = %s and entity = 'payment' and qbo_id = %s",
            world.qbo.realm,
            taken,
        )
        return [one["lms_id"] for one in rows]

    becomes(lambda: len(there()), 1)
    [added] = there()
    with world.connection.transaction():  # as an undo leaves it: gone from Pilot, still in QuickBooks
        leave_alone(world, "payment", None, taken)
        world.connection.execute("delete from lms.payment where id = %s", [added])
        world.connection.execute(
            "delete from qbo_sync.entity_link where realm_id = %s and entity = 'payment' and qbo_id = %s",
            [world.qbo.realm, taken],
        )
    changes_taken(world)
    uma, path = site.visitor("uma"), f"/labs/{world.lab}/sync-again"
    link = offered(uma, world, "payment", qbo=taken)
    assert link == f"kind=payment_qbo_to_lms&qbo_ids={taken}"
    fields = {"kind": "payment_qbo_to_lms", "qbo_ids": taken}
    csrf = uma.csrf(path)
    assert f"IDs in QuickBooks: {taken}." in uma.post(path, {**fields, "step": "count"}, csrf=csrf).text
    assert uma.post(path, {**fields, "step": "start"}, csrf=csrf).status_code == 303
    becomes(lambda: len(there()), 1)
    assert len(world.qbo.all("Payment")) == 2
