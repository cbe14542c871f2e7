"""Which accounts a new connection starts with. Pure."""

from dataclasses import replace

from include.company.accounts import pick_account
from include.model.company import Account

SERVICES = Account(account_id="1", name="Services", type="Income", subtype="ServiceFeeIncome", active=True)
SALES = replace(SERVICES, account_id="5", name="Sales", subtype="SalesOfProductIncome")
DISCOUNTS = replace(SERVICES, account_id="86", name="Discounts given", subtype="DiscountsRefundsGiven")
BEST_FIRST = ["SalesOfProductIncome", "ServiceFeeIncome"]


def test_the_best_subtype_comes_first_whatever_the_order_of_the_chart() -> None:
    assert pick_account([DISCOUNTS, SERVICES, SALES], "Income", BEST_FIRST) == "5"
    assert pick_account([DISCOUNTS, SERVICES], "Income", BEST_FIRST) == "1"
    assert pick_account([SERVICES, SALES], "Expense", BEST_FIRST) is None


def test_inactive_accounts_are_never_picked() -> None:
    assert pick_account([SERVICES, replace(SALES, active=False)], "Income", BEST_FIRST) == "1"


def test_any_other_subtype_will_do_but_no_discounts() -> None:
    other = replace(SERVICES, account_id="79", subtype="OtherPrimaryIncome")
    assert pick_account([DISCOUNTS, other], "Income", BEST_FIRST) == "79"
    assert pick_account([DISCOUNTS], "Income", BEST_FIRST) is None
    assert pick_account([DISCOUNTS, other], "Income", BEST_FIRST, only=True) is None
    assert pick_account([DISCOUNTS], "Income", ["DiscountsRefundsGiven"], only=True) == "86"
