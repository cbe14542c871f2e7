"""The assets that join the DAGs: what wakes them, and what they announce."""

from airflow.sdk import Asset, AssetWatcher

from include.orchestration.lms_trigger import LmsChangeTrigger
from include.orchestration.qbo_trigger import QboChangeTrigger
from include.sync.flows import FLOWS


def _changes(uri: str, dag_id: str) -> Asset:
    """Updated by the event trigger when there are changes that this DAG has to look at: of the LMS, or those that the
    change capture has marked."""
    flow = FLOWS[dag_id]
    trigger = LmsChangeTrigger(
        dag_id=dag_id, direction=flow.direction, entities=list(flow.names), after=list(flow.after)
    )
    name = uri.rpartition("/")[2]
    return Asset(name=name, uri=uri, watchers=[AssetWatcher(name=f"{name}_watcher", trigger=trigger)])


LMS_CUSTOMER_CHANGES = _changes("lms://pilot/lms_customer_changes", "billing_account_lms_to_qbo")
LMS_PRODUCT_CHANGES = _changes("lms://pilot/lms_product_changes", "product_lms_to_qbo")
LMS_INVOICE_CHANGES = _changes("lms://pilot/lms_invoice_changes", "invoice_lms_to_qbo")
LMS_CREDIT_CHANGES = _changes("lms://pilot/lms_credit_changes", "credit_lms_to_qbo")
LMS_PAYMENT_CHANGES = _changes("lms://pilot/lms_payment_changes", "payment_lms_to_qbo")

QBO_INVOICE_CHANGES = _changes("quickbooks://online/qbo_invoice_changes", "invoice_qbo_to_lms")
QBO_PAYMENT_CHANGES = _changes("quickbooks://online/qbo_payment_changes", "payment_qbo_to_lms")

#: Updated when QuickBooks says by webhook that a company has changed.
QBO_WEBHOOK_EVENTS = Asset(
    name="qbo_webhook_events",
    uri="quickbooks://online/webhook_events",
    watchers=[AssetWatcher(name="qbo_webhook_events_watcher", trigger=QboChangeTrigger())],
)

QBO_CUSTOMERS = Asset(name="qbo_customers", uri="quickbooks://online/customers")
QBO_ITEMS = Asset(name="qbo_items", uri="quickbooks://online/items")
QBO_INVOICES = Asset(name="qbo_invoices", uri="quickbooks://online/invoices")
QBO_CREDITS = Asset(name="qbo_credits", uri="quickbooks://online/credits")
QBO_PAYMENTS = Asset(name="qbo_payments", uri="quickbooks://online/payments")
LMS_INVOICES = Asset(name="lms_invoices", uri="lms://pilot/invoices")
LMS_PAYMENTS = Asset(name="lms_payments", uri="lms://pilot/payments")
