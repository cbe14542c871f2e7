"""The notes of the sync rules, sections 2 to 8, in their own words, and the tests that prove each."""

RULES: dict[str, list[str]] = {
    # ------------------------------------------------------------------ 2. billing accounts → customers
    "Combined: one customer, DisplayName = the billing account's name.": [
        "customers.a_combined_account_is_one_customer"
    ],
    "Detailed: one main customer and a sub-customer for each of its doctor–office pairs.": [
        "customers.a_detailed_account_has_a_sub_customer_for_the_pair_that_is_invoiced"
    ],
    "New invoices, credits and payments that name a pair go to its sub-customer; those that name none, to the main.": [
        "matrix_to_quickbooks.what_names_a_pair_goes_to_its_sub_customer_and_the_rest_to_the_main_customer"
    ],
    "Combined → detailed: the sub-customers are created; what is booked on the main customer stays there.": [
        "customers.combined_to_detailed_gives_every_pair_a_sub_customer_and_leaves_old_invoices"
    ],
    "Detailed → combined: new transactions go to the main customer; the sub-customers keep their history.": [
        "customers.detailed_to_combined_sends_new_invoices_to_the_main_customer"
    ],
    "A pair moves to another account: its sub-customer moves under the new account's main customer.": [
        "customers.a_moved_pair_keeps_its_customer_under_the_new_account",
        "customers.a_move_survives_a_change_by_the_bookkeeper_in_between",
    ],
    "A pair that comes to a detailed account without a sub-customer gets one.": [
        "customers.a_pair_that_comes_to_a_detailed_account_gets_a_sub_customer"
    ],
    "Nothing is created before an invoice needs it.": ["customers.nothing_is_created_before_an_invoice_needs_it"],
    "Several labs that share a QuickBooks company share its customers and items.": [
        "customers.two_labs_on_one_company_share_customers_and_items",
        "customers.labs_on_two_companies_have_a_customer_in_each",
    ],
    "Adoption: a customer of the same name that is linked to nothing is linked, not duplicated.": [
        "customers.an_existing_customer_of_the_same_name_is_adopted",
        "marks.existing_sub_customers_are_adopted_with_their_account",
        "marks.a_customer_at_the_top_is_not_adopted_as_a_sub_customer",
    ],
    "Adoption: an item of the same name.": ["matrix_to_quickbooks.an_existing_item_of_the_product_s_name_is_adopted"],
    "Adoption: an invoice of the same number, customer, date and total.": [
        "invoices.an_invoice_of_the_same_number_customer_day_and_total_is_adopted",
        "inbound_invoices.the_same_invoice_on_both_sides_is_linked_not_doubled",
    ],
    "A name taken by a vendor, an employee or an inactive customer is a sync error that says so.": [
        "customers.a_name_held_by_another_kind_is_told_and_heals",
        "customers.a_deactivated_customer_of_the_name_is_told",
    ],
    "Name and contact changes in the LMS are not pushed.": ["customers.name_and_contact_changes_are_not_pushed"],
    # ------------------------------------------------------------------ 3. products → items
    "Type Service, Name, Description, UnitPrice, IncomeAccountRef = the lab's income account.": [
        "products.a_product_is_created_as_a_service_with_price_and_income_account"
    ],
    "Special items are made the first time that they are needed, and found again by name: Tax.": [
        "products.the_tax_item_is_made_once_and_earns_into_the_tax_account",
        "products.an_existing_tax_item_is_found_by_name",
    ],
    "Special items: Lab Credit.": [
        "matrix_to_quickbooks.the_credit_item_is_made_once_earns_into_its_account_and_is_found_again_by_name"
    ],
    "Shipping is no item of ours: QuickBooks has its own.": [
        "invoices.an_invoiced_case_becomes_an_invoice_with_its_boxes_filled"
    ],
    # ------------------------------------------------------------------ 4. invoices, LMS → QBO
    "Number, dates, customer, lines, notation, discount box, shipping box, tax line, memo.": [
        "invoices.an_invoiced_case_becomes_an_invoice_with_its_boxes_filled"
    ],
    "Amount = quantity × price, half up to the cent; the lines' discounts added up, an amount.": [
        "matrix_to_quickbooks.each_line_is_quantity_times_price_half_up_and_the_discounts_are_one_amount"
    ],
    "No TxnTaxDetail is computed from tax_amount, and the lines are not taxable.": [
        "matrix_to_quickbooks.tax_is_a_line_and_nothing_is_taxed_beside_it"
    ],
    "ARAccountRef, where set.": ["matrix_settings.the_receivable_account_is_named_on_invoices"],
    "CustomTxnNumbers off: the number is not sent, and the connection says so as a warning.": [
        "invoices.without_custom_numbers_quickbooks_numbers_and_nothing_is_doubled",
        "switches.the_story_with_and_without_numbers_of_our_own",
    ],
    "Numbers that QuickBooks refuses as taken (6140) are a sync error naming the transaction that has them.": [
        "invoices.a_number_that_another_invoice_has_is_told_with_its_name_and_heals"
    ],
    "… unless that transaction is this very invoice, which is then adopted.": [
        "invoices.an_invoice_of_the_same_number_customer_day_and_total_is_adopted",
        "recovery.a_lost_answer_makes_no_duplicate_and_no_loss",
    ],
    "TotalAmt must equal total_amount to the cent; otherwise linked, and total_mismatch gives both figures.": [
        "invoices.a_total_that_quickbooks_computes_differently_stays_linked_and_is_told",
        "inbound_invoices.a_mismatch_that_the_bookkeeper_corrects_heals",
    ],
    "A zero amount makes no line.": ["invoices.zero_amounts_make_no_line"],
    "Un-invoicing deletes the QuickBooks invoice, also when a payment is applied to it.": [
        "payments_out.uninvoicing_a_paid_case_unlinks_the_payment_and_deletes_the_invoice",
        "switches.the_story_in_another_position",
        "traps.uninvoicing_what_was_paid_meanwhile_meets_a_new_version_and_ends",
        "invoices.invoiced_again_after_uninvoicing_is_a_new_invoice",
    ],
    "Editing an LMS invoice in another way is not pushed.": [
        "matrix_to_quickbooks.an_edit_of_an_invoice_in_the_lms_is_not_pushed"
    ],
    # ------------------------------------------------------------------ 5. invoices, QBO → LMS
    "Created in QuickBooks for a linked customer: origin 'qbo', no case, lines, memo, amounts, balance.": [
        "inbound_invoices.an_invoice_made_in_quickbooks_comes_with_all_its_parts",
        "inbound_invoices.an_invoice_for_a_sub_customer_names_its_pair",
        "inbound_invoices.an_invoice_without_a_number_gets_one_of_its_id",
    ],
    "Tax there = TxnTaxDetail.TotalTax + the Tax lines.": [
        "inbound_invoices.sales_tax_of_quickbooks_is_tax",
        "inbound_invoices.an_invoice_made_in_quickbooks_comes_with_all_its_parts",
    ],
    "The billing lab is the one whose connection to this company has receives_qbo_transactions.": [
        "matrix_from_quickbooks.a_shared_company_sends_what_is_new_to_the_receiving_lab_and_what_is_known_to_its_own"
    ],
    "For a customer that is linked to nothing: customer_not_linked; it syncs by itself once the customer is linked.": [
        "inbound_invoices.a_customer_linked_to_nothing_is_told_and_heals_when_it_is_linked_by_hand",
        "inbound_payments.a_customer_linked_to_nothing_is_told_and_heals",
        "inbound_invoices.an_unlinked_invoice_that_is_deleted_again_takes_its_error_with_it",
    ],
    "Changed in QuickBooks: the amounts follow; the case and its line items never change.": [
        "inbound_invoices.amounts_follow_and_the_case_never_changes",
        "inbound_invoices.boxes_that_move_with_the_same_total_follow_too",
    ],
    "Lines are replaced for invoices of origin 'qbo' only.": [
        "inbound_invoices.lines_follow_for_invoices_of_quickbooks",
        "inbound_invoices.amounts_follow_and_the_case_never_changes",
    ],
    "Deleted in QuickBooks: the LMS invoice goes, its applications with it, and its case is 'completed' again.": [
        "inbound_invoices.deleted_in_quickbooks_goes_with_its_applications_and_completes_its_case"
    ],
    "Voided: the invoice stays with amounts and balance 0.": [
        "inbound_invoices.a_void_keeps_the_invoice_with_nothing_on_it",
        "matrix_from_quickbooks.a_void_of_an_invoice_of_quickbooks_leaves_it_with_nothing_on_it",
    ],
    "Balance changes caused by payments and credits in QuickBooks reach the LMS invoice's balance too.": [
        "inbound_invoices.a_payment_in_quickbooks_reaches_the_balance_even_before_the_payment_itself",
        "inbound_invoices.a_credit_of_the_bookkeeper_reaches_the_balance",
    ],
    "A balance taken from QuickBooks never undoes LMS payments and credits that have not reached QuickBooks yet.": [
        "inbound_invoices.a_balance_from_quickbooks_does_not_undo_what_has_not_reached_it"
    ],
    # ------------------------------------------------------------------ 6. credits → credit memos
    "A CreditMemo dated credit_date, one line with the item Lab Credit, PrivateNote = note; no reference.": [
        "credits.a_credit_is_a_credit_memo_with_one_line"
    ],
    "Its applications are one zero-total Payment per credit: made, changed and deleted as they change.": [
        "credits.its_applications_are_one_payment_of_zero",
        "credits.applications_change_and_go",
        "credits.an_application_that_somebody_deleted_in_quickbooks_is_made_again",
    ],
    "That payment is ours: it never comes back as an LMS payment.": [
        "inbound_payments.credits_that_we_applied_never_come_back",
        "matrix_from_quickbooks.our_application_of_a_credit_that_the_bookkeeper_voids_is_no_payment_of_the_lms",
    ],
    "A changed amount updates the credit memo.": [
        "credits.the_amount_changes_with_its_applications",
        "matrix_to_quickbooks.a_credit_shrinks_and_moves_in_one_go_with_its_applications",
        "credits.a_credit_deleted_in_quickbooks_and_changed_here_is_told",
    ],
    "A deleted credit deletes both.": ["credits.a_deleted_credit_deletes_both"],
    "An application to an invoice that is not synced yet waits for it.": [
        "credits.an_application_waits_for_its_invoice_while_the_others_go"
    ],
    "A company with 'automatically apply credits' switched on is told so as a warning.": [
        "credits.a_company_that_applies_credits_by_itself_ends_right"
    ],
    # ------------------------------------------------------------------ 7. payments ↔ payments
    "CustomerRef, TotalAmt, TxnDate, DepositToAccountRef, a Line for each applied invoice; the rest unapplied.": [
        "payments_out.a_payment_settles_its_invoices",
        "matrix_to_quickbooks.an_unapplied_payment_of_the_lms_is_applied_later",
    ],
    "The reference does not sync.": [
        "payments_out.a_payment_settles_its_invoices",
        "inbound_payments.a_payment_comes_with_what_it_settles",
    ],
    "method becomes PaymentMethodRef where a method of that name exists.": [
        "payments_out.a_payment_settles_its_invoices",
        "matrix_to_quickbooks.a_method_that_quickbooks_does_not_have_is_left_out",
    ],
    "A payment of a detailed account that names no pair may pay its sub-customers' invoices.": [
        "matrix_to_quickbooks.a_payment_of_the_main_customer_pays_its_sub_customers_invoices"
    ],
    "Where QuickBooks refuses a link because the customers differ (620), the sync error says which.": [
        "payments_out.a_link_that_quickbooks_refuses_names_the_invoice"
    ],
    "A payment already swept into a bank deposit cannot be changed (6540): sync error.": [
        "payments_out.a_deposited_payment_that_changes_is_told",
        "traps.a_payment_of_quickbooks_in_a_bank_deposit_follows_nothing_and_is_told",
    ],
    "QBO → LMS: the same backwards, origin 'qbo'.": [
        "inbound_payments.a_payment_comes_with_what_it_settles",
        "matrix_from_quickbooks.a_payment_of_a_sub_customer_names_its_pair",
        "matrix_from_quickbooks.an_unapplied_payment_of_quickbooks_is_applied_later",
        "matrix_from_quickbooks.a_payment_is_split_over_invoices_to_the_cent",
    ],
    "Links to anything other than synced invoices are left out and said in a sync error if they carry money.": [
        "inbound_payments.what_settles_something_else_is_left_out_and_told",
        "inbound_payments.a_part_for_an_invoice_that_comes_later_heals",
        "collisions.a_payment_that_a_credit_memo_helped_to_pay_follows_the_lms_and_keeps_the_credit",
        "collisions.which_invoice_the_credit_memo_paid_stays_as_it_was_agreed",
    ],
    "Deletes both ways; a void in QuickBooks is an update to amount 0.": [
        "inbound_payments.deleted_in_quickbooks_goes_and_gives_the_balance_back",
        "inbound_payments.a_payment_of_quickbooks_that_the_lms_deletes_goes_there",
        "inbound_payments.a_void_is_an_update_to_nothing",
    ],
    # ------------------------------------------------------------------ 8. what holds for all
    "8.1 No duplicate, no loss: a crash.": ["recovery.kill_9_in_the_middle_of_the_load_again_and_again"],
    "8.1 … a lost answer.": [
        "recovery.a_lost_answer_makes_no_duplicate_and_no_loss",
        "recovery.a_lost_answer_for_a_customer_or_item",
        "traps.a_payment_or_credit_that_was_done_and_then_failed_is_there_once",
    ],
    "8.1 … a rerun.": ["recovery.a_run_that_is_cleared_and_rerun_does_nothing_twice"],
    "8.1 … two runs at once.": ["recovery.two_runs_at_once"],
    "8.1 … a capture that is repeated or dies.": [
        "capture.a_capture_that_is_repeated_marks_nothing",
        "capture.a_capture_that_dies_before_it_commits_is_as_if_it_had_never_been",
    ],
    "8.1 The same requestid for every attempt at the same change, another once QuickBooks has lost the record.": [
        "write_ahead.a_repeated_request_has_the_same_bytes",
        "traps.a_replay_after_a_refreshed_token_keeps_its_requestid",
        "credits.an_application_that_somebody_deleted_in_quickbooks_is_made_again",
    ],
    "8.2 No echo.": [
        "capture.what_we_wrote_ourselves_is_not_marked",
        "change_feed.what_the_pipeline_writes_itself_is_not_reported",
        "inbound_payments.our_own_payments_are_no_change",
        "inbound_invoices.nothing_of_it_is_reported_back",
        "collisions.what_quickbooks_takes_off_a_payment_because_we_deleted_its_invoice_is_no_change_of_hers",
    ],
    "8.3 One bad record stops nothing but itself.": [
        "customers.one_bad_customer_stops_nobody_else",
        "invoices.a_batch_with_one_bad_invoice_creates_the_others",
        "poison.a_record_that_breaks_quickbooks_becomes_a_sync_error_and_the_others_go",
        "poison.a_name_about_which_quickbooks_refuses_to_be_asked_fails_only_its_record",
        "inbound_invoices.a_row_that_the_lms_holds_stops_only_itself",
    ],
    "8.3 … and what depends on it waits without being an error of its own.": [
        "payments_out.a_payment_waits_for_its_invoice",
        "products.an_inactive_item_of_the_name_is_told_and_the_invoice_waits",
        "inbound_payments.a_payment_for_an_invoice_that_is_new_too_comes_after_it",
    ],
    "8.3 It is tried again when it changes, …": ["customers.a_name_too_long_is_told_and_heals_when_it_is_shortened"],
    "8.3 … when its cause changes, …": [
        "capture.a_name_that_comes_free_is_tried_again_at_once",
        "capture.a_number_that_comes_free_is_tried_again_at_once",
    ],
    "8.3 … or when someone asks.": ["page/fixing.one_is_retried_and_a_stopped_lab_is_not"],
    "8.4 A delete wins over an update, whichever side it comes from.": [
        "inbound_payments.a_delete_in_quickbooks_wins_over_an_update_of_the_lms",
        "inbound_invoices.a_delete_wins_over_an_edit_which_is_kept",
        "collisions.uninvoiced_before_a_change_in_quickbooks_was_seen_deletes_it_and_keeps_the_change",
        "collisions.a_payment_deleted_in_the_lms_while_it_was_changed_in_quickbooks_goes_and_the_change_is_kept",
        "inbound_invoices.deleted_on_both_sides_is_done",
    ],
    "8.4 Of two updates QuickBooks' wins.": [
        "inbound_payments.of_two_updates_quickbooks_wins_and_the_other_is_kept",
        "inbound_invoices.an_edit_in_the_lms_that_is_not_pushed_loses_to_quickbooks_and_is_kept",
        "inbound_payments.changed_alike_on_both_sides_is_no_conflict",
        "collisions.uninvoicing_what_was_only_paid_or_annotated_in_quickbooks_is_no_collision",
    ],
    "8.4 The version that lost is kept in the error's detail.": [
        "inbound_payments.of_two_updates_quickbooks_wins_and_the_other_is_kept",
        "collisions.the_version_that_lost_outlives_a_later_error_of_the_same_record",
        "collisions.a_conflict_that_a_person_closed_hides_no_later_error",
    ],
    "8.5 Customers and items before invoices, invoices before payments and credits.": [
        "payments_out.a_payment_waits_for_its_invoice",
        "credits.an_application_waits_for_its_invoice_while_the_others_go",
    ],
    "8.5 Deletes of applications before deletes of what they are applied to.": [
        "credits.a_deleted_credit_deletes_both",
        "matrix_to_quickbooks.uninvoicing_takes_a_credit_s_application_off_first",
        "payments_out.uninvoicing_a_paid_case_unlinks_the_payment_and_deletes_the_invoice",
    ],
    "8.6 Money is exact.": [
        "model/money.a_float_is_refused",
        "model/money.half_a_cent_goes_away_from_zero",
        "matrix_to_quickbooks.each_line_is_quantity_times_price_half_up_and_the_discounts_are_one_amount",
    ],
    "8.7 Memo and description are cut at QuickBooks' limit with an ellipsis.": [
        "invoices.a_long_memo_is_cut_with_an_ellipsis",
        "matrix_to_quickbooks.a_line_s_notation_is_cut_with_an_ellipsis",
    ],
    "8.7 Names and numbers are never cut: too long is a sync error.": [
        "customers.a_name_too_long_is_told_and_heals_when_it_is_shortened",
        "invoices.a_batch_with_one_bad_invoice_creates_the_others",
    ],
    "8.8 Each record that a run looked at ends in exactly one outcome; the counts add up.": [
        "invoices.every_record_of_a_run_has_one_outcome",
        "inbound_invoices.every_record_of_an_inbound_run_has_one_outcome",
    ],
    # ------------------------------------------------------------------ contract, section 2: the change feed
    "A change of the LMS in any transaction is seen exactly once committed, deletes too; a rolled-back one never.": [
        "change_feed.a_long_transaction_is_seen_when_it_commits_although_later_ones_were_synced_before",
        "change_feed.a_rolled_back_change_is_never_seen",
        "marks.a_truncate_of_the_invoices_reaches_quickbooks",
        "marks.a_truncate_of_the_applications_reaches_quickbooks",
        "marks.a_truncate_of_the_credits_takes_their_applications_along",
        "marks.a_truncate_of_the_lines_is_looked_at",
    ],
}
