"""Which test proves which cell of the matrix, which note of the sync rules, and which trap of the dossier.

A test is named `file.name` for tests/sync/test_file.py::test_name, `folder/file.name` for tests in other folders.
tests/sync/test_matrix.py makes sure that each is there and cannot skip itself.
"""

from typing import Literal, NamedTuple

TO_QBO, TO_LMS = "lms_to_qbo", "qbo_to_lms"


class Cell(NamedTuple):
    """One cell: whose record, which way, what happens to it there."""

    entity: Literal["customer", "item", "invoice", "credit", "payment", "shipping", "tax"]
    direction: str
    operation: Literal["create", "update", "delete", "void"]


#: Section 1. What the matrix leaves empty has a test that nothing flows.
CELLS: dict[Cell, list[str]] = {
    Cell("customer", TO_QBO, "create"): [
        "customers.a_combined_account_is_one_customer",
        "customers.a_detailed_account_has_a_sub_customer_for_the_pair_that_is_invoiced",
        "customers.nothing_is_created_before_an_invoice_needs_it",
    ],
    Cell("customer", TO_QBO, "update"): [
        "customers.combined_to_detailed_gives_every_pair_a_sub_customer_and_leaves_old_invoices",
        "customers.detailed_to_combined_sends_new_invoices_to_the_main_customer",
        "customers.a_moved_pair_keeps_its_customer_under_the_new_account",
    ],
    Cell("customer", TO_QBO, "delete"): [
        "matrix_to_quickbooks.an_account_and_a_pair_that_leave_the_lms_keep_their_customers"
    ],
    Cell("customer", TO_LMS, "create"): [
        "matrix_from_quickbooks.what_the_bookkeeper_does_to_customers_stays_in_quickbooks"
    ],
    Cell("customer", TO_LMS, "update"): [
        "matrix_from_quickbooks.what_the_bookkeeper_does_to_customers_stays_in_quickbooks"
    ],
    Cell("customer", TO_LMS, "delete"): [
        "matrix_from_quickbooks.what_the_bookkeeper_does_to_customers_stays_in_quickbooks"
    ],
    Cell("item", TO_QBO, "create"): ["products.a_product_is_created_as_a_service_with_price_and_income_account"],
    Cell("item", TO_QBO, "update"): ["products.changes_of_a_product_are_not_pushed"],
    Cell("item", TO_QBO, "delete"): ["matrix_to_quickbooks.a_product_that_leaves_the_lms_keeps_its_item"],
    Cell("item", TO_LMS, "create"): ["matrix_from_quickbooks.what_the_bookkeeper_does_to_items_stays_in_quickbooks"],
    Cell("item", TO_LMS, "update"): ["matrix_from_quickbooks.what_the_bookkeeper_does_to_items_stays_in_quickbooks"],
    Cell("item", TO_LMS, "delete"): ["matrix_from_quickbooks.what_the_bookkeeper_does_to_items_stays_in_quickbooks"],
    Cell("invoice", TO_QBO, "create"): ["invoices.an_invoiced_case_becomes_an_invoice_with_its_boxes_filled"],
    Cell("invoice", TO_QBO, "update"): ["matrix_to_quickbooks.an_edit_of_an_invoice_in_the_lms_is_not_pushed"],
    Cell("invoice", TO_QBO, "delete"): [
        "invoices.uninvoicing_deletes_it_in_quickbooks",
        "matrix_to_quickbooks.an_invoice_of_quickbooks_that_is_deleted_in_the_lms_goes_there_too",
    ],
    Cell("invoice", TO_LMS, "create"): ["inbound_invoices.an_invoice_made_in_quickbooks_comes_with_all_its_parts"],
    Cell("invoice", TO_LMS, "update"): [
        "inbound_invoices.amounts_follow_and_the_case_never_changes",
        "inbound_invoices.a_payment_in_quickbooks_reaches_the_balance_even_before_the_payment_itself",
    ],
    Cell("invoice", TO_LMS, "delete"): [
        "inbound_invoices.deleted_in_quickbooks_goes_with_its_applications_and_completes_its_case",
        "matrix_from_quickbooks.an_invoice_of_quickbooks_that_is_deleted_there_goes",
    ],
    Cell("invoice", TO_LMS, "void"): [
        "inbound_invoices.a_void_keeps_the_invoice_with_nothing_on_it",
        "matrix_from_quickbooks.a_void_of_an_invoice_of_quickbooks_leaves_it_with_nothing_on_it",
    ],
    Cell("credit", TO_QBO, "create"): ["credits.a_credit_is_a_credit_memo_with_one_line"],
    Cell("credit", TO_QBO, "update"): [
        "credits.the_amount_changes_with_its_applications",
        "credits.applications_change_and_go",
    ],
    Cell("credit", TO_QBO, "delete"): ["credits.a_deleted_credit_deletes_both"],
    Cell("credit", TO_LMS, "create"): [
        "matrix_from_quickbooks.a_credit_memo_of_the_bookkeeper_is_no_credit_of_the_lms"
    ],
    Cell("credit", TO_LMS, "update"): [
        "matrix_from_quickbooks.a_credit_memo_of_ours_that_the_bookkeeper_changes_changes_nothing_in_the_lms"
    ],
    Cell("credit", TO_LMS, "delete"): [
        "matrix_from_quickbooks.a_credit_memo_of_ours_that_the_bookkeeper_deletes_leaves_the_lms_s_credit"
    ],
    Cell("credit", TO_LMS, "void"): [
        "matrix_from_quickbooks.our_application_of_a_credit_that_the_bookkeeper_voids_is_no_payment_of_the_lms"
    ],
    Cell("payment", TO_QBO, "create"): ["payments_out.a_payment_settles_its_invoices"],
    Cell("payment", TO_QBO, "update"): ["payments_out.amount_and_applications_follow"],
    Cell("payment", TO_QBO, "delete"): [
        "payments_out.a_deleted_payment_goes_and_the_invoice_is_open_again",
        "inbound_payments.a_payment_of_quickbooks_that_the_lms_deletes_goes_there",
    ],
    Cell("payment", TO_LMS, "create"): ["inbound_payments.a_payment_comes_with_what_it_settles"],
    Cell("payment", TO_LMS, "update"): [
        "inbound_payments.changed_amount_and_applications_follow",
        "inbound_payments.a_payment_of_the_lms_that_the_bookkeeper_changes_follows_too",
    ],
    Cell("payment", TO_LMS, "delete"): ["inbound_payments.deleted_in_quickbooks_goes_and_gives_the_balance_back"],
    Cell("payment", TO_LMS, "void"): ["inbound_payments.a_void_is_an_update_to_nothing"],
    Cell("shipping", TO_QBO, "create"): ["invoices.an_invoiced_case_becomes_an_invoice_with_its_boxes_filled"],
    Cell("shipping", TO_LMS, "create"): ["inbound_invoices.an_invoice_made_in_quickbooks_comes_with_all_its_parts"],
    Cell("shipping", TO_LMS, "update"): ["inbound_invoices.boxes_that_move_with_the_same_total_follow_too"],
    Cell("tax", TO_QBO, "create"): ["matrix_to_quickbooks.tax_is_a_line_and_nothing_is_taxed_beside_it"],
    Cell("tax", TO_LMS, "create"): [
        "inbound_invoices.an_invoice_made_in_quickbooks_comes_with_all_its_parts",
        "inbound_invoices.sales_tax_of_quickbooks_is_tax",
    ],
    Cell("tax", TO_LMS, "update"): ["inbound_invoices.amounts_follow_and_the_case_never_changes"],
}

