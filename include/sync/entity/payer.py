"""Whom QuickBooks' customers stand for in the LMS."""

from collections import defaultdict
from collections.abc import Iterable

import psycopg

from include.model.record import Owner, RecordKey
from include.model.staged import Payer


def payers(connection: psycopg.Connection, realm_id: str, customer_ids: Iterable[str]) -> dict[str, Payer]:
    """The billing account or pair behind each QuickBooks customer that is linked."""
    rows = connection.execute(
        "select l.qbo_id, l.entity, l.lms_id::text, coalesce(a.id, o.billing_account_id)::text, o.id::text"
        "  from qbo_sync.entity_link l"
        "  left join lms.billing_account a on l.entity = 'billing_account' and a.id = l.lms_id"
        "  left join lms.doctor_office o on l.entity = 'doctor_office' and o.id = l.lms_id"
        " where l.realm_id = %s and l.entity in ('billing_account', 'doctor_office') and l.qbo_id = any(%s)"
        # Not in the LMS any more: as good as not linked. Linked twice: the account.
        "   and coalesce(a.id, o.id) is not null order by l.entity",
        [realm_id, sorted(set(customer_ids))],
    )
    found: defaultdict[str, list[tuple[RecordKey, Owner]]] = defaultdict(list)
    for qbo_id, entity, lms_id, account, office in rows:
        found[qbo_id].append((RecordKey(entity, lms_id), Owner(account, office)))
    return {
        qbo_id: Payer(key=ones[0][0], owner=ones[0][1], keys=tuple(key for key, _ in ones))
        for qbo_id, ones in found.items()
    }


def names_of(connection: psycopg.Connection, keys: Iterable[RecordKey]) -> dict[RecordKey, str]:
    """How people know billing accounts and pairs."""
    wanted = sorted(set(keys))
    rows = connection.execute(
        "select 'billing_account', id::text, name from lms.billing_account where id = any(%(accounts)s::bigint[])"
        " union all select 'doctor_office', id::text, child_subaccount_name from lms.doctor_office"
        "  where id = any(%(pairs)s::bigint[])",
        {
            "accounts": [key.id for key in wanted if key.entity == "billing_account"],
            "pairs": [key.id for key in wanted if key.entity == "doctor_office"],
        },
    )
    return {RecordKey(entity, lms_id): name for entity, lms_id, name in rows}
