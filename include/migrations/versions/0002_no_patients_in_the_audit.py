"""The audit had copied whole cases, patients' names among it: what it keeps of them now stays, the rest goes."""

from alembic import op

revision = "0002_no_patients_in_the_audit"
down_revision = "0001_initial"


def upgrade() -> None:
    """Rows only: the tables stay as they are."""
    op.execute(
        "update qbo_sync.audit_row"
        " set before = case when before is not null"
        "              then jsonb_build_object('id', before -> 'id', 'status', before -> 'status') end,"
        "     after = case when after is not null"
        "             then jsonb_build_object('id', after -> 'id', 'status', after -> 'status') end"
        " where table_name = 'lab_case'"
    )
