"""Do both ledgers say the same? Compared through the LMS's tables and QuickBooks' API, record by record."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.support.quickbooks import Json
from tests.support.world import World

ZERO = Decimal(0)

#: These tell that two people changed one record; the version that lost is in them, and both ledgers agree.
TOLD = {"conflict_qbo_kept", "conflict_deleted"}

#: Of the labs that are connected to a company.
OF_THE_COMPANY = "billing_lab_id in (select billing_lab_id from qbo_sync.connection where realm_id = %s)"


def differences(world: World, *, restructured: bool = True) -> list[str]:
    """Each difference between what the company's labs and the company hold, and each sync error that nobody caused.

    `restructured`: an account's structure was changed or a pair moved, so that what was booked before stands on either
    of its customers (rule 2).

    Where QuickBooks rightly refuses a payment or credit (`_refused_rightly`), or has no customer for it, it may
    differ: then the balance of its invoices differs by just that (rule 5: what has not reached
    QuickBooks yet is subtracted), except for those that are voided, of which nothing is open (the same section).
    """
    links: dict[tuple[str, str], list[Json]] = {}
    for link in world.sql("select * from qbo_sync.entity_link where realm_id = %s", world.qbo.realm):
        links.setdefault((link["entity"], link["qbo_id"]), []).append(link)
    found = [f"{key} is linked twice" for key, many in links.items() if len(many) > 1]
    lms_id = {key: many[0]["lms_id"] for key, many in links.items()}
    lms = {entity: _lms_money(world, entity) for entity in ("payment", "credit")}
    qbo = _qbo_money(world, lms_id)
    invoices, bodies = _qbo_invoices(world, lms_id)
    strictly = _whose(world, links, exactly=True)
    whose = _whose(world, links, exactly=False) if restructured else strictly
    refused, moved = set(), set()
    for error in world.errors():
        if error["realm_id"] != world.qbo.realm or error["error_code"] in TOLD:
            continue
        lms_key = str(error["lms_id"]) if error["direction"] == "qbo_to_lms" else error["record_id"]
        key = (error["entity"], lms_key)
        if error["error_code"] == "customer_changed" and key in strictly:
            moved.add(key)
        elif _refused_rightly(world, key, error["error_code"], bodies) or _applied_otherwise(key, error, lms, qbo):
            refused.add(key)
        else:
            found.append(f"{error['error_code']} of {key}: {error['message']}")
    # Only an invoice makes a customer: until then money waits where it is.
    found += [one.words for key, one in whose.items() if key not in moved and (key[0] == "invoice" or one.has_customer)]
    # Only an invoice makes a customer: until then, what else there is for the account waits.
    refused |= {(e, one) for e in lms for one in lms[e].keys() - qbo[e].keys() if not _customer(world, e, one)}
    for entity, record_id in refused:
        ours, theirs = lms[entity].pop(record_id), qbo[entity].pop(record_id, {"applied": {}})
        for invoice in ours["applied"].keys() | theirs["applied"].keys():
            if str(invoice) in invoices and not _voided(bodies[str(invoice)]):
                missing = ours["applied"].get(invoice, ZERO) - theirs["applied"].get(invoice, ZERO)
                invoices[str(invoice)]["balance"] -= missing
    found += _compare("invoice", _lms_invoices(world), invoices)
    for entity in lms:
        found += _compare(entity, lms[entity], qbo[entity])
    return found


def unequal(world: World, *, restructured: bool) -> set[tuple[str, str]]:
    """The records that the two ledgers do not have alike, for whatever reason: (entity, LMS id, or `unlinked` with
    QuickBooks' id). What the ledger proof has to name, found on another way: amount, what is open of an invoice, what a
    payment or credit is applied to, whose it is. Credit memos of the bookkeeper's own are none of them."""
    links: dict[tuple[str, str], list[Json]] = {}
    for link in world.sql("select * from qbo_sync.entity_link where realm_id = %s", world.qbo.realm):
        links.setdefault((link["entity"], link["qbo_id"]), []).append(link)
    lms_id = {key: many[0]["lms_id"] for key, many in links.items()}
    money = _qbo_money(world, lms_id)
    sides = {entity: (_lms_money(world, entity), money[entity]) for entity in money}
    sides["invoice"] = (_lms_invoices(world), _qbo_invoices(world, lms_id)[0])
    found = set(_whose(world, links, exactly=not restructured))
    for entity, (ours, theirs) in sides.items():
        for key in ours.keys() | theirs.keys():
            one, other = (_figures(side.get(key)) for side in (ours, theirs))
            if one != other and (one or other):
                found.add((entity, key))
    return found


def _figures(record: Json | None) -> Any:
    """Amount and open amount, or amount and applications; None where there is no record or no money in it."""
    if record is None:
        return None
    if "applied" in record:
        figures = (record["amount"], {key: amount for key, amount in record["applied"].items() if amount})
    else:
        figures = (record["total"], record["balance"])
    return figures if any(figures) else None


#: The QuickBooks resource of each transaction, and the LMS table.
_TRANSACTIONS = {"invoice": "Invoice", "payment": "Payment", "credit": "CreditMemo"}


@dataclass(frozen=True)
class _Elsewhere:
    """A transaction that stands under another customer in QuickBooks than the LMS says."""

    words: str
    #: Whether QuickBooks has any customer that would be right.
    has_customer: bool


def _whose(
    world: World, links: dict[tuple[str, str], list[Json]], *, exactly: bool
) -> dict[tuple[str, str], _Elsewhere]:
    """The linked transactions that stand under another customer in QuickBooks than the LMS says.

    In the LMS a transaction names an account and perhaps a pair: `exactly` the customer that the account's structure
    says, else the one of either.
    """
    customers = {(entity, many[0]["lms_id"]): qbo_id for (entity, qbo_id), many in links.items()}
    found = {}
    for entity, resource in _TRANSACTIONS.items():
        there = {body["Id"]: body["CustomerRef"]["value"] for body in world.qbo.all(resource) if body["TotalAmt"]}
        rows = world.sql(
            f"select r.id, r.billing_account_id, r.doctor_office_id, a.accounting_structure, l.qbo_id"
            f"  from lms.{entity} r join lms.billing_account a on a.id = r.billing_account_id"
            "   join qbo_sync.entity_link l on l.entity = %s and l.lms_id = r.id and l.realm_id = %s",
            entity,
            world.qbo.realm,
        )
        for row in rows:
            account = customers.get(("billing_account", row["billing_account_id"]))
            pair = customers.get(("doctor_office", row["doctor_office_id"]))
            right = {account, pair}
            if exactly:
                named = row["doctor_office_id"] is not None and row["accounting_structure"] == "detailed"
                right = {pair if named else account}
            # A void has nothing that could be anybody's.
            if there.get(row["qbo_id"]) not in {None, *right}:
                words = f"{entity} {row['id']} is for customer {there[row['qbo_id']]} in QuickBooks, {right} in the LMS"
                found[entity, str(row["id"])] = _Elsewhere(words, has_customer=right != {None})
    return found


def _applied_otherwise(key: tuple[str, str], error: Json, lms: Json, qbo: Json) -> bool:
    """Whether QuickBooks applies a credit otherwise: what changes there does not come back."""
    entity, record_id = key
    if error["error_code"] != "applied_otherwise":
        return False
    ours, theirs = lms[entity].get(record_id), qbo[entity].get(record_id)
    return bool(ours and theirs and ours["applied"] != theirs["applied"])


def _refused_rightly(world: World, key: tuple[str, str], code: str, bodies: dict[str, Json]) -> bool:
    """Whether a payment or credit is one that QuickBooks cannot take: applied to more than is open there, because
    both sides gave it away or the invoice was voided, or to an invoice that stands under another customer, because the
    account or the invoice has changed."""
    entity, record_id = key
    if entity not in ("payment", "credit") or code not in ("qbo_620", "qbo_6000"):
        return False
    applied = world.sql(
        f"select i.id, i.balance from lms.{entity}_application a join lms.invoice i on i.id = a.invoice_id"
        f" where a.{entity}_id = %s",
        int(record_id),
    )
    customer = _booked_on(world, entity, record_id) or _customer(world, entity, record_id)
    there = [bodies[str(one["id"])] for one in applied if str(one["id"]) in bodies]
    return any(one["balance"] < 0 for one in applied) or any(
        _voided(body) or body["CustomerRef"]["value"] != customer for body in there
    )


def _booked_on(world: World, entity: str, record_id: str) -> str | None:
    """The QuickBooks customer under whom a payment or credit stands there."""
    link = world.link(entity, int(record_id))
    if link is None:
        return None
    resource = _TRANSACTIONS[entity]
    body = world.qbo.call(f"{resource.lower()}/{link['qbo_id']}").get(resource)
    return body["CustomerRef"]["value"] if body else None


def _voided(invoice: Json) -> bool:
    return invoice["TotalAmt"] == 0 and str(invoice.get("PrivateNote", "")).startswith("Voided")


def _customer(world: World, entity: str, record_id: str) -> str | None:
    """The QuickBooks customer of a payment or credit (rule 2), if there is one yet."""
    return world.value(
        "select (select l.qbo_id from qbo_sync.entity_link l where l.realm_id = %s"
        "          and case when b.accounting_structure = 'detailed' and here.accounting_structure = 'detailed'"
        "                   then l.entity = 'doctor_office' and l.lms_id = m.doctor_office_id"
        "                   else l.entity = 'billing_account' and l.lms_id = b.id end)"
        f" from lms.{entity} m left join lms.doctor_office o on o.id = m.doctor_office_id"
        "   left join lms.billing_account here on here.id = o.billing_account_id"
        "   join lms.billing_account b on b.id = m.billing_account_id where m.id = %s",
        world.qbo.realm,
        int(record_id),
    )


def _compare(entity: str, lms: dict[str, Json], qbo: dict[str, Json]) -> list[str]:
    found = [f"{entity} {key} is missing in QuickBooks: {lms[key]}" for key in lms.keys() - qbo.keys()]
    found += [f"{entity} {key} is missing in the LMS: {qbo[key]}" for key in qbo.keys() - lms.keys()]
    for key in lms.keys() & qbo.keys():
        found += [
            f"{entity} {key}: {name} is {lms[key][name]} in the LMS, {qbo[key][name]} in QuickBooks"
            for name in lms[key]
            if lms[key][name] != qbo[key][name] and qbo[key][name] is not None
        ]
    return found


def _lms_invoices(world: World) -> dict[str, Json]:
    return {
        str(row["id"]): {
            "number": row["invoice_number"],
            "date": str(row["invoice_date"]),
            "subtotal": row["subtotal"],
            "discount": row["discount_amount"],
            "shipping": row["shipping_amount"],
            "tax": row["tax_amount"],
            "total": row["total_amount"],
            "balance": row["balance"],
        }
        for row in world.sql(f"select * from lms.invoice where {OF_THE_COMPANY}", world.qbo.realm)
    }


def _qbo_invoices(world: World, lms_id: dict[tuple[str, str], int]) -> tuple[dict[str, Json], dict[str, Json]]:
    """By LMS id: what is compared, and the record as it came."""
    taxes = {item["Id"] for item in world.qbo.all("Item", "WHERE Name = 'Tax'")}
    found, bodies = {}, {}
    for one in world.qbo.all("Invoice"):
        boxes = {"subtotal": ZERO, "discount": ZERO, "shipping": ZERO, "tax": ZERO}
        for line in one["Line"]:
            item = line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value")
            if line["DetailType"] == "DiscountLineDetail":
                boxes["discount"] += line["Amount"]
            elif line["DetailType"] == "SalesItemLineDetail":
                box = "shipping" if item == "SHIPPING_ITEM_ID" else "tax" if item in taxes else "subtotal"
                boxes[box] += line["Amount"]
        boxes["tax"] += one.get("TxnTaxDetail", {}).get("TotalTax", ZERO)
        key = str(lms_id.get(("invoice", one["Id"]), f"unlinked {one['Id']}"))
        bodies[key] = one
        found[key] = {
            # The bookkeeper may have left it out.
            "number": one.get("DocNumber"),
            "date": one["TxnDate"],
            **boxes,
            "total": one["TotalAmt"],
            "balance": one["Balance"],
        }
    return found, bodies


def _lms_money(world: World, table: str) -> dict[str, Json]:
    applied: dict[int, dict[int, Decimal]] = {}
    for row in world.sql(
        f"select m.id, a.invoice_id, a.amount from lms.{table} m join lms.{table}_application a on a.{table}_id = m.id"
        f" where {OF_THE_COMPANY}",
        world.qbo.realm,
    ):
        applied.setdefault(row["id"], {})[row["invoice_id"]] = row["amount"]
    return {
        str(row["id"]): {
            "date": str(row[f"{table}_date"]),
            "amount": row["amount"],
            "applied": applied.get(row["id"], {}),
        }
        for row in world.sql(f"select * from lms.{table} where {OF_THE_COMPANY}", world.qbo.realm)
    }


def _qbo_money(world: World, lms_id: dict[tuple[str, str], int]) -> dict[str, dict[str, Json]]:
    """Payments and credits by LMS id. The payments without money that join credit memos to invoices are none: ours tell
    what a credit is applied to, those of the bookkeeper concern QuickBooks alone, as do the bookkeeper's memos."""
    credit_of = {
        row["qbo_id"]: str(row["credit_id"])
        for row in world.sql(
            "select qbo_id, credit_id from qbo_sync.credit_application_link where realm_id = %s", world.qbo.realm
        )
    }
    payments = world.qbo.all("Payment")
    applied = {credit_of[one["Id"]]: _invoices(one, lms_id) for one in payments if one["Id"] in credit_of}
    found: dict[str, dict[str, Json]] = {"payment": {}, "credit": {}}
    for one in payments:
        without_money = one["TotalAmt"] == 0 and ("payment", one["Id"]) not in lms_id
        if one["Id"] not in credit_of and not without_money:
            key = str(lms_id.get(("payment", one["Id"]), f"unlinked {one['Id']}"))
            found["payment"][key] = _money(one, _invoices(one, lms_id))
    for one in world.qbo.all("CreditMemo"):
        if ("credit", one["Id"]) in lms_id:
            key = str(lms_id["credit", one["Id"]])
            found["credit"][key] = _money(one, applied.get(key, {}))
    return found


def _money(record: Json, applied: dict[int, Decimal]) -> Json:
    return {"date": record["TxnDate"], "amount": record["TotalAmt"], "applied": applied}


def _invoices(payment: Json, lms_id: dict[tuple[str, str], int]) -> dict[int, Decimal]:
    """What the payment's lines apply to invoices: LMS invoice (or what is wrong) → amount."""
    applied: dict[int, Decimal] = {}
    for line in payment.get("Line", []):
        for linked in line.get("LinkedTxn", []):
            if linked["TxnType"] == "Invoice":
                applied[lms_id.get(("invoice", linked["TxnId"]), -int(linked["TxnId"]))] = line["Amount"]
    return applied
