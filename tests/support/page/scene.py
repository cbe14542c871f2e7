"""A week in the life of four labs, written straight into the tables: what the page looks like with something on it."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from include.company.check_run import check_company
from include.company.tokens import require_reconnect
from include.lms.database import jsonb
from include.model.document import Applied, Document, DocumentLine, as_detail, differences
from include.sync.plan import problems
from tests.support.pipeline import as_pipeline
from tests.support.quickbooks import QuickBooks, make_company
from tests.support.waiting import changes_taken
from tests.support.world import World

Json = dict[str, Any]


def populate(lms: World) -> Json:
    """Four labs, two of them on one company; findings, errors, a week of outcomes. Ids by name."""
    shared, own = (
        make_company(lms.qbo.url, "Northside Dental Holding"),
        make_company(lms.qbo.url, "Harbor Ceramics LLC"),
    )
    labs = {name: lms.billing_lab(name) for name in ("Bright Dental Lab", "Smile Design Studio", "Harbor Ceramics")}
    labs["Lakeside Implants"] = lms.billing_lab("Lakeside Implants")
    for name, company in (("Bright Dental Lab", shared), ("Smile Design Studio", shared), ("Harbor Ceramics", own)):
        lms.connect(labs[name], company)
    labs["Summit Removables"] = lms.billing_lab("Summit Removables")
    summit = make_company(lms.qbo.url, "Summit Removables LLC")
    lms.connect(labs["Summit Removables"], summit)
    lms.sql(
        "insert into qbo_sync.poll (realm_id, apart_until) values (%s, now() + interval '1 hour')"
        " on conflict (realm_id) do update set apart_until = excluded.apart_until, failures = 0",
        summit.realm,
    )
    lms.sql("update qbo_sync.connection set started_at = null where billing_lab_id = %s", labs["Summit Removables"])
    _settings_of_the_company(lms, shared)
    check_company(lms.runtime, shared.realm)
    changes_taken(lms)
    with psycopg.connect(lms.database_url) as connection:
        require_reconnect(connection, own.realm)
        errors = _errors(connection, labs, shared)
        many = _held(connection, labs["Bright Dental Lab"], shared.realm)
        _held_invoices(connection, labs, shared.realm)
        _outcomes(connection, labs, shared.realm)
        _people(connection, labs, shared.realm, errors)
        _proofs(connection, labs, shared.realm, errors)
        preview = _preview(connection, labs["Summit Removables"])
    return {"labs": labs, "errors": errors, "many": many, "realm": shared.realm, "preview": preview}


#: Entity, side, step, number, customer, amount, what is wrong, what to do.
_PREVIEWED: tuple[tuple[str, str, str, str | None, str | None, str | None, str | None, str | None], ...] = (
    ("billing_account", "qbo", "create", "Park Ave. Dental Associates", None, None, None, None),
    ("billing_account", "qbo", "adopt", "Riverside Prosthodontics", None, None, None, None),
    ("product", "qbo", "create", "Zirconia crown", None, None, None, None),
    ("invoice", "qbo", "create", "INV-20417", "Park Ave. Dental Associates", "1298.50", None, None),
    ("invoice", "qbo", "create", "INV-20418", "Park Ave. Dental Associates", "285.00", None, None),
    ("invoice", "qbo", "adopt", "INV-20390", "Riverside Prosthodontics", "640.00", None, None),
    (
        "invoice", "qbo", "fail", "INV-20391", "Riverside Prosthodontics", "410.00",
        "QuickBooks has 2 invoices numbered INV-20391 of $410.00 for the same customer and day. Pilot cannot tell which"
        " of them is this one.",
        "Delete the extra invoices in QuickBooks. Pilot then tries again automatically and links the one that is left.",
    ),
    ("invoice", "lms", "create", "QB-1077", "Riverside Prosthodontics", "95.00", None, None),
    (
        "invoice", "lms", "fail", "QB-1078", "Dr. Walk-in", "60.00",
        "Invoice QB-1078 of $60.00 is for the customer “Dr. Walk-in”, which is not linked to Pilot.",
        "Link the customer to a billing account or a doctor–office pair, or ignore it.",
    ),
    ("credit", "qbo", "create", None, "Park Ave. Dental Associates", "40.00", None, None),
    ("payment", "qbo", "create", None, "Park Ave. Dental Associates", "1298.50", None, None),
    ("payment", "qbo", "wait", None, "Riverside Prosthodontics", "410.00", None, None),
    ("payment", "lms", "create", None, "Riverside Prosthodontics", "95.00", None, None),
)  # fmt: skip


def _preview(connection: psycopg.Connection, lab: int) -> int:
    """A preview of a first sync."""
    row = connection.execute(
        "insert into qbo_sync.preview (realm_id, billing_lab_id, dag_id, run_id, calls, unchanged)"
        " select realm_id, billing_lab_id, 'sync_preview', 'scene', 14, 3 from qbo_sync.connection"
        "  where billing_lab_id = %s returning id",
        [lab],
    ).fetchone()
    preview = int(row[0]) if row else 0
    for position, (entity, side, step, number, customer, amount, message, resolution) in enumerate(_PREVIEWED, 1):
        code = None if message is None else "ambiguous_match" if "cannot tell" in message else "customer_not_linked"
        connection.execute(
            "insert into qbo_sync.preview_record (preview_id, position, billing_lab_id, entity, side, step, cause,"
            " lms_id, qbo_id, number, customer, dated, amount, waits_for, error_code, message, resolution)"
            " values (%s, %s, %s, %s, %s, %s, 'new on the other side', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                *(preview, position, lab, entity, side, step),
                *(str(position) if side == "qbo" else None, str(position) if side == "lms" else None),
                *(number, customer, date(2026, 11, 19) if amount else None, amount),
                "invoice INV-20391" if step == "wait" else None,
                *(code, message, resolution),
            ],
        )
    return preview


def _settings_of_the_company(lms: World, company: QuickBooks) -> None:
    company.control(
        "POST",
        f"companies/{company.realm}/preferences",
        {
            "SalesFormsPrefs": {"AutoApplyCredit": True, "CustomTxnNumbers": False},
            "AccountingInfoPrefs": {"BookCloseDate": "2026-03-31"},
        },
    )
    shipping = next(a for a in company.all("Account") if a["Name"] == "Discounts given")
    lms.sql(
        "update qbo_sync.connection set sync_start_date = '2026-04-01', discount_account_id = %s,"
        " hold_invoices = 'days', hold_days = 5 where realm_id = %s",
        shipping["Id"],
        company.realm,
    )


def _errors(connection: psycopg.Connection, labs: Json, company: QuickBooks) -> list[int]:
    # Not to be synced: these records only stand behind the errors.
    as_pipeline(connection)
    account = _id(
        connection,
        "insert into lms.billing_account (name, accounting_structure, email, active)"
        " values ('Cedar Grove Family Dentistry', 'detailed', 'office@cedargrove.example', true) returning id",
    )
    _id(
        connection,
        "insert into lms.billing_account (name, accounting_structure, active)"
        " values ('Park Avenue Dental Associates', 'combined', true) returning id",
    )
    pair = _id(
        connection,
        "insert into lms.doctor_office (billing_account_id, doctor_name, office_name, child_subaccount_name)"
        " values (%s, 'Dr. Priya Raman', 'Cedar Grove', 'Dr. Priya Raman – Cedar Grove') returning id",
        account,
    )
    invoice = _id(
        connection,
        "insert into lms.invoice (billing_lab_id, billing_account_id, doctor_office_id, invoice_number, invoice_date,"
        " memo, subtotal, discount_amount, shipping_amount, tax_amount, total_amount, balance, origin)"
        " values (%s, %s, %s, 'INV-20417', '2026-11-18', 'Remake, shade A2, rush', 1280, 0, 18.5, 0, 1298.5, 1298.5,"
        " 'lms') returning id",
        labs["Bright Dental Lab"],
        account,
        pair,
    )
    plain = [
        ("Bright Dental Lab", "invoice", "lms_to_qbo", invoice, None, "INV-20417", "qbo_6140",
         "Invoice INV-20417 cannot be created in QuickBooks: its number is already used there.",
         "Give the other transaction in QuickBooks a different number. Then choose Retry.",
         {"fault": "Duplicate Document Number Error", "code": "6140", "intuit_tid": "1-6741f0aa-5d0c2f6b7a"}),
        ("Bright Dental Lab", "doctor_office", "lms_to_qbo", pair, None, "Dr. Priya Raman – Cedar Grove", "name_taken",
         "The sub-customer “Dr. Priya Raman – Cedar Grove” cannot be created in QuickBooks: a vendor has this name.",
         "Rename the vendor in QuickBooks, or the pair in Pilot.", {}),
        ("Smile Design Studio", "invoice", "qbo_to_lms", None, "1187", "1042", "customer_not_linked",
         "Invoice 1042 is for the QuickBooks customer “Park Ave. Dental Associates”, who is not linked.",
         "Choose the billing account or pair that this customer is, or ignore the customer for good.",
         {"customer_id": "58", "customer_name": "Park Ave. Dental Associates", "sides": _only_in_quickbooks()}),
        ("Smile Design Studio", "payment", "lms_to_qbo", 77, "1203", None, "qbo_6540",
         "Payment 77 is part of a bank deposit in QuickBooks and cannot be changed.",
         "Remove it from the deposit in QuickBooks. Then choose Retry.", {"code": "6540"}),
        ("Bright Dental Lab", "invoice", "lms_to_qbo", 90417, None, "INV-20388", "qbo_6210",
         "Invoice INV-20388 is dated in a period that is closed in QuickBooks.",
         "Move the closing date in QuickBooks (Account and settings > Advanced). Then choose Retry.", {"code": "6210"}),
        ("Bright Dental Lab", "invoice", "lms_to_qbo", 90431, "1211", "INV-20431", "total_mismatch",
         "Invoice INV-20431 is $1,298.50 in Pilot but $1,383.50 in QuickBooks.",
         "Compare the two invoices line by line (tax and discounts first) and correct the one that is wrong.",
         {"lms_total": 1298.5, "qbo_total": 1383.5, "sides": _two_invoices()}),
        ("Bright Dental Lab", "payment", "lms_to_qbo", 90555, None, None, "possible_duplicate",
         "The payment of $1,298.50 dated 11/21/2026 in Pilot and the payment of $1,298.50 dated 11/23/2026 in"
         " QuickBooks may be the same money: same customer, same amount, and both pay invoice INV-20417. The payment in"
         " Pilot is not sent to QuickBooks until you choose.",
         "Compare the two payments. If it is one payment, choose Link: Pilot keeps one payment, with the date, amount,"
         " and invoices from QuickBooks. If these are two separate payments, choose Keep both: the payment in Pilot is"
         " then sent to QuickBooks, and the one in QuickBooks is added to Pilot if it is not there yet. Or delete the"
         " payment that was entered by mistake.",
         {"qbo_payment_id": "1240", "invoice_numbers": ["INV-20417"], "sides": _two_payments()}),
        ("Bright Dental Lab", "payment", "lms_to_qbo", 90612, "1144", None, "books_closed",
         "The payment of $420.00 dated 03/27/2026 was not changed in QuickBooks: it is dated 03/27/2026, and the books"
         " are closed there through 03/31/2026.",
         "The person who closed the books in QuickBooks decides, usually the bookkeeper or accountant.",
         {"book_close_date": "2026-03-31", "dated": "2026-03-27"}),
    ]  # fmt: skip
    found = []
    for hours, (lab, entity, direction, lms_id, qbo_id, number, code, message, resolution, detail) in enumerate(
        plain, 1
    ):
        seen = datetime.now(UTC) - timedelta(hours=hours * 3, minutes=7)
        found.append(
            _id(
                connection,
                "insert into qbo_sync.sync_error (billing_lab_id, realm_id, entity, direction, operation, lms_id,"
                " qbo_id, document_number, error_code, message, resolution, detail, attempts, first_seen_at,"
                " last_seen_at, retry_at, dag_id, run_id, task_id, record_entity, record_id)"
                " values (%s, %s, %s, %s, 'create', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'load', %s, %s)"
                " returning id",
                labs[lab],
                company.realm,
                entity,
                direction,
                lms_id,
                qbo_id,
                number,
                code,
                message,
                resolution,
                jsonb(detail),
                hours,
                seen - timedelta(days=1),
                seen,
                # Waiting alone does not answer a question.
                None if code == "possible_duplicate" else seen + timedelta(days=30),
                "invoice_lms_to_qbo",
                "scheduled__2026-11-22T08:00:00+00:00",
                entity,
                str(lms_id or qbo_id),
            )
        )
    return found


def _held_invoices(connection: psycopg.Connection, labs: Json, realm: str) -> None:
    """Three invoices that the lab's hold keeps back, as a run has left them."""
    for days, number, total in ((0, "INV-20452", "1140.00"), (1, "INV-20449", "285.50"), (2, "INV-20446", "96.25")):
        invoice = _id(
            connection,
            "insert into lms.invoice (billing_lab_id, billing_account_id, invoice_number, invoice_date, subtotal,"
            " discount_amount, shipping_amount, tax_amount, total_amount, balance, origin)"
            " select %(lab)s, id, %(number)s, (now() at time zone 'UTC')::date - %(days)s::integer, %(total)s, 0, 0, 0,"
            "        %(total)s, %(total)s, 'lms' from lms.billing_account"
            "  where name = 'Park Avenue Dental Associates' order by id desc limit 1 returning id",
            lab=labs["Bright Dental Lab"],
            number=number,
            days=days,
            total=Decimal(total),
        )
        connection.execute(
            "insert into qbo_sync.change_mark (realm_id, direction, entity, record_id, billing_lab_id, attempt_after)"
            " select %s, 'lms_to_qbo', 'invoice', id::text, billing_lab_id,"
            "        qbo_sync.goes_out_at('days', 5, invoice_date) from lms.invoice where id = %s",
            [realm, invoice],
        )


