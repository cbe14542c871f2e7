"""Names and numbers as both sides can compare them."""

import unicodedata
from collections.abc import Collection

import psycopg

from include.model.record import RecordKey
from include.model.staged import LmsName


def clean(name: str) -> str:
    """Without blanks around it, for QuickBooks trims them; and with each accent in one character (Unicode's NFC), as
    keyboards type it: exports and macOS have them apart, and what looks the same would be there twice."""
    return unicodedata.normalize("NFC", name.strip())


def read_names(connection: psycopg.Connection, keys: Collection[RecordKey]) -> dict[RecordKey, LmsName]:
    """Accounts, pairs and products by the names that people know them by; a special item's id is its name."""
    found = {key: LmsName(key=key, name=key.id) for key in keys}
    stored = [key for key in keys if key.entity != "special_item"]
    rows = connection.execute(
        "select w.entity, w.id::text, coalesce(a.name, o.child_subaccount_name, p.name), above.name"
        "  from unnest(%s::text[], %s::bigint[]) as w (entity, id)"
        "  left join lms.billing_account a on w.entity = 'billing_account' and a.id = w.id"
        "  left join lms.doctor_office o on w.entity = 'doctor_office' and o.id = w.id"
        "  left join lms.billing_account above on above.id = o.billing_account_id"
        "  left join lms.product p on w.entity = 'product' and p.id = w.id",
        [[key.entity for key in stored], [key.id for key in stored]],
    )
    for entity, id_, name, account in rows:
        key = RecordKey(entity, id_)
        found[key] = LmsName(key=key, name=clean(name or id_), account=clean(account) if account else None)
    return found
