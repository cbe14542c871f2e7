"""The application's faults, body by body (facts 8.1, 8.4)."""

from __future__ import annotations

from typing import Any


class Fault(Exception):
    """A fault in the application's own envelope: `{"Fault": {"Error": […], "type": …}, "time": …}`."""

    def __init__(
        self,
        code: str,
        message: str,
        detail: str,
        element: str | None = "",
        kind: str = "ValidationFault",
        status: int = 400,
    ) -> None:
        super().__init__(f"{code} {message}: {detail}")
        self.code, self.message, self.detail, self.element = code, message, detail, element
        self.kind, self.status = kind, status

    def with_detail(self, detail: str) -> Fault:
        """The same with another detail."""
        self.detail = detail
        return self

    def member(self) -> dict[str, Any]:
        """What stands under `Fault`, also inside a batch item."""
        error: dict[str, Any] = {"Message": self.message, "Detail": self.detail, "code": self.code}
        if self.element is not None:
            error["element"] = self.element
        return {"Error": [error], "type": self.kind}


INACTIVE = (
    "Something you're trying to use has been made inactive. "
    "Check the fields with accounts, customers, items, vendors or employees."
)


def unsupported(what: str) -> Fault:
    """500 Unsupported Operation."""
    return Fault("500", "Unsupported Operation", f"Operation {what} is not supported.", None)


def malformed_bytes() -> Fault:
    """Bytes that are no UTF-8 (fact 2.5)."""
    return Fault(
        "500",
        "Unsupported Operation",
        "Operation MalformedByteSequenceException: Invalid byte 1 of 1-byte UTF-8 sequence. is not supported.",
        None,
    )


def not_found() -> Fault:
    """610 for a record that never was, or a reference that is inactive."""
    return Fault("610", "Object Not Found", f"Object Not Found : {INACTIVE}")


def deleted_transaction() -> Fault:
    """610 for a transaction that was deleted."""
    return Fault("610", "Object Not Found", "Object Not Found : Another user has deleted this transaction.")


def cannot_link(element: str) -> Fault:
    """620: the linked transaction is another customer's, or not of a kind that can be linked."""
    return Fault(
        "620",
        "Transaction cannot be linked",
        "TxnID cannot be linked : This transaction can't be linked. Make sure that it belongs to the same "
        "customer and is still open.",
        element,
    )


def cannot_delete(detail: str) -> Fault:
    """800: something depends on the record."""
    return Fault("800", "Cannot delete object", f"Cannot delete object : {detail}")


def throttled_item() -> Fault:
    """3001 inside a batch whose own status is 200 (fact 3.2)."""
    text = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    return Fault("3001", text, "The request limit was reached.  Try again later", None, "SERVICE")


def batch_too_big(limit: int) -> Fault:
    """1040."""
    return Fault(
        "1040", "Batch size exceeds allowed limit", f"The maximum batch size is {limit}. Reduce the batch size.", None
    )


def content_type(got: str) -> Fault:
    """1050."""
    return Fault("1050", "Invalid Content Type", f"Content type {got} is not supported.", None)


def unsupported_property(field: str, java_class: str, known: list[str]) -> Fault:
    """2010 with Jackson's own words: a field that does not exist at this level."""
    listed = '", "'.join(known)
    return Fault(
        "2010",
        "Request has invalid or unsupported property",
        f'Property Name:Unrecognized field "{field}" (class com.intuit.schema.finance.v3.{java_class}), '
        f'not marked as ignorable ({len(known)} known properties: "{listed}"]) '
        "specified is unsupported or invalid",
        None,
    )


def unparsable() -> Fault:
    """2010 for a body that is no JSON object."""
    return Fault(
        "2010",
        "Request has invalid or unsupported property",
        "Property Name:failed to parse json object; a property specified is unsupported or invalid",
        None,
    )


def missing(field: str) -> Fault:
    """2020."""
    return Fault(
        "2020",
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {field} is missing in the request",
        field,
    )


def invalid_id(value: object) -> Fault:
    """2030."""
    return Fault("2030", "Invalid ID", f"Id should be a valid number. Supplied value:{value}", "Id")


def bad_characters(field: str) -> Fault:
    """2040: a colon, tab or line break in a name."""
    return Fault(
        "2040",
        "Invalid String. The string contains invalid characters",
        "Element contains invalid characters",
        field,
    )


def bad_length(field: str, low: int, high: int, got: int) -> Fault:
    """2050."""
    return Fault(
        "2050",
        "String length is either shorter or longer than supported by specification",
        f"String length specified does not match the supported length. Min:{low} Max:{high} supported. "
        f"Supplied length:{got}",
        field,
    )


def bad_date(field: str, value: object) -> Fault:
    """2060/2070: not a date in form, or no date of the calendar."""
    text = str(value)
    if len(text) >= 10 and text[4:5] == "-" and text[7:8] == "-":
        return Fault("2070", "Invalid Date", f"Invalid Date : {text}", field)
    return Fault("2060", "Invalid Date Format", f"Invalid Date Format : {text}", field)