def _held(connection: psycopg.Connection, lab: int, realm: str) -> int:
    """60 invoices of a doctor–office pair that are gone from Pilot and held in QuickBooks; the error's id."""
    pair = connection.execute("select max(id)::text from lms.doctor_office").fetchone()
    assert pair
    for position in range(60):
        lms_id, day = 880_001 + position, date(2026, 11, 20) - timedelta(days=position)
        base = {"number": f"INV-19{position:03}", "date": day.isoformat(), "total": f"{285 + 45.5 * position:.2f}",
                "customer": ["doctor_office", pair[0]]}  # fmt: skip
        connection.execute(
            "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id, base)"
            " values (%s, 'invoice', %s, %s, %s)",
            [realm, lms_id, str(2000 + position), jsonb(base)],
        )
        connection.execute(
            "insert into qbo_sync.change_mark (realm_id, direction, entity, record_id, billing_lab_id,"
            " waits_for_entity, waits_for_id, waits_since)"
            " values (%s, 'lms_to_qbo', 'invoice', %s, %s, 'mass_delete', 'a person', clock_timestamp())",
            [realm, str(lms_id), lab],
        )
    problem = problems.mass_delete_held("invoices", 60, 214, to_quickbooks=True)
    return _id(
        connection,
        "insert into qbo_sync.sync_error (billing_lab_id, realm_id, entity, direction, operation, error_code, message,"
        " resolution, record_entity, record_id) values (%s, %s, 'invoice', 'lms_to_qbo', 'delete', %s, %s, %s,"
        " 'invoice', %s) returning id",
        lab,
        realm,
        problem.code,
        problem.message,
        problem.resolution,
        f"mass_delete of lab {lab}",
    )


