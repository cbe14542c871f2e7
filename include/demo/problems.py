"""The planted problems: records that must end as one open sync error each, with the code that is expected."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from include.demo.cases import CaseMaker
from include.demo.catalogue import Product
from include.demo.records import Account, Bookkeeper, Case, Changes, Pair, Problem

LONG_OFFICE = "Center for Comprehensive, Aesthetic, Implant & Sedation Dentistry of Greater Northern Illinois – "
INACTIVE_ITEM = "Digital Smile Design Session"
DEACTIVATED_CUSTOMER = "Evergreen Dental Partners"
DEACTIVATED_ITEM = "Denture Base, Ultra Suction"
SHARED_NAME = "Lakeshore Family Dentistry"
SOLO = "Dr. Jane Roe DDS"
OFFICE = "Main Office"
WALK_IN = "Walk-in Repairs"
TAKEN_NUMBER = "2024-0815"


@dataclass
class Plan:
    """What is planted so far, per phase and company."""

    maker: CaseMaker
    pair_of: Callable[[str], Pair]
    labs: tuple[str, ...]  # one lab of each company, in the companies' order
    accounts: list[Account] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def account(self, name: str, company: int = 0, structure: str = "combined", key: str = "") -> Pair:
        """Plant an account with one pair."""
        account = Account(name, structure, (self.labs[company],), key=key)
        pair = self.pair_of(account.key)
        self.accounts.append(account)
        self.pairs.append(pair)
        return pair

    def invoice(self, pair: str, company: int = 0, product: Product | None = None, discount: str = "0.00") -> Case:
        """Plant an invoiced case."""
        lines = (self.maker.line(product, discount=discount),) if product else ()
        case = self.maker.make(self.labs[company], pair, lines)
        self.cases.append(case)
        return case

    def edit(self, case: Case, **changes: object) -> Case:
        """Change a case that was planted last."""
        self.cases[-1] = replace(case, **changes)  # type: ignore[arg-type]  # fields of a case, by name
        return self.cases[-1]

    def records(self) -> Changes:
        """What has to be written to the LMS."""
        return Changes(tuple(self.accounts), tuple(self.pairs), tuple(self.products), tuple(self.cases))


def plant_bad_names(plan: Plan) -> None:
    """Names that QuickBooks does not take: too long, or with characters that it refuses."""

    def bad(kind: str, name: str, company: int, why: str) -> None:
        pair = plan.account(name, company)
        plan.invoice(pair.child_name, company)
        plan.problems.append(Problem(kind, "billing_account", name, "validation_failed", why))

    bad(
        "account_name_with_colon",
        "Dental Arts: Lakeside",
        0,
        "QuickBooks takes no colon in a customer's name",
    )
    bad("account_name_with_tab", "Harbor\tDental Studio", 1, "QuickBooks takes no tab in a customer's name")

    short = plan.account("Illinois Dental Consortium", 0, "detailed")
    long_name = f"{short.doctor} – {LONG_OFFICE * 6}"
    plan.pairs[-1] = replace(short, office=LONG_OFFICE, child_name=long_name.strip())
    plan.invoice(plan.pairs[-1].child_name)
    plan.problems.append(
        Problem(
            "pair_name_too_long",
            "doctor_office",
            plan.pairs[-1].child_name,
            "validation_failed",
            "QuickBooks takes at most 500 characters in a customer's name, and names are never cut",
        )
    )


def plant_bad_products(plan: Plan, buyers: tuple[str, str]) -> None:
    """Products that cannot become items; the buyers are an ordinary pair of each company."""
    for kind, company, name, code, why in (
        (
            "product_name_too_long",
            0,
            "Implant-Retained Hybrid Denture with Milled Titanium Substructure, Individually Layered "
            "Gingiva and Nano-Ceramic Teeth",
            "validation_failed",
            "QuickBooks takes at most 100 characters in an item's name, and names are never cut",
        ),
        (
            "product_name_with_colon",
            1,
            "Implant: Angulated Screw Channel",
            "validation_failed",
            "QuickBooks takes no colon in an item's name",
        ),
        (
            "product_name_held_by_inactive_item",
            0,
            INACTIVE_ITEM,
            "name_taken",
            "a deactivated item in QuickBooks has this name",
        ),
        (
            "product_named_like_a_special_item",
            0,
            "Tax",
            "name_reserved",
            "the item of this name in QuickBooks is for the taxes on invoices",
        ),
    ):
        product = Product(name, None, Decimal("245.00"))
        plan.products.append(product)
        plan.invoice(buyers[company], company, product)
        plan.problems.append(Problem(kind, "product", name, code, why))


def plant_taken_names(plan: Plan) -> tuple[Bookkeeper, Bookkeeper]:
    """Accounts whose names are held in QuickBooks by something that cannot be linked."""
    held = {
        "vendor": ("Zahn Dental Supply", 0, "a vendor in QuickBooks has this name"),
        "employee": ("María José Peña", 0, "an employee in QuickBooks has this name"),
        "inactive_customer": (
            "Oak Street Family Dentistry",
            1,
            "a deactivated QuickBooks customer has this name",
        ),
    }
    for holder, (name, company, why) in held.items():
        pair = plan.account(name, company)
        for _ in range(2 if holder == "vendor" else 1):
            plan.invoice(pair.child_name, company)
        plan.problems.append(Problem(f"name_held_by_{holder}", "billing_account", name, "name_taken", why))
    return (
        Bookkeeper(vendors=(held["vendor"][0],), employees=(held["employee"][0],), inactive_items=(INACTIVE_ITEM,)),
        Bookkeeper(inactive_customers=(held["inactive_customer"][0],)),
    )


def plant_shared_names(plan: Plan) -> None:
    """Sub-customers whose names others of the LMS have: a solo practitioner, and an office whose name is told later."""
    plan.account(SOLO, 0, "detailed")
    plan.pairs[-1] = replace(plan.pairs[-1], child_name=SOLO)
    plan.invoice(SOLO)
    why = "the main customer of the same account has this name"
    plan.problems.append(Problem("pair_named_like_its_account", "doctor_office", SOLO, "name_taken", why))

    plan.account("Uptown Orthodontics", 0, "detailed")
    plan.pairs[-1] = replace(plan.pairs[-1], office=OFFICE, child_name=OFFICE)
    plan.invoice(OFFICE)


def plant_bad_invoices(plan: Plan, buyer: str, crown: Product) -> Bookkeeper:
    """Invoices that are wrong by themselves, of an ordinary pair of the first company."""

    def bad(kind: str, case: Case, code: str, why: str) -> None:
        plan.problems.append(Problem(kind, "invoice", case.number, code, why))

    case = plan.edit(plan.invoice(buyer), number_by_hand=TAKEN_NUMBER)
    bad("number_taken", case, "qbo_6140", f"another customer's invoice in QuickBooks is number {TAKEN_NUMBER}")

    case = plan.invoice(buyer)
    case = plan.edit(case, number_by_hand=f"INV-{case.number}-REMAKE-02/B")
    bad("number_too_long", case, "validation_failed", "QuickBooks takes at most 21 characters in a number")

    case = plan.edit(plan.invoice(buyer), total_by_hand=Decimal("-0.50"))
    bad("total_edited_by_hand", case, "total_mismatch", "somebody rounded the total down by 50 cents")

    case = plan.invoice(buyer, product=crown, discount=str(crown.unit_price + 20))
    case = plan.edit(case, shipping=Decimal("36.00"), tax=Decimal("0.00"))
    bad(
        "discount_above_subtotal",
        case,
        "validation_failed",
        "the discount is larger than what it is taken from",
    )

    case = plan.edit(plan.invoice(buyer), lines=(), shipping=Decimal("0.00"), tax=Decimal("0.00"))
    bad("no_lines", case, "validation_failed", "an invoice without lines")

    minus_one = replace(plan.maker.line(crown), quantity=Decimal("-1"))
    case = plan.edit(plan.invoice(buyer), lines=(minus_one,), shipping=Decimal("0.00"), tax=Decimal("0.00"))
    bad("negative_total", case, "validation_failed", "QuickBooks takes no invoice with a negative total")
    return Bookkeeper(taken_numbers=((TAKEN_NUMBER, WALK_IN),))


def prepare_deactivations(plan: Plan, buyer: str) -> None:
    """A customer and an item of the first phase that the bookkeeper deactivates before the second."""
    pair = plan.account(DEACTIVATED_CUSTOMER)
    crown = Product("Zirconia Crown, Full Contour", None, Decimal("99.00"))
    # Free of charge, because QuickBooks deactivates no customer who owes something.
    case = plan.invoice(pair.child_name, product=crown, discount="99.00")
    plan.edit(case, shipping=Decimal("0.00"), tax=Decimal("0.00"), notes="Warranty remake, free of charge.")
    base = Product(DEACTIVATED_ITEM, "Injected base", Decimal("219.00"), "arch")
    plan.products.append(base)
    plan.invoice(buyer, 1, base)


def plant_deactivated(plan: Plan, first: Plan, buyer: str) -> tuple[Bookkeeper, Bookkeeper]:
    """Second phase: invoices that need what the bookkeeper has deactivated meanwhile."""
    pair = next(pair for pair in first.pairs if pair.account == DEACTIVATED_CUSTOMER)
    product = next(product for product in first.products if product.name == DEACTIVATED_ITEM)
    for kind, case in (
        ("customer_deactivated", plan.invoice(pair.child_name)),
        ("item_deactivated", plan.invoice(buyer, 1, product)),
    ):
        why = f"the {kind.split('_')[0]} was deactivated in QuickBooks after it had been linked"
        plan.problems.append(Problem(kind, "invoice", case.number, "inactive_reference", why, phase=2))
    return (
        Bookkeeper(inactive_customers=(DEACTIVATED_CUSTOMER,)),
        Bookkeeper(inactive_items=(DEACTIVATED_ITEM,)),
    )


def plant_second_of_a_name(plan: Plan) -> None:
    """Second phase: a new account with the name of one that is a customer already, and a new pair with a pair's."""
    pair = plan.account(SHARED_NAME, key=f"{SHARED_NAME} (the second)")
    plan.invoice(pair.child_name)
    why = "another billing account of this name is linked to the QuickBooks customer"
    plan.problems.append(Problem("name_of_another_account", "billing_account", SHARED_NAME, "name_taken", why, phase=2))

    plan.account("Northgate Endodontics", 0, "detailed")
    name = OFFICE.upper()  # the demo knows pairs by their names, QuickBooks by their names in any case
    plan.pairs[-1] = replace(plan.pairs[-1], office=OFFICE, child_name=name)
    plan.invoice(name)
    why = "a pair of another account has this name"
    plan.problems.append(Problem("name_of_another_pair", "doctor_office", name, "name_taken", why, phase=2))
