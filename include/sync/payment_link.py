"""What a person says of two payments that may be the same money (rule 9): they are one. (That they are two is said by
ignoring the error.)"""

import psycopg

from include.sync import marks
from include.sync.customer_link import CannotLink


def link_payment(connection: psycopg.Connection, realm_id: str, lms_id: int, qbo_id: str) -> None:
    """They are one, and QuickBooks' version counts; in the caller's transaction. Raises CannotLink, with the reason.

    A trigger deletes the copy of QuickBooks' payment that had come to the LMS before.
    """
    marks.lock_alone(connection)
    there = connection.execute("select qbo_sync.lock_payment(%s)", [lms_id]).fetchone()
    if there != (True,):
        raise CannotLink("The payment was deleted in Pilot.")
    linked = connection.execute(
        "select l.lms_id, l.qbo_id, p.origin from qbo_sync.entity_link l left join lms.payment p on p.id = l.lms_id"
        " where l.realm_id = %s and l.entity = 'payment' and (l.lms_id = %s or l.qbo_id = %s) for update of l",
        [realm_id, lms_id, qbo_id],
    ).fetchall()
    if any(own == lms_id for own, _, _ in linked):
        raise CannotLink("The payment in Pilot is already linked to a payment in QuickBooks.")
    if any(origin == "lms" for _, _, origin in linked):
        raise CannotLink("The payment in QuickBooks is already linked to another payment that was entered in Pilot.")
    if linked:
        connection.execute(
            "update qbo_sync.entity_link set lms_id = %s where realm_id = %s and entity = 'payment' and qbo_id = %s",
            [lms_id, realm_id, qbo_id],
        )
    else:
        connection.execute(
            "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'payment', %s, %s)",
            [realm_id, lms_id, qbo_id],
        )