def _two_invoices() -> Json:
    """What `detail.sides` has of an invoice to which the bookkeeper added a line, changed a price, and entered a
    payment."""
    crown, guard, model = (
        DocumentLine(
            product=product,
            description=text,
            quantity=Decimal(quantity),
            unit_price=Decimal(price),
            amount=Decimal(sum_),
        )
        for product, text, quantity, price, sum_ in (
            ("Zirconia crown", "#14, shade A2", "4", "285", "1140"),
            ("Night guard", None, "1", "140", "140"),
            ("Digital model", "Upper and lower", "1.5", "30", "45"),
        )
    )
    ours = Document(
        kind="invoice",
        number="INV-20431",
        date=date(2026, 11, 19),
        due_date=date(2026, 12, 19),
        customer="Cedar Grove Family Dentistry: Dr. Priya Raman – Cedar Grove",
        lines=(crown, guard),
        discount=Decimal(0),
        shipping=Decimal("18.50"),
        tax=Decimal(0),
        total=Decimal("1298.50"),
        open_balance=Decimal("1298.50"),
        applied=(),
        memo="Remake, shade A2, rush",
    )
    dearer = replace(guard, unit_price=Decimal(180), amount=Decimal(180))
    paid = Applied(document="Payment of 11/21/2026", amount=Decimal(500))
    theirs = replace(
        ours, customer="Dr. Priya Raman – Cedar Grove", lines=(crown, dearer, model), total=Decimal("1383.50"),
        open_balance=Decimal("883.50"), applied=(paid,),
    )  # fmt: skip
    return {
        "lms": as_detail(ours), "qbo": as_detail(theirs), "differs": differences(ours, theirs, same_customer=True),
        "absent": {}, "qbo_id": "1211", "qbo_version": "3", "as_of": datetime.now(UTC) - timedelta(minutes=25),
    }  # fmt: skip


