"""Whom QuickBooks' customers stand for in the LMS."""

from collections.abc import Iterable

import psycopg

from include.model.record import RecordKey
from include.model.staged import Payer


def payers(connection: psycopg.Connection, realm_id: str, customer_ids: Iterable[str]) -> dict[str, Payer]:
    """The billing account or pair behind each QuickBooks customer that is linked."""
    rows = connection.execute(
        "select l.qbo_id, l.entity, l.lms_id, coalesce(a.id, o.billing_account_id), o.id"
        "  from qbo_sync.entity_link l"
        "  left join lms.billing_account a on l.entity = 'billing_account' and a.id = l.lms_id"
        "  left join lms.doctor_office o on l.entity = 'doctor_office' and o.id = l.lms_id"
        " where l.realm_id = %s and l.entity in ('billing_account', 'doctor_office') and l.qbo_id = any(%s)"
        # Not in the LMS any more: as good as not linked. Linked twice: the account.
        "   and coalesce(a.id, o.id) is not null order by l.entity desc",
        [realm_id, sorted(set(customer_ids))],
    )
    return {
        qbo_id: Payer(key=RecordKey(entity, str(lms_id)), billing_account_id=account, doctor_office_id=office)
        for qbo_id, entity, lms_id, account, office in rows
    }
