"""QuickBooks' present version of linked records, as far as its queries can be believed."""

from collections.abc import Callable, Sequence
from typing import Any

from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync.staging import StagedRecord

Json = dict[str, Any]


def read_present(
    client: QboClient,
    resource: str,
    records: Sequence[StagedRecord],
    *,
    also: str = "",
    has_lost_its_lines: Callable[[Json], bool] = lambda body: False,
) -> list[tuple[StagedRecord, Json]]:
    """Each linked record that QuickBooks has, with its body.

    Queries have been seen to show an older version (trap 8) or no lines (trap 50): then the one record is read.
    """
    by_id = {record.link["qbo_id"]: record for record in records if record.link}
    found = []
    for body in client.find(resource, "Id", list(by_id), also=also):
        record = by_id[body["Id"]]
        older = int(body["SyncToken"]) < int((record.link or {})["sync_token"] or 0)
        whole = client.read(resource, body["Id"]) if older or has_lost_its_lines(body) else body
        found.append((record, body if isinstance(whole, Fault) else whole))
    return found