def _two_payments() -> Json:
    """What `detail.sides` has of a check that was entered on both sides, two days apart."""
    ours = Document(
        kind="payment",
        number=None,
        date=date(2026, 11, 21),
        due_date=None,
        customer="Cedar Grove Family Dentistry",
        lines=(),
        discount=Decimal(0),
        shipping=Decimal(0),
        tax=Decimal(0),
        total=Decimal("1298.50"),
        open_balance=Decimal(0),
        applied=(Applied(document="INV-20417", amount=Decimal("1298.50")),),
        memo=None,
    )
    theirs = replace(ours, date=date(2026, 11, 23))
    return {
        "lms": as_detail(ours), "qbo": as_detail(theirs), "differs": differences(ours, theirs, same_customer=True),
        "absent": {}, "qbo_id": "1240", "qbo_version": "0", "as_of": datetime.now(UTC) - timedelta(minutes=3),
    }  # fmt: skip


def _only_in_quickbooks() -> Json:
    """What `detail.sides` has of an invoice that Pilot does not have."""
    theirs = Document(
        kind="invoice",
        number="1042",
        date=date(2026, 11, 17),
        due_date=date(2026, 12, 17),
        customer="Park Ave. Dental Associates",
        lines=(
            DocumentLine(
                product="Zirconia crown",
                description=None,
                quantity=Decimal(2),
                unit_price=Decimal(285),
                amount=Decimal(570),
            ),
        ),
        total=Decimal(570),
        open_balance=Decimal(370),
        applied=(Applied(document="Payment of 11/20/2026", amount=Decimal(200)),),
    )
    return {
        "lms": None, "qbo": as_detail(theirs), "differs": [], "absent": {"lms": "Not in Pilot yet."},
        "qbo_id": "1187", "qbo_version": "1", "as_of": datetime.now(UTC) - timedelta(minutes=7),
    }  # fmt: skip


