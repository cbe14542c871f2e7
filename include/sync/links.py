"""Links: which LMS record is which QuickBooks record, and the base they last agreed on."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import psycopg

from include.lms.database import jsonb
from include.model.record import Entity, RecordKey
from include.model.staged import StagedRecord, Version
from include.model.typed_json import base_of

log = logging.getLogger(__name__)

#: Records that a dry run (dry_run.py) would create are linked under ids that neither side gives: QuickBooks' are
#: far smaller numbers, and those of the LMS positive ones. Such a link is never committed.
_FIRST_PROVISIONAL = 10**15


def provisional_qbo_id(number: int) -> str:
    """The id under which a record is linked that QuickBooks does not have yet; `number` counts from 0."""
    return str(_FIRST_PROVISIONAL + number)


def provisional_lms_id(number: int) -> str:
    """As above, for one that the LMS does not have yet."""
    return str(-1 - number)


def is_provisional(qbo_id: str) -> bool:
    """Whether QuickBooks does not have it yet."""
    return qbo_id.isdigit() and int(qbo_id) >= _FIRST_PROVISIONAL


def qbo_ids(connection: psycopg.Connection, realm_id: str, keys: Iterable[RecordKey]) -> dict[RecordKey, str]:
    """The QuickBooks ids of those of the records that are linked."""
    wanted = set(keys)
    rows = connection.execute(
        # one look-up for each: as a join it may read all links
        "select entity, id, (select qbo_id from qbo_sync.linked_record l"
        "                     where l.realm_id = %s and l.entity = wanted.entity and l.record_id = wanted.id)"
        "  from unnest(%s::text[], %s::text[]) as wanted (entity, id)",
        [realm_id, [key.entity for key in wanted], [key.id for key in wanted]],
    )
    return {RecordKey(entity, record_id): qbo_id for entity, record_id, qbo_id in rows if qbo_id is not None}


def bases(connection: psycopg.Connection, realm_id: str, entity: Entity, ids: Sequence[str]) -> dict[str, Any]:
    """What was agreed on of those of the records that are linked, by LMS id; without those that were linked by hand."""
    rows = connection.execute(
        "select record_id, base from qbo_sync.linked_record"
        " where realm_id = %s and entity = %s and record_id = any(%s)",
        [realm_id, entity, list(ids)],
    )
    found = ((record_id, readable_base(entity, record_id, base)) for record_id, base in rows)
    return {record_id: base for record_id, base in found if base is not None}


def readable_base(entity: Entity, record_id: str, stored: Any) -> Any:
    """What was agreed on; None where somebody has written a base by hand that is none: as if linked by hand."""
    try:
        return base_of(entity, stored)
    except msgspec.ValidationError as error:
        log.warning("the base of %s %s is not one: %s", entity, record_id, error)
        return None


def linked_ids(connection: psycopg.Connection, realm_id: str, entities: Iterable[str], ids: Iterable[str]) -> set[str]:
    """Which of these QuickBooks ids belong to a link of one of the entities."""
    rows = connection.execute(
        "select qbo_id from qbo_sync.linked_record where realm_id = %s and entity = any(%s) and qbo_id = any(%s)",
        [realm_id, list(entities), list(ids)],
    )
    return {qbo_id for (qbo_id,) in rows}


def keys_of(
    connection: psycopg.Connection, realm_id: str, entities: Iterable[str], ids: Iterable[str]
) -> dict[str, RecordKey]:
    """The records of these entities that the QuickBooks ids are linked to, by QuickBooks id."""
    rows = connection.execute(
        "select qbo_id, entity, record_id from qbo_sync.linked_record"
        " where realm_id = %s and entity = any(%s) and qbo_id = any(%s)",
        [realm_id, list(entities), list(ids)],
    )
    return {qbo_id: RecordKey(entity, record_id) for qbo_id, entity, record_id in rows}


def orphaned_ids(
    connection: psycopg.Connection, realm_id: str, entities: Iterable[str], ids: Iterable[str]
) -> set[str]:
    """Which of these QuickBooks ids belong to a link of one of the entities whose record was deleted on either side."""
    rows = connection.execute(
        "select qbo_id from qbo_sync.orphaned_link where realm_id = %s and entity = any(%s) and qbo_id = any(%s)",
        [realm_id, list(entities), list(ids)],
    )
    return {qbo_id for (qbo_id,) in rows}


def store(
    connection: psycopg.Connection,
    realm_id: str,
    key: RecordKey,
    qbo_id: str,
    base: Any,
    sync_token: str | None,
) -> None:
    """Make or renew a link with its base (a dataclass of the model), in the caller's transaction."""
    if key.entity == "special_item":
        connection.execute(
            "insert into qbo_sync.special_item (realm_id, name, qbo_id) values (%s, %s, %s)"
            " on conflict (realm_id, name) do update set qbo_id = excluded.qbo_id",
            [realm_id, key.id, qbo_id],
        )
    elif key.entity == "credit_application":
        connection.execute(
            "insert into qbo_sync.credit_application_link as l (realm_id, credit_id, qbo_id, base, sync_token)"
            " values (%s, %s, %s, %s, %s) on conflict (realm_id, credit_id) do update"
            " set qbo_id = excluded.qbo_id, base = excluded.base, sync_token = excluded.sync_token,"
            "     version = l.version + 1, updated_at = clock_timestamp()",
            [realm_id, int(key.id), qbo_id, jsonb(base), sync_token],
        )
    else:
        connection.execute(
            "insert into qbo_sync.entity_link as l (realm_id, entity, lms_id, qbo_id, base, sync_token)"
            " values (%s, %s, %s, %s, %s, %s) on conflict (realm_id, entity, lms_id) do update"
            " set qbo_id = excluded.qbo_id, base = excluded.base, sync_token = excluded.sync_token,"
            "     version = l.version + 1, updated_at = clock_timestamp()",
            [realm_id, key.entity, int(key.id), qbo_id, jsonb(base), sync_token],
        )


