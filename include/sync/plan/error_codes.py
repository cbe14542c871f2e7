"""Every error code for people who look it up: what it means, who acts, what to do, what happens then.

What a single record's error says is made in problems.py, fault_words.py and the expectations; error_catalogue.py prints
both together as docs/errors.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One error code, in the words of a bookkeeper."""

    means: str
    who: str
    to_do: str
    then: str


_IN_QUICKBOOKS = "the bookkeeper, in QuickBooks"
_IN_PILOT = "lab staff, in Pilot"
_EITHER = "the bookkeeper, in QuickBooks, or lab staff, in Pilot"
_ON_THE_PAGE = "lab staff, on the page *QuickBooks Online*"
_ADMINISTRATOR = "an administrator of the QuickBooks company"

_NEXT_CHECK = "The sync tries again after its next check of QuickBooks, within minutes."
_AFTER_QUICKBOOKS = f"After a change in QuickBooks, {_NEXT_CHECK[0].lower()}{_NEXT_CHECK[1:]}"
_ONE_FOR_ALL = (
    "No check of QuickBooks shows when it is over, so after each check the sync tries one record, and once that goes "
    "through, all others."
)
_AT_ONCE = "The change is picked up right away, the record syncs, and the error is resolved."

#: `qbo_…` and `http_…`: all others of that kind, with QuickBooks' own code.
ENTRIES: Mapping[str, Entry] = {
    "validation_failed": Entry(
        means=(
            "The record cannot be correct as it is: a name that is too long or contains a colon, an invoice without "
            "lines, a negative total, a discount that is more than the lines, a payment that is applied for "
            "more than its amount. The message says which; `detail.rule` has the name of the rule. Nothing was written."
        ),
        who="lab staff, in Pilot; for a record that comes from QuickBooks, the bookkeeper there",
        to_do="Correct the record as the message says.",
        then=f"{_AT_ONCE} It is not retried before the record changes.",
    ),
    "name_taken": Entry(
        means=(
            "QuickBooks allows a name only once among customers, sub-customers, vendors, and employees, and once among "
            "products and services. The message says which record already has this name: often the main customer of "
            "the same account (a solo practitioner), the same office name under another account, or a vendor."
        ),
        who=_EITHER,
        to_do=(
            "Rename one of the two. The resolution says which one, and proposes a name that is free in QuickBooks. Or "
            "make the inactive record active again in QuickBooks."
        ),
        then=f"A new name in Pilot is picked up right away. {_AFTER_QUICKBOOKS}",
    ),
    "name_reserved": Entry(
        means=(
            "A product in Pilot is called “Tax” or “Lab Credit” (in upper or lower case). These are the names of the "
            "two items that Pilot keeps in QuickBooks for the taxes on invoices and for credits. If the product used "
            "one of them, nobody could tell a sale from a tax or a credit any more."
        ),
        who=_IN_PILOT,
        to_do="Rename the product. The resolution proposes a name that is free in QuickBooks.",
        then="The product and the invoices that wait for it are sent automatically, and the error is resolved.",
    ),
    "number_taken": Entry(
        means=(
            "An invoice in QuickBooks has a number that another invoice of the lab already has in Pilot, so it cannot "
            "be added to Pilot."
        ),
        who=_IN_QUICKBOOKS,
        to_do="Give the invoice that the message names another number in QuickBooks.",
        then="A change on either side is found by the next check of QuickBooks, and the invoice is added to Pilot.",
    ),
    "ambiguous_match": Entry(
        means=(
            "Several invoices could be this one: same number, customer, date, and total, or the same number with "
            "something different. The sync does not guess."
        ),
        who=_IN_QUICKBOOKS,
        to_do="Delete the duplicate invoices. If they are different invoices, give each one its own number.",
        then=f"A change in Pilot is picked up right away. {_AFTER_QUICKBOOKS}",
    ),
    "customer_not_linked": Entry(
        means=(
            "An invoice or payment in QuickBooks is for a customer that is not linked to a billing account or a "
            "doctor–office pair in Pilot."
        ),
        who=_ON_THE_PAGE,
        to_do="Link the customer there, or ignore the customer permanently.",
        then="When the customer is linked, everything that was waiting for it is synced automatically.",
    ),
    "customer_changed": Entry(
        means=(
            "An invoice or credit is for one customer in Pilot and for another one in QuickBooks, because somebody "
            "changed it on one side. This does not sync by itself: the invoice of a case stays with its billing "
            "account."
        ),
        who=_EITHER,
        to_do="Change the customer on one side so that both match.",
        then="A change on either side is picked up, and the error is resolved once both match.",
    ),
    "inactive_reference": Entry(
        means="The record uses a customer, product, or account that was made inactive in QuickBooks.",
        who=_IN_QUICKBOOKS,
        to_do="Make it active again in QuickBooks.",
        then=_NEXT_CHECK,
    ),
    "books_closed": Entry(
        means=(
            "The invoice, credit, or payment is dated in a period that is closed in QuickBooks, in Pilot or there. It "
            "was not created, changed, or deleted in QuickBooks; nothing was sent. Whatever was done in Pilot stays as "
            "it is, and a record that is already in QuickBooks stays linked. A payment dated after the closing date "
            "may pay an older invoice."
        ),
        who="the person who closed the books in QuickBooks: usually the bookkeeper or accountant",
        to_do=(
            "Decide whether it still belongs in that period. If so, move the closing date back in QuickBooks (Account "
            "and settings > Advanced > Accounting). If not, give it a later date in Pilot (new records), change it "
            "back in Pilot (changed ones), or ignore the error (deleted ones: they stay in QuickBooks)."
        ),
        then=f"A change in Pilot is picked up right away. {_AFTER_QUICKBOOKS}",
    ),
    "total_mismatch": Entry(
        means=(
            "The invoice is in QuickBooks and linked, but QuickBooks calculated a different total. The message shows "
            "both."
        ),
        who="the bookkeeper",
        to_do="Compare the two invoices line by line, tax and discounts first, and correct the one that is wrong.",
        then="The error is resolved when both totals are the same.",
    ),
    "foreign_currency": Entry(
        means=(
            "A customer, invoice or payment in QuickBooks is in another currency than the company's home currency. "
            "Pilot has one currency only."
        ),
        who=_IN_QUICKBOOKS,
        to_do=(
            "Rename the customer, so that another one is created in the home currency; or keep the transaction in "
            "QuickBooks only, and ignore the error."
        ),
        then=f"{_NEXT_CHECK} An ignored error stays ignored.",
    ),
    "applied_to_deleted": Entry(
        means="An invoice or credit memo that a payment or credit is applied to was deleted in QuickBooks.",
        who=_IN_PILOT,
        to_do="Un-invoice the case (or delete the credit) in Pilot too, or apply the money to another invoice.",
        then=_AT_ONCE,
    ),
    "applied_otherwise": Entry(
        means=(
            "Somebody has changed in QuickBooks what a credit from Pilot is applied to. Credits sync from Pilot to "
            "QuickBooks only, so the change did not come to Pilot."
        ),
        who=_EITHER,
        to_do="Apply the credit the same way on both sides, in Pilot or in QuickBooks.",
        then="A change on either side is picked up, and the error is resolved once both match.",
    ),
    "received_with_credit": Entry(
        means=(
            "QuickBooks applies a credit by a payment of $0.00. Somebody has received money in that payment, and it is "
            "not in Pilot."
        ),
        who=_IN_QUICKBOOKS,
        to_do="Enter the money as a payment of its own, and set this one back to $0.00.",
        then=_NEXT_CHECK,
    ),
    "deleted_in_quickbooks": Entry(
        means="The record was changed in Pilot, but somebody has deleted it in QuickBooks.",
        who=_IN_PILOT,
        to_do="Delete it in Pilot too, or enter it again as a new record.",
        then=_AT_ONCE,
    ),
    "conflict_deleted": Entry(
        means=(
            "The record was deleted on one side while it was changed on the other. The delete won; `detail` keeps the "
            "version that lost."
        ),
        who="whoever made the change",
        to_do="If the change was meant to stay, enter it again. Then choose *Ignore* and give a reason.",
        then="The error stays open until somebody ignores it, because nothing is left to retry.",
    ),
    "conflict_qbo_kept": Entry(
        means=(
            "The record was changed on both sides. QuickBooks' version stayed; `detail` keeps the version from Pilot."
        ),
        who="whoever made the change in Pilot",
        to_do="If the change in Pilot was meant to stay, enter it again. Then choose *Ignore* and give a reason.",
        then="The error stays open until somebody ignores it, because nothing is left to retry.",
    ),
    "unsynced_application": Entry(
        means=(
            "Part of a QuickBooks payment is applied to something that Pilot does not have, or a credit memo helps to "
            "pay the same invoices. The rest of the payment was synced."
        ),
        who=_IN_QUICKBOOKS,
        to_do="Apply that part to invoices that Pilot has, or leave it and ignore the error.",
        then="The payment syncs again when it changes in QuickBooks, and when an invoice that it lacked is linked.",
    ),
    "not_taken_over": Entry(
        means="QuickBooks accepted a change of a payment or credit, or a delete, but kept what it had.",
        who=_IN_QUICKBOOKS,
        to_do="Check whether its period is closed, and if so, move the closing date.",
        then=_NEXT_CHECK,
    ),
    "unreadable": Entry(
        means=(
            "QuickBooks does not show one of its own invoices or payments, or shows it in a form that cannot be right, "
            "so it cannot be synced. Other records are not affected."
        ),
        who=_IN_QUICKBOOKS,
        to_do="Open it in QuickBooks and save it again.",
        then=f"{_NEXT_CHECK} If that does not help, ask support and quote the tracking id in the details.",
    ),
    "lookup_refused": Entry(
        means=(
            "Before creating something, the sync asks QuickBooks whether it already has this name or number. QuickBooks"
            " refused the question."
        ),
        who=_IN_PILOT,
        to_do="Remove unusual characters from the name or number in Pilot.",
        then=_AT_ONCE,
    ),
    "refused_by_lms": Entry(
        means="The LMS database refuses what was changed in QuickBooks. The database's own words are in the details.",
        who="support",
        to_do=(
            "Correct the record in QuickBooks if the message says how; otherwise ask support and quote the details."
        ),
        then=f"{_NEXT_CHECK} {_ONE_FOR_ALL}",
    ),
    "mass_delete_held": Entry(
        means=(
            "A run was about to delete or void many records of one kind at once: more than 10 % of the lab's linked "
            "records, and at least 20. A restored backup or an emptied table looks exactly like that, so it stopped "
            "before the first one. Everything else continues."
        ),
        who="somebody who knows whether the deletes are meant",
        to_do=(
            "View the records on the page. If they were deleted on purpose, choose *Delete*, or trigger the DAG with "
            "`release_held`. If not, restore them, or choose *Keep* (`refuse_held`). ([How to do it with "
            "SQL](operations.md#many-deletes-at-once).)"
        ),
        then=(
            "Released, the deletes are carried out. Refused, the records stay where they still are, and are left alone "
            "until they are back. When the records are back, nothing is left to delete. In each case the error is "
            "resolved."
        ),
    ),
    "possible_duplicate": Entry(
        means=(
            "A payment in Pilot and one in QuickBooks have the same customer (a main customer and its "
            "sub-customers count as one) and amount, are at most five days apart, and pay the same invoice, or "
            "an invoice of one of them has more applied to it in Pilot than its total. Perhaps the same check "
            "was entered on both sides. The payment in Pilot is not sent to QuickBooks until somebody chooses."
        ),
        who=_EITHER,
        to_do=(
            "Choose *Link* on the page if it is one payment, *Keep both* if these are two separate payments. Or delete "
            "the payment that was entered by mistake. ([How to do it with SQL](page.md#the-same-check-on-both-sides).)"
        ),
        then=(
            "Linked, Pilot keeps one payment, with the date, amount, and invoices from QuickBooks. Kept, the one "
            "in Pilot is sent to QuickBooks, and the one in QuickBooks is added to Pilot if it is not there yet. "
            "Nothing is doubled or merged before somebody has chosen."
        ),
    ),
    "qbo_6140": Entry(
        means="The invoice number is already used in QuickBooks. The message says by which transaction.",
        who=_IN_QUICKBOOKS,
        to_do="Give the other transaction another number.",
        then=_NEXT_CHECK,
    ),
    "qbo_6240": Entry(
        means=(
            "QuickBooks refuses the name because another record has it, but does not show which one. Where it does, "
            "the error is `name_taken`."
        ),
        who=_EITHER,
        to_do="Look for the name in QuickBooks, among inactive records too, and rename one of the two.",
        then=f"A new name in Pilot is picked up right away. {_AFTER_QUICKBOOKS}",
    ),
    "qbo_620": Entry(
        means="A payment (or credit) and the invoice that it should pay belong to different customers in QuickBooks.",
        who=_EITHER,
        to_do=(
            "In Pilot, give the payment or credit to the invoice's billing account or pair, or apply the money to "
            "another invoice. A payment that is in QuickBooks already can also be given to the invoice's customer "
            "there."
        ),
        then=_NEXT_CHECK,
    ),
    "qbo_6000": Entry(
        means=("QuickBooks rejected the record, usually because more was applied than the invoice's open balance."),
        who=_EITHER,
        to_do=(
            "Compare the open balance of the invoice in QuickBooks with what is applied in Pilot, and correct "
            "the side that is wrong."
        ),
        then=(
            "It is tried again after a minute, because another record may be about to make room, and whenever a check "
            "of QuickBooks finds a change of what it is applied to."
        ),
    ),
    "qbo_610": Entry(
        means="The record refers to something that QuickBooks no longer has.",
        who="the bookkeeper",
        to_do="Check the lab's accounts on the page *QuickBooks Online*, and the record in QuickBooks.",
        then=_NEXT_CHECK,
    ),
    "qbo_2500": Entry(
        means="The record refers to something that QuickBooks no longer has.",
        who="the bookkeeper",
        to_do="Check the lab's accounts on the page *QuickBooks Online*, and the record in QuickBooks.",
        then=_NEXT_CHECK,
    ),
    "qbo_2040": Entry(
        means="A name contains a character that QuickBooks does not accept.",
        who=_IN_PILOT,
        to_do="Remove colons, tabs, and line breaks from it.",
        then=_AT_ONCE,
    ),
    "qbo_2050": Entry(
        means="A text is too long for QuickBooks.",
        who=_IN_PILOT,
        to_do="Shorten it.",
        then=_AT_ONCE,
    ),
    "qbo_2210": Entry(
        means="QuickBooks does not accept the e-mail address.",
        who=_IN_PILOT,
        to_do="Correct the e-mail address.",
        then=_AT_ONCE,
    ),
    "qbo_6070": Entry(
        means="A line's amount is not quantity × price.",
        who=_IN_PILOT,
        to_do="Correct the line.",
        then=_AT_ONCE,
    ),
    "qbo_6200": Entry(
        means="The period is closed in QuickBooks.",
        who=_IN_QUICKBOOKS,
        to_do="Move the closing date (Account and settings > Advanced).",
        then=_NEXT_CHECK,
    ),
    "qbo_6210": Entry(
        means="The period is closed in QuickBooks.",
        who=_IN_QUICKBOOKS,
        to_do="Move the closing date (Account and settings > Advanced).",
        then=_NEXT_CHECK,
    ),
    "qbo_6190": Entry(
        means="The QuickBooks subscription has ended or was not paid: the company is read-only.",
        who=_ADMINISTRATOR,
        to_do="Renew the subscription.",
        then=f"{_NEXT_CHECK} {_ONE_FOR_ALL}",
    ),
    "qbo_6430": Entry(
        means="The lab uses a QuickBooks account of the wrong type.",
        who=_ON_THE_PAGE,
        to_do="Choose other accounts for the lab.",
        then=f"Other accounts are picked up right away. {_AFTER_QUICKBOOKS}",
    ),
    "qbo_6540": Entry(
        means="The payment is already part of a bank deposit in QuickBooks and cannot be changed.",
        who=_IN_QUICKBOOKS,
        to_do="Remove it from the deposit.",
        then=_NEXT_CHECK,
    ),
    "qbo_5020": Entry(
        means="The person who connected QuickBooks is not allowed to do this.",
        who=_ADMINISTRATOR,
        to_do="Reconnect the company as an administrator.",
        then=f"{_NEXT_CHECK} {_ONE_FOR_ALL}",
    ),
    "qbo_5030": Entry(
        means="The QuickBooks subscription does not have a feature that the record needs.",
        who=_ADMINISTRATOR,
        to_do="Upgrade the subscription, or do without the feature.",
        then=f"{_NEXT_CHECK} {_ONE_FOR_ALL}",
    ),
    "qbo_…": Entry(
        means="Any other refusal by QuickBooks, with its fault code. The message quotes QuickBooks.",
        who="the bookkeeper",
        to_do="Do what QuickBooks says, or ask support and quote the tracking id in the details.",
        then=f"{_NEXT_CHECK} {_ONE_FOR_ALL}",
    ),
    "http_…": Entry(
        means="QuickBooks refused without a reason, with this HTTP status.",
        who="support",
        to_do="Ask support and quote the tracking id in the details.",
        then=f"{_NEXT_CHECK} {_ONE_FOR_ALL}",
    ),
}

_ANCHORS = {"qbo_…": "qbo_other", "http_…": "http_other"}


def anchor(code: str) -> str:
    """Where docs/errors.md explains a code, as the part of its address after `#`."""
    if code in ENTRIES:
        return _ANCHORS.get(code, code)
    return "qbo_other" if code.startswith("qbo_") else "http_other"
