"""The traps of the dossier's section 10, and the tests that prove each: in the pipeline, or that the sandbox has it."""

from typing import NamedTuple


class Trap(NamedTuple):
    """One trap. `why`: where no test of the pipeline stands beside the sandbox's, why it cannot meet the trap."""

    what: str
    tests: list[str]
    why: str = ""


_LOST = "recovery.a_lost_answer_makes_no_duplicate_and_no_loss"
_DONE = "traps.a_payment_or_credit_that_was_done_and_then_failed_is_there_once"
_BOXES = "invoices.an_invoiced_case_becomes_an_invoice_with_its_boxes_filled"
_NOT_PUSHED = "matrix_to_quickbooks.an_edit_of_an_invoice_in_the_lms_is_not_pushed"
_SUM = "matrix_to_quickbooks.each_line_is_quantity_times_price_half_up_and_the_discounts_are_one_amount"

TRAPS: dict[int, Trap] = {
    1: Trap("a timed-out create that is retried doubles", [_LOST, _DONE, "sandbox/requestid.byte_identical"]),
    2: Trap("a new request id on each retry", ["write_ahead.a_repeated_request_has_the_same_bytes", _DONE]),
    3: Trap(
        "a batch that times out leaves an unknown subset",
        ["write_ahead.a_lost_batch_with_one_refused_invoice_does_not_stop_the_next_load", _LOST],
    ),
    4: Trap("a requestid that was never sent", ["traps.a_replay_after_a_refreshed_token_keeps_its_requestid"]),
    5: Trap("a pre-check by DocNumber", ["recovery.lost_answers_without_numbers_of_our_own_make_no_duplicate"]),
    6: Trap("10000 and some 6000 are post-then-fail", [_DONE, "sandbox/traps.06_47_post_then_fail"]),
    7: Trap("another requestid after a 401", ["traps.a_replay_after_a_refreshed_token_keeps_its_requestid"]),
    8: Trap(
        "a stale SyncToken in a query",
        [
            "collisions.an_older_version_in_queries_stops_no_change_of_the_lms",
            "switches.the_story_in_another_position",
            "sandbox/traps.08_stale_token_in_a_query",
        ],
    ),
    9: Trap("5010 on inserts", ["traps.a_stale_object_at_a_create_is_tried_again"]),
    10: Trap(
        "paying an invoice bumps its SyncToken",
        ["traps.uninvoicing_what_was_paid_meanwhile_meets_a_new_version_and_ends"],
    ),
    11: Trap("5010 and 6240 put into the wrong class", ["qbo/faults.what_a_fault_leads_to"]),
    12: Trap(
        "a full update clears what is not sent",
        [
            "matrix_to_quickbooks.a_line_of_the_bookkeeper_s_in_the_payment_survives_a_new_application_of_ours",
            "customers.a_move_survives_a_change_by_the_bookkeeper_in_between",
        ],
    ),
    13: Trap(
        "line arrays replace",
        [
            "payments_out.what_the_bookkeeper_linked_beside_ours_stays",
            "matrix_to_quickbooks.a_line_of_the_bookkeeper_s_in_the_payment_survives_a_new_application_of_ours",
        ],
    ),
    14: Trap("payment lines saved one at a time", ["payments_out.amount_and_applications_follow"]),
    15: Trap("the DocNumber in LinkedTxn", ["payments_out.a_payment_settles_its_invoices"]),
    16: Trap(
        "an invoice cannot consume an unapplied payment",
        [
            "matrix_to_quickbooks.an_unapplied_payment_of_the_lms_is_applied_later",
            "matrix_from_quickbooks.an_unapplied_payment_of_quickbooks_is_applied_later",
        ],
    ),
    17: Trap(
        "AutoApplyCredit consumes a new credit memo",
        [
            "credits.a_company_that_applies_credits_by_itself_ends_right",
            "traps.a_credit_that_quickbooks_applies_by_itself_and_that_changes_ends_as_the_lms_says",
            "traps.an_unapplied_payment_that_quickbooks_applies_by_itself_ends_alike_on_both_sides",
        ],
    ),
    18: Trap(
        "a payment in a deposit is frozen",
        [
            "payments_out.a_deposited_payment_that_changes_is_told",
            "traps.a_payment_of_quickbooks_in_a_bank_deposit_follows_nothing_and_is_told",
        ],
    ),
    19: Trap(
        "200 in a closed year, and nothing changed",
        ["traps.a_change_in_a_closed_year_that_quickbooks_answers_and_does_not_do_is_told_until_it_is_done"],
    ),
    20: Trap(
        "deleted objects show in no query",
        [
            "traps.deletions_move_the_cursor_on_and_come_once",
            "capture.a_gap_of_more_than_thirty_days_compares_everything_and_finds_deletions",
        ],
    ),
    21: Trap(
        "deleted stubs that lose their status",
        [
            "traps.deletions_move_the_cursor_on_and_come_once",
            "sandbox/traps.21_stubs_say_status_and_live_ones_do_not",
        ],
    ),
    22: Trap("live objects shown as deleted", ["traps.deletions_move_the_cursor_on_and_come_once"]),
    23: Trap("a cursor made of live rows only", ["traps.deletions_move_the_cursor_on_and_come_once"]),
    24: Trap("the cap of 1000 is shared", ["capture.the_cap_is_shared_and_one_busy_entity_hides_no_other"]),
    25: Trap(
        "a cursor older than 30 days",
        ["capture.a_gap_of_more_than_thirty_days_compares_everything_and_finds_deletions"],
    ),
    26: Trap(
        "a deleted transaction read back is 400 + 610",
        ["traps.a_payment_deleted_in_quickbooks_is_gone_although_no_stub_came"],
    ),
    27: Trap("Pacific times", ["capture.the_hour_that_comes_twice_in_autumn"]),
    28: Trap(
        "tax differs by a cent",
        ["matrix_from_quickbooks.tax_comes_to_the_cent_as_quickbooks_rounds_it"],
    ),
    29: Trap("TotalTax 0 under automated tax", ["traps.automated_sales_tax_gets_no_total_tax_from_us"]),
    30: Trap("DiscountPercent 0 beside an amount", [_BOXES, "sandbox/faults.6000_texts"]),
    31: Trap(
        "a discount above the subtotal in TaxInclusive mode",
        ["sandbox/faults.6000_texts"],
        "US companies have no TaxInclusive mode, and the mode is never sent",
    ),
    32: Trap("two discount lines", [_SUM, "sandbox/faults.10000_two_discounts"]),
    33: Trap(
        "a discount without amount",
        [_BOXES, "sandbox/traps.33_a_discount_without_amount_is_refused_not_dropped"],
    ),
    34: Trap("UnitPrice rounded to cents", [_SUM]),
    35: Trap(
        "echoed lines fail 6070",
        [_NOT_PUSHED, "inbound_invoices.more_decimals_than_the_lms_keeps_do_not_change_the_amount"],
    ),
    36: Trap(
        "DescriptionOnly lines ignore Amount",
        [
            "matrix_from_quickbooks.text_lines_of_the_bookkeeper_are_no_lines_of_the_lms",
            "write_ahead.a_lost_invoice_is_looked_for_among_invoices_with_text_lines",
        ],
    ),
    37: Trap("a field at the wrong level", [_BOXES, "sandbox/faults.2010_has_jacksons_words"]),
    38: Trap(
        "6140 is conditional",
        ["traps.where_numbers_may_repeat_another_invoice_of_the_number_is_not_taken_for_ours"],
    ),
    39: Trap(
        "6140 blocks a queue",
        [
            "invoices.a_number_that_another_invoice_has_is_told_with_its_name_and_heals",
            "write_ahead.a_lost_batch_with_one_refused_invoice_does_not_stop_the_next_load",
        ],
    ),
    40: Trap(
        "an inactive reference without a field name",
        ["invoices.an_inactive_customer_is_named", "traps.an_inactive_customer_stops_a_payment_with_words"],
    ),
    41: Trap(
        "customers cannot be deleted",
        ["matrix_to_quickbooks.an_account_and_a_pair_that_leave_the_lms_keep_their_customers"],
    ),
    42: Trap(
        "names clash across kinds",
        ["customers.a_name_held_by_another_kind_is_told_and_heals", "switches.the_story_in_another_position"],
    ),
    43: Trap("an unescaped apostrophe", [_BOXES, "qbo/faults.apostrophes_and_backslashes_are_escaped"]),
    44: Trap(
        "a missing realm id",
        ["sandbox/gates.missing_realm_is_6000"],
        "a client is made for a company that the database knows by its realm id",
    ),
    45: Trap(
        "two envelopes",
        [
            "qbo/faults.the_gateway_s_envelope_in_lower_case",
            "traps.a_replay_after_a_refreshed_token_keeps_its_requestid",
        ],
    ),
    46: Trap("fault types vary", ["switches.the_story_in_another_position", "sandbox/traps.46_the_fault_type_varies"]),
    47: Trap("120 now and then", ["traps.a_passing_failure_of_quickbooks_is_tried_again_unseen"]),
    48: Trap("the refresh token rotates", ["traps.each_rotated_refresh_token_is_kept"]),
    49: Trap("a refresh with the first token", ["traps.each_rotated_refresh_token_is_kept"]),
    50: Trap(
        "lines vanish from queries",
        [
            "inbound_invoices.an_invoice_whose_lines_vanished_is_not_trusted",
            "collisions.a_paid_invoice_that_loses_its_lines_in_queries_keeps_its_payment",
        ],
    ),
    51: Trap(
        "InvoiceRef on a credit memo is dropped",
        ["credits.its_applications_are_one_payment_of_zero", "sandbox/traps.51_invoice_ref_is_dropped"],
    ),
    52: Trap(
        "the currency of the transaction",
        ["page/check.each_rule"],
        "the LMS knows dollars only; a company of another currency is a finding of the company check",
    ),
    53: Trap(
        "the sync loops without an echo filter",
        [
            "traps.a_payment_is_not_taken_for_ours_by_the_bookkeeper_s_change_of_its_note",
            "capture.what_we_wrote_ourselves_is_not_marked",
        ],
    ),
    54: Trap("the payment's customer differs: 620", ["payments_out.a_link_that_quickbooks_refuses_names_the_invoice"]),
    55: Trap(
        "a 403 that is read as revoked",
        [
            "stopped_midway.a_403_that_does_not_name_the_grant_pauses_nobody",
            "sandbox/traps.55_the_other_environments_company",
            "page/consent.a_grant_for_another_company_replaces_nothing",
        ],
    ),
}