def renew_token(connection: psycopg.Connection, realm_id: str, key: RecordKey, sync_token: str) -> None:
    """QuickBooks has a newer version of the record: the next plan is made on that."""
    if key.entity == "credit_application":
        connection.execute(
            "update qbo_sync.credit_application_link set sync_token = %s, version = version + 1"
            " where realm_id = %s and credit_id = %s",
            [sync_token, realm_id, int(key.id)],
        )
        return
    connection.execute(
        "update qbo_sync.entity_link set sync_token = %s, version = version + 1, updated_at = clock_timestamp()"
        " where realm_id = %s and entity = %s and lms_id = %s",
        [sync_token, realm_id, key.entity, int(key.id)],
    )


def forget_version(connection: psycopg.Connection, realm_id: str, key: RecordKey) -> None:
    """QuickBooks' version of a linked invoice or payment was left alone, and the link may know it all the same (our
    own create was found done with what the bookkeeper did to it): it is no echo when everything is compared again."""
    connection.execute(
        "update qbo_sync.entity_link set sync_token = null, version = version + 1, updated_at = clock_timestamp()"
        " where realm_id = %s and entity = %s and lms_id = %s and sync_token is not null",
        [realm_id, key.entity, int(key.id)],
    )


def remove(connection: psycopg.Connection, realm_id: str, key: RecordKey) -> None:
    """The record is deleted on both sides."""
    if key.entity == "credit_application":
        connection.execute(
            "delete from qbo_sync.credit_application_link where realm_id = %s and credit_id = %s",
            [realm_id, int(key.id)],
        )
        return
    connection.execute(
        "delete from qbo_sync.entity_link where realm_id = %s and entity = %s and lms_id = %s",
        [realm_id, key.entity, int(key.id)],
    )


def lms_ids(connection: psycopg.Connection, realm_id: str, entity: str, ids: Iterable[str]) -> dict[str, str]:
    """The LMS ids of those of the QuickBooks records that are linked as this entity, by QuickBooks id."""
    rows = connection.execute(
        "select qbo_id, record_id from qbo_sync.linked_record where realm_id = %s and entity = %s and qbo_id = any(%s)",
        [realm_id, entity, list(ids)],
    )
    return dict(rows.fetchall())


def version_of(record: StagedRecord[Any, Any, Any, Any]) -> Version:
    """The QuickBooks record behind a linked one, in the latest version that we know. Raises RuntimeError."""
    if record.link is None:
        raise RuntimeError(f"{record.entity} {record.record_id} is not linked")
    token = record.fetched.sync_token if record.fetched else record.link.sync_token
    return Version(qbo_id=record.link.qbo_id, sync_token=str(token))
