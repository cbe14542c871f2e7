"""Customers: names, families, deactivation (fact 9.1)."""

from __future__ import annotations

from tests.support.sandbox.books import Books, pays, token_of


def test_names_from_parts(books: Books) -> None:
    held = books.post("Customer", {"GivenName": "Ann", "FamilyName": "Lee"})
    assert held["DisplayName"] == held["PrintOnCheckName"] == held["FullyQualifiedName"] == "Ann Lee"
    assert (held["Active"], held["Job"], held["Level"]) == (True, False, 0)


def test_deactivation_frees_the_name(books: Books) -> None:
    first = books.customer("Thrifty Meats")
    gone = books.post("Customer", token_of(first) | {"sparse": True, "Active": False})
    assert gone["DisplayName"] == gone["FullyQualifiedName"] == "Thrifty Meats (deleted)"
    second = books.customer("Thrifty Meats")
    gone = books.post("Customer", token_of(second) | {"sparse": True, "Active": False})
    assert gone["DisplayName"] == "Thrifty Meats (deleted) 2"
    assert books.get("Customer", first["Id"])["Active"] is False
    back = books.post("Customer", token_of(gone) | {"sparse": True, "Active": True})
    assert back["DisplayName"] == "Thrifty Meats (deleted) 2"
    named = books.post("Customer", token_of(back) | {"sparse": True, "DisplayName": "Thrifty Meats"})
    assert named["DisplayName"] == "Thrifty Meats"


def test_reactivation_may_strip(books: Books) -> None:
    books.switches(suffix_on_reactivation="strip")
    gone = books.post("Customer", token_of(books.customer("A")) | {"sparse": True, "Active": False})
    assert books.post("Customer", token_of(gone) | {"sparse": True, "Active": True})["DisplayName"] == "A"


def test_names_may_stay_taken(books: Books) -> None:
    books.switches(undelete_names=False)
    books.post("Customer", token_of(books.customer("A")) | {"sparse": True, "Active": False})
    assert books.fault("Customer", {"DisplayName": "A"})["code"] == "6240"


def test_moving_a_sub_customer(books: Books) -> None:
    old, new = books.customer("Old"), books.customer("New")
    child = books.sub_customer("Pair", old)
    grandchild = books.sub_customer("Job", child)
    move = {"sparse": True, "Job": True, "ParentRef": {"value": new["Id"]}}
    moved = books.post("Customer", token_of(child) | move)
    assert moved["FullyQualifiedName"] == "New:Pair"
    below = books.get("Customer", grandchild["Id"])
    assert (below["FullyQualifiedName"], below["SyncToken"]) == ("New:Pair:Job", "0")
    books.switches(move_touches_descendants=True)
    move["ParentRef"] = {"value": old["Id"]}
    books.post("Customer", token_of(moved) | move)
    assert books.get("Customer", grandchild["Id"])["SyncToken"] == "1"


def test_to_the_top_level_by_a_full_update(books: Books) -> None:
    child = books.sub_customer("Pair", books.customer("Old"))
    top = books.post("Customer", token_of(child) | {"DisplayName": "Pair", "Job": False})
    assert (top["FullyQualifiedName"], top["Level"], "ParentRef" in top) == ("Pair", 0, False)


def test_parents_with_active_children(books: Books) -> None:
    parent = books.customer("A")
    child = books.sub_customer("B", parent)
    off = {"sparse": True, "Active": False}
    assert books.fault("Customer", token_of(parent) | off)["code"] == "6000"
    books.switches(parent_deactivation="cascade")
    books.post("Customer", token_of(parent) | off)
    assert books.get("Customer", child["Id"])["Active"] is False


def test_inactive_customers_and_items_in_transactions(books: Books) -> None:
    customer = books.customer("A")
    item = books.post(
        "Item", {"Name": "Crown", "Type": "Service", "IncomeAccountRef": {"value": books.account("Services")}}
    )
    books.post("Item", token_of(item) | {"sparse": True, "Active": False})
    line = {
        "Amount": 1,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}},
    }
    fault = books.fault("Invoice", {"CustomerRef": {"value": customer["Id"]}, "Line": [line]})
    assert fault["code"] == "2500" and "made inactive" in fault["Detail"]
    books.post("Customer", token_of(customer) | {"sparse": True, "Active": False})
    line["SalesItemLineDetail"] = {"ItemRef": {"value": "1"}}
    fault = books.fault("Invoice", {"CustomerRef": {"value": customer["Id"]}, "Line": [line]})
    assert fault["code"] == "2500" and "made inactive" in fault["Detail"]
    assert books.fault("Item", {"Name": "services", "Type": "Service",
                                "IncomeAccountRef": {"value": "1"}})["code"] == "6240"  # fmt: skip


def test_deactivation_with_a_credit_memo(books: Books) -> None:
    customer = books.customer("A")
    books.invoice(customer, 25)
    books.switches(deactivation_with_balance="credit")
    books.post("Customer", token_of(customer) | {"sparse": True, "Active": False})
    assert books.get("Customer", customer["Id"])["Balance"] == 0
    assert books.rows("select * from CreditMemo")[0]["TotalAmt"] == 25


def test_merging_two_customers(books: Books) -> None:
    """Trap 54: the payment's customer is no longer the invoice's for whoever remembers the old id."""
    loser, winner = books.customer("A"), books.customer("B")
    invoice = books.invoice(loser, 10)
    books.sub_customer("C", loser)
    books.sandbox.control(f"/companies/{books.realm}/merge", {"from": loser["Id"], "into": winner["Id"]})
    held = books.get("Invoice", invoice["Id"])
    assert (held["CustomerRef"]["value"], held["SyncToken"]) == (winner["Id"], "1")
    assert books.get("Customer", winner["Id"])["Balance"] == 10
    assert books.rows("select * from Customer where DisplayName = 'C'")[0]["FullyQualifiedName"] == "B:C"
    stub = books.cdc("Customer", invoice["MetaData"]["CreateTime"])[0]["Customer"][-1]
    assert (stub["Id"], stub["status"]) == (loser["Id"], "Deleted")
    body = {"CustomerRef": {"value": loser["Id"]}, "TotalAmt": 10, "Line": [pays(invoice, 10)]}
    assert books.fault("Payment", body)["code"] == "2500"
    body["CustomerRef"] = {"value": books.customer("D")["Id"]}
    assert books.fault("Payment", body)["code"] == "620"