def _outcomes(connection: psycopg.Connection, labs: Json, realm: str) -> None:
    chance = random.Random(20417)
    now = datetime.now(UTC)
    for hour in range(24 * 7):
        begun = now - timedelta(hours=hour)
        busy = 14 if 13 <= begun.hour <= 23 and begun.weekday() < 5 else 2
        for _ in range(chance.randint(0, busy)):
            at = begun - timedelta(seconds=chance.randint(0, 3500))
            entity, direction = chance.choice(
                [("invoice", "lms_to_qbo")] * 5 + [("payment", "qbo_to_lms")] * 3 + [("credit", "lms_to_qbo")]
            )
            outcome = "failed" if chance.random() < 0.04 else chance.choice(["created", "created", "updated"])
            lab = labs[chance.choice(["Bright Dental Lab", "Bright Dental Lab", "Smile Design Studio"])]
            connection.execute(
                "insert into qbo_sync.sync_outcome (realm_id, direction, entity, record_id, outcome, dag_id, run_id,"
                " at, marked_at, billing_lab_id) values (%s, %s, %s, %s, %s, %s, 'r', %s, %s, %s)",
                [realm, direction, entity, str(chance.randint(1, 10**6)), outcome, f"{entity}_{direction}", at,
                 at - timedelta(seconds=chance.lognormvariate(2.2, 0.7)), lab],
            )  # fmt: skip
    connection.execute(
        "insert into qbo_sync.api_call (at, realm_id, dag_id, operation, metered, status, duration_ms)"
        " select now() - n * interval '9 minutes', %s, c.dag_id, c.operation, c.operation <> 'batch',"
        "        case when n %% 211 = 0 then 429 else 200 end, 80 + n %% 240 from generate_series(1, 2900) n,"
        "   lateral (select case when n %% 15 = 0 then 'ledger_reconciliation'"
        "                        when n %% 3 = 0 then 'qbo_change_capture' else 'invoice_lms_to_qbo' end as dag_id,"
        "                   case when n %% 15 = 0 or n %% 7 = 0 then 'query' when n %% 3 = 0 then 'cdc'"
        "                        else 'batch' end as operation) c",
        [realm],
    )
    for hour, (dag_id, extracted, failed) in enumerate(
        [("invoice_lms_to_qbo", 42, 1), ("billing_account_lms_to_qbo", 3, 0), ("payment_qbo_to_lms", 17, 0)], 1
    ):
        connection.execute(
            "insert into qbo_sync.sync_run (dag_id, run_id, realm_id, extracted, created, failed, finished_at)"
            " values (%s, %s, %s, %s, %s, %s, now() - %s * interval '25 minutes')",
            [dag_id, f"asset_triggered__{hour}", realm, extracted, extracted - failed, failed, hour],
        )
    _checked(connection, realm)