def bad_number(field: str, value: object) -> Fault:
    """2090."""
    return Fault("2090", "Invalid Number", f"Invalid Number : {value}", field)


def bad_request_id() -> Fault:
    """2130 (fact 2.4)."""
    return Fault("2130", "Invalid Request Id Format", "Invalid Request Id Format", None)


def bad_enumeration(field: str, value: object) -> Fault:
    """2170."""
    return Fault("2170", "Invalid Enumeration", f"Invalid Enumeration : {value}", field)


def bad_email(field: str, value: object) -> Fault:
    """2210."""
    return Fault(
        "2210",
        "Invalid Email Address format",
        f"Email Address does not conform to the syntax rules of RFC 822. Supplied value:{value}",
        field,
    )


def bad_boolean(field: str, value: object) -> Fault:
    """2230."""
    return Fault("2230", "Invalid Boolean", f"Invalid Boolean : {value}", field)


def negative_number(field: str, value: object) -> Fault:
    """2240."""
    return Fault("2240", "Invalid Number Range", f"Invalid Number Range : {value}", field)


def bad_reference(family: str, value: object, element: str = "") -> Fault:
    """2500 for an id that nothing has."""
    return Fault(
        "2500", "Invalid Reference Id", f"Invalid Reference Id : {family} element id {value} not found", element
    )


def inactive_reference(fields: str, element: str = "") -> Fault:
    """2500 for an id whose record has been made inactive."""
    return Fault(
        "2500",
        "Invalid Reference Id",
        f"Invalid Reference Id : Something you're trying to use has been made inactive. "
        f"Check the fields with {fields}.",
        element,
    )


def query_syntax(detail: str) -> Fault:
    """4000, without the member `element` (fact 8.4)."""
    return Fault("4000", "Error parsing query", f"QueryParserError: {detail}", None)


def query_invalid(detail: str) -> Fault:
    """4001."""
    return Fault("4001", "Invalid query", f"QueryValidationError: {detail}", None)


def stale(user: str) -> Fault:
    """5010: the SyncToken is not the current one."""
    return Fault(
        "5010",
        "Stale Object Error",
        f"Stale Object Error : You and {user} were working on this at the same time. "
        f"{user} finished before you did, so your work was not saved.",
    )


def business(text: str) -> Fault:
    """6000, the catch-all."""
    return Fault(
        "6000",
        "A business validation error has occurred while processing your request",
        f"Business Validation Error: {text}",
    )


def wrong_amount(supplied: str) -> Fault:
    """6070: Amount is not Qty times UnitPrice."""
    return Fault(
        "6070",
        "Amount calculation incorrect in the request.",
        f"Amount is not equal to UnitPrice * Qty. Supplied value:{supplied}",
        "Line.Amount",
    )


def duplicate_number(number: str, kind: str, txn_id: str) -> Fault:
    """6140 names the transaction that has the number."""
    return Fault(
        "6140",
        "Duplicate Document Number Error",
        "Duplicate Document Number Error : You must specify a different number. This number has already been used. "
        f"DocNumber={number} is assigned to TxnType={kind} with TxnId={txn_id}",
    )


def duplicate_name(holder_id: str) -> Fault:
    """6240 over customers, vendors and employees."""
    return Fault(
        "6240",
        "Duplicate Name Exists Error",
        "The name supplied already exists. : Another customer, vendor or employee is already using this name. "
        f"Please use a different name. Id={holder_id}",
    )


def period_closed() -> Fault:
    """6210: dated on or before the company's closing date."""
    return Fault(
        "6210",
        "Account Period Closed, Cannot Update Through Services API",
        "The account period has closed and the account books cannot be updated through the QBO Services API. "
        "Please use the QBO website to make these changes.",
    )


def deposited() -> Fault:
    """6540: swept into a bank deposit."""
    return Fault(
        "6540",
        "Deposited Transaction cannot be changed",
        "This transaction has been deposited. If you want to change or delete it, you must edit the deposit "
        "it appears on and remove it first",
    )


def read_only_company() -> Fault:
    """6190: the company's subscription has ended; reads go on working."""
    return Fault(
        "6190",
        "Invalid Company Status Error",
        "Subscription period has ended or canceled or there was a billing problem : You can't add data to "
        "QuickBooks Online Plus because your trial or subscription period ended",
    )


def named(code: str, message: str, detail: str, element: str | None = "") -> Fault:
    """Any other validation fault of the table in fact 8.4."""
    return Fault(code, message, f"{message} : {detail}" if detail else message, element)


def system_failure(detail: str = "System Failure Error: Please try again later.") -> Fault:
    """10000: HTTP 500; the record may exist in spite of it."""
    return Fault(
        "10000",
        "An application error has occurred while processing your request",
        detail,
        "",
        "SystemFault",
        500,
    )