#: Section 1, below the matrix: what each setting of a connection decides.
SETTINGS: dict[str, list[str]] = {
    "direction": [
        "matrix_settings.nothing_goes_to_quickbooks_against_the_direction_and_all_of_it_comes_later",
        "matrix_settings.nothing_comes_from_quickbooks_against_the_direction_and_all_of_it_comes_later",
        "matrix_settings.a_payment_that_goes_away_in_quickbooks_comes_back_to_nobody_against_the_direction",
        "inbound_plans.an_invoice_has_a_plan_in_every_state_and_none_against_the_rules",
        "plan/two_way.nothing_is_written_against_the_direction",
    ],
    "sync_invoices": [
        "invoices.switched_off_is_no_error_and_switched_on_catches_up",
        "inbound_invoices.what_is_switched_off_comes_when_it_is_switched_on",
        "matrix_settings.invoices_switched_off_keep_what_is_uninvoiced_or_deleted_meanwhile_for_later",
        "inbound_payments.invoices_switched_off_do_not_hold_payments_back",
    ],
    "sync_credits": ["matrix_settings.credits_switched_off_stay_where_they_are_and_catch_up"],
    "sync_payments": [
        "payments_out.payments_switched_off_stay_where_they_are_and_catch_up",
        "inbound_payments.payments_switched_off_still_reach_the_balance_and_come_later",
        "matrix_settings.payments_switched_off_keep_what_changed_on_both_sides_for_later",
    ],
    "income_account_id": [
        "products.a_product_is_created_as_a_service_with_price_and_income_account",
        "matrix_settings.without_accounts_of_their_own_tax_and_credits_earn_into_the_income_account",
    ],
    "deposit_account_id": ["matrix_settings.payments_go_into_the_deposit_account"],
    "receivable_account_id": ["matrix_settings.the_receivable_account_is_named_on_invoices"],
    "discount_account_id": ["matrix_settings.the_discount_account_is_named_on_the_discount"],
    # QuickBooks has its own shipping account and takes none with an invoice: the setting is compared, not sent.
    "shipping_account_id": ["page/check.each_rule"],
    "tax_account_id": ["products.the_tax_item_is_made_once_and_earns_into_the_tax_account"],
    "credit_account_id": [
        "matrix_to_quickbooks.the_credit_item_is_made_once_earns_into_its_account_and_is_found_again_by_name"
    ],
    "sync_start_date": [
        "invoices.invoices_before_the_start_date_are_left_alone_until_the_date_moves",
        "inbound_invoices.invoices_before_the_start_date_are_left_alone_until_it_moves",
        "matrix_settings.payments_and_credits_dated_before_the_start_stay_in_the_lms_until_it_moves",
        "matrix_settings.payments_of_quickbooks_dated_before_the_start_stay_there_until_it_moves",
        "matrix_settings.what_is_linked_and_older_than_the_start_date_is_left_alone_both_ways",
        "matrix_settings.a_void_of_an_invoice_older_than_the_start_date_is_left_alone",
        "capture.the_comparison_leaves_what_is_dated_before_every_start_date",
    ],
    "receives_qbo_transactions": [
        "matrix_from_quickbooks.a_shared_company_sends_what_is_new_to_the_receiving_lab_and_what_is_known_to_its_own",
        "inbound_invoices.a_realm_without_a_receiving_lab_keeps_what_comes_for_later",
    ],
    "each lab of a company has its own": [
        "matrix_settings.one_lab_s_switches_are_nothing_to_the_other_lab_of_the_company",
        "stopped_midway.of_two_labs_the_one_that_leaves_midway_keeps_its_marks_and_the_other_goes_on",
    ],
    "connected, disconnected, connected again": [
        "change_feed.a_lab_that_is_connected_later_brings_its_earlier_invoices",
        "capture.a_lab_that_is_connected_later_has_everything_compared",
        "stopped_midway.disconnected_between_two_steps_the_run_ends_and_the_marks_stay",
        "stopped_midway.a_task_of_a_disconnected_company_is_skipped_and_not_tried_again",
        "capture.a_company_that_is_not_connected_is_left_alone",
    ],
}