def _checked(connection: psycopg.Connection, realm: str) -> None:
    """What the first of these runs has checked."""
    between = "expect_column_values_to_be_between(column='%s', max_value=0)"
    rules = [
        {
            "rule": "amounts_are_numbers",
            "expectation": between % "no_numbers",
            "fails_when": "The invoice … has an amount, a price, or a quantity in Pilot that is not a number.",
        },
        {
            "rule": "days_can_be_right",
            "expectation": between % "odd_days",
            "fails_when": "The invoice … has the date … in Pilot or one even further away, which cannot be right.",
        },
    ]
    connection.execute(
        "insert into qbo_sync.validation_suite (id, entity, side, rules) values ('scene', 'invoice', 'qbo', %s)"
        " on conflict do nothing",
        [jsonb(rules)],
    )
    connection.execute(
        "insert into qbo_sync.validation_result"
        " (dag_id, run_id, realm_id, entity, suite_id, checked, set_aside, failed_rules)"
        " values ('invoice_lms_to_qbo', 'asset_triggered__1', %s, 'invoice', 'scene', 42, 1, %s)",
        [realm, jsonb({"days_can_be_right": {"failed": 1, "records": ["4711"]}})],
    )


def _people(connection: psycopg.Connection, labs: Json, realm: str, errors: list[int]) -> None:
    changed = [{"setting": "Start date", "before": "None (all dates)", "after": "04/01/2026"}]
    for days, user, action, lab, error, detail in (
        (3, "olga", "connect", "Smile Design Studio", None, {}),
        (2, "ada", "settings", "Bright Dental Lab", None, {"changes": changed}),
        (
            1,
            "uma",
            "ignore",
            "Bright Dental Lab",
            errors[4],
            {"reason": "Closed year; the accountant books it by hand"},
        ),
    ):
        connection.execute(
            "insert into qbo_sync.page_change (at, user_name, action, billing_lab_id, realm_id, sync_error_id, detail)"
            " values (now() - %s * interval '1 day', %s, %s, %s, %s, %s, %s)",
            [days, user, action, labs[lab], realm, error, jsonb(detail)],
        )
    connection.execute("update qbo_sync.sync_error set status = 'ignored' where id = %s", [errors[4]])


