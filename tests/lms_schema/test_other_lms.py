"""An LMS whose tables stand elsewhere, under other names, is synced through views of the contract's names."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from include.migrations import runner, upgrade
from tests.support.world import World, make_world

#: The contract's tables, and what this LMS calls them.
OWN_NAMES = {
    "billing_lab": "site",
    "billing_account": "practice_group",
    "doctor_office": "dentist",
    "product": "price_list",
    "lab_case": "work_order",
    "case_line_item": "work_order_part",
    "invoice": "bill",
    "invoice_line_item": "bill_part",
    "credit": "voucher",
    "credit_application": "voucher_use",
    "payment": "receipt",
    "payment_application": "receipt_use",
}
#: What the sync only reads may have columns of other names and further ones; ids keep theirs, the triggers read them.
OWN_COLUMNS = {
    "site": {"name": "title"},
    "practice_group": {"name": "title", "email": "mail", "phone": "telephone"},
    "dentist": {"doctor_name": "surname", "child_subaccount_name": "short_title"},
    "price_list": {"unit_price": "list_price", "description": "wording"},
}


def own_tables() -> str:
    """The LMS's tables under its own names, in a schema of its own."""
    made = (runner.SQL / "lms/tables.sql").read_text()
    for name, own in OWN_NAMES.items():
        made = re.sub(rf"\blms\.{name}\b", f"clinic.{own}", made)
    return made.replace("create schema lms", "create schema clinic").replace("sequence lms.", "sequence clinic.")


def views(database: psycopg.Connection) -> Iterator[str]:
    """The views that the LMS's people write: one per table of the contract, on one table."""
    for name, own in OWN_NAMES.items():
        columns = database.execute(
            "select column_name from information_schema.columns where table_schema = 'clinic' and table_name = %s"
            " order by ordinal_position",
            [own],
        ).fetchall()
        called = {mine: theirs for theirs, mine in OWN_COLUMNS.get(own, {}).items()}
        shown = ", ".join(f"{column} as {called[column]}" if column in called else column for (column,) in columns)
        yield f"create view lms.{name} as select {shown} from clinic.{own}"


@pytest.fixture
def other_lms(empty_database: str, sandbox_url: str, _quick_expectations: None) -> Iterator[World]:
    with psycopg.connect(empty_database) as database:
        database.execute(own_tables().encode())
        for table, columns in OWN_COLUMNS.items():
            for contract, own in columns.items():
                database.execute(f"alter table clinic.{table} rename column {contract} to {own}".encode())
        database.execute("create schema lms")
        database.execute("create sequence lms.invoice_number_seq start with 100001")
        for view in [*views(database)]:
            database.execute(view.encode())
    upgrade(empty_database, {})
    with make_world(empty_database, sandbox_url) as world:
        yield world


def test_it_syncs_both_ways(other_lms: World) -> None:
    account = other_lms.account("Lakeside Dental", "detailed")
    invoice = other_lms.simple_invoice(account, tax="5.00")
    other_lms.sync()
    assert other_lms.errors() == []
    sent = other_lms.qbo_invoice(invoice)
    assert sent["TotalAmt"] == 105

    paid = [{"Amount": 30, "LinkedTxn": [{"TxnId": sent["Id"], "TxnType": "Invoice"}]}]
    other_lms.qbo.create("Payment", CustomerRef=sent["CustomerRef"], TotalAmt=30, Line=paid)
    other_lms.poll()
    assert other_lms.errors() == []
    assert other_lms.value("select balance from clinic.bill where id = %s", invoice) == 75
    assert other_lms.value("select amount from clinic.receipt where origin = 'qbo'") == 30

    other_lms.sql("update clinic.receipt set amount = 20 where origin = 'qbo'")
    other_lms.sql("update clinic.receipt_use set amount = 20")
    other_lms.sql("update clinic.bill set balance = 85 where id = %s", invoice)
    other_lms.sync()
    assert other_lms.errors() == []
    assert [one["TotalAmt"] for one in other_lms.qbo.all("Payment")] == [20], "the tables' own changes are in the feed"


def test_the_audit_names_rows_as_the_contract_does(other_lms: World) -> None:
    other_lms.simple_invoice(other_lms.account())
    other_lms.sync()
    customer = other_lms.qbo.all("Customer")[0]
    other_lms.qbo.create("Payment", CustomerRef={"value": customer["Id"]}, TotalAmt=12)
    other_lms.poll()
    assert other_lms.sql("select distinct table_name from qbo_sync.audit_row") == [{"table_name": "payment"}]


def test_the_next_upgrade_finds_the_views_and_keeps_them(other_lms: World) -> None:
    other_lms.sql("delete from public.pilot_schema_file")
    upgrade(other_lms.database_url, {})
    kinds = other_lms.sql(
        "select distinct relkind::text as kind from pg_class where relnamespace = 'lms'::regnamespace"
    )
    assert {one["kind"] for one in kinds} == {"v", "S"}
    triggers = other_lms.value(
        "select count(*) from pg_trigger where tgrelid = 'clinic.bill'::regclass and not tgisinternal"
    )
    assert triggers == 4, "updated_at, the feed's two, the audit's"


def test_a_view_of_two_tables_is_refused(other_lms: World) -> None:
    other_lms.sql(
        "create view lms.joined as"
        " select b.* from clinic.bill b join clinic.practice_group g on g.id = b.billing_account_id"
    )
    with pytest.raises(psycopg.errors.RaiseException, match="must show exactly one table"):
        other_lms.sql("select qbo_sync.table_behind('lms.joined')")