def _proofs(connection: psycopg.Connection, labs: Json, realm: str, errors: list[int]) -> None:
    """Two months' proofs of the shared company: all equal, then with differences of several causes."""
    lab = labs["Bright Dental Lab"]
    for days, state, reads in ((33, "equal", 4), (0, "differs", 2)):
        proof = _id(
            connection,
            "insert into qbo_sync.reconciliation (realm_id, dag_id, run_id, as_of, started_at, finished_at, state,"
            " reads, compared) select %s, 'ledger_reconciliation', %s, current_date - %s, at, at, %s, %s, 1412"
            "  from (select now() - %s * interval '1 day' - interval '2 hours' as at) t returning id",
            realm, f"scheduled__{days}", days, state, reads, days,
        )  # fmt: skip
        differing = state == "differs"
        customers = [
            ("101", "Cedar Grove Family Dentistry", None, 18240, 4410.5, 15 if differing else 0, 2, 1),
            ("102", "Dr. Priya Raman – Cedar Grove", "Cedar Grove Family Dentistry", 9310, 1298.5, 85, 1, 0),
            ("103", "Zahnärzte Müller & Söhne, José Peña, 東京歯科", None, 5120, 880, 0, 0, 0),
            ("104", "Park Avenue Dental Associates", None, 22875.25, 6120.75, 0, 0, 0),
        ]
        for customer, name, parent, invoices, open_, gap, records, unexplained in customers:
            more = gap if differing else 0
            connection.execute(
                "insert into qbo_sync.reconciliation_customer values"
                " (%s, %s, %s, %s, %s, %s, %s, 300, 50, %s, 120, %s, %s, 300, 50, %s, 120, 0, %s, %s)",
                [proof, lab, customer, name, parent, invoices, open_, invoices - open_, invoices + more, open_ + more,
                 invoices - open_, records if differing else 0, unexplained if differing else 0],
            )  # fmt: skip
        for bucket, lms, qbo in (
            ("current", 6210.25, 6295.25), ("1-30", 3120, 3120), ("31-60", 1240.5, 1255.5), ("61-90", 0, 0),
            ("over-90", 1459, 1459),
        ):  # fmt: skip
            connection.execute(
                "insert into qbo_sync.reconciliation_aging values (%s, %s, %s, %s, %s)",
                [proof, lab, bucket, lms, qbo if differing else lms],
            )
        if differing:
            _differences(connection, proof, lab, errors[5])


def _differences(connection: psycopg.Connection, proof: int, lab: int, error: int) -> None:
    plain: list[tuple[Any, ...]] = [
        ("invoice", 1, "1301", "INV-20377", "101", 240, 240, 255, 255, "drift", False,
         "The two sides differ (amount: $240.00 in Pilot, $255.00 in QuickBooks; open: $240.00 in Pilot, $255.00 in"
         " QuickBooks), and nothing that Pilot knows of explains it.",
         "Choose Compare again. If the difference stays, correct the side that is wrong.", "compare", None),
        ("payment", 2, "1302", "4471", "101", 180, 0, 180, 0, "waiting", True, "It changed and has not synced yet.",
         "Nothing. It syncs by itself, and the next comparison shows it.", "compare", None),
        ("invoice", 3, "1211", "INV-20431", "102", 1298.5, 1298.5, 1383.5, 1383.5, "edited", True,
         "Invoice INV-20431 is $1,298.50 in Pilot but $1,383.50 in QuickBooks.",
         "Compare the two invoices line by line (tax and discounts first) and correct the one that is wrong.", None,
         error),
    ]  # fmt: skip
    for entity, lms_id, qbo_id, number, customer, *rest in plain:
        connection.execute(
            "insert into qbo_sync.reconciliation_difference (reconciliation_id, billing_lab_id, entity, lms_id, qbo_id,"
            " number, dated, lms_customer, qbo_customer, lms_amount, lms_open, qbo_amount, qbo_open, cause, explained,"
            " reason, what_to_do, fix, sync_error_id)"
            " values (%s, %s, %s, %s, %s, %s, '2026-11-19', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [proof, lab, entity, lms_id, qbo_id, number, customer, customer, *rest],
        )


def _id(connection: psycopg.Connection, statement: str, *parameters: object, **named: object) -> int:
    found = connection.execute(statement.encode(), named or parameters).fetchone()
    assert found
    return int(found[0])
