"""What the bookkeepers do in QuickBooks: before the first sync, and between the phases. Can be repeated."""

import psycopg

from include.demo.quickbooks import Json, QuickBooks
from include.demo.records import Bookkeeper

ENTERED_BY_HAND = "Entered by the bookkeeper"


class CompanySetup:
    """A bookkeeper at work in one company."""

    def __init__(self, books: QuickBooks) -> None:
        self.books = books

    def settle(self) -> None:
        """Switch on what the labs' invoices need: numbers of their own, shipping and discount boxes."""
        preferences = self.books.read("Preferences")
        wanted = {"CustomTxnNumbers": True, "AllowShipping": True, "AllowDiscount": True}
        forms = preferences["SalesFormsPrefs"]
        if any(not _is_on(forms.get(name)) for name in wanted):
            self.books.save("Preferences", {**preferences, "SalesFormsPrefs": {**forms, **wanted}})

    def prepare(self, work: Bookkeeper, connection: psycopg.Connection) -> None:
        """Make the records that stand in QuickBooks before the sync meets them."""
        for entity, names in (
            ("Customer", work.customers),
            ("Vendor", work.vendors),
            ("Employee", work.employees),
        ):
            for name in names:
                self._named(entity, name)
        for name in work.items:
            self.item(name)
        self.deactivate(work)
        for number, customer in work.taken_numbers:
            self._invoice(number, customer, {})
        for case_number in work.entered_invoices:
            self._enter(case_number, connection)

    def deactivate(self, work: Bookkeeper) -> None:
        """Deactivate customers and items, making them first where they never were."""
        for name in work.inactive_customers:
            self._make_inactive("Customer", self._named("Customer", name))
        for name in work.inactive_items:
            self._make_inactive("Item", self.item(name))

    def _make_inactive(self, entity: str, record: Json) -> None:
        if record.get("Active", True):
            body = {"Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True, "Active": False}
            if entity == "Item":
                body |= {"Name": record["Name"], "Type": record["Type"]}
            self.books.save(entity, body)

    def _named(self, entity: str, name: str) -> Json:
        body: Json = {"DisplayName": name}
        if entity == "Employee":
            given, _, family = name.partition(" ")
            body |= {"GivenName": given, "FamilyName": family}
        return self.books.named(entity, name) or self.books.save(entity, body)

    def item(self, name: str) -> Json:
        """An item of this name, made if it is not there."""
        found = self.books.named("Item", name, "Name")
        if found:
            return found
        income = self.books.all("Account", "WHERE AccountType = 'Income'")
        account = next((each for each in income if each.get("AccountSubType") == "SalesOfProductIncome"), income[0])
        body = {"Name": name, "Type": "Service", "IncomeAccountRef": {"value": account["Id"]}}
        return self.books.save("Item", body)

    def _enter(self, case_number: str, connection: psycopg.Connection) -> None:
        """Type an LMS invoice into QuickBooks, as was done before there was a sync: one line, the total."""
        row = connection.execute(
            """select i.invoice_number, a.name, i.invoice_date::text, i.total_amount
                 from lms.invoice i join lms.lab_case c on c.id = i.case_id
                 join lms.billing_account a on a.id = i.billing_account_id where c.case_number = %s""",
            [case_number],
        ).fetchone()
        if row is not None:
            number, customer, day, total = row
            self._invoice(number, customer, {"TxnDate": day}, total)

    def _invoice(self, number: str, customer: str, more: Json, total: object = 150) -> None:
        if self.books.all("Invoice", f"WHERE DocNumber = '{number}'"):
            return
        line = {
            "Amount": total,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": self.item("Services")["Id"]}},
        }
        body = {
            "DocNumber": number,
            "CustomerRef": {"value": self._named("Customer", customer)["Id"]},
            "PrivateNote": ENTERED_BY_HAND,
            "Line": [line],
            **more,
        }
        self.books.save("Invoice", body)


def _is_on(preference: object) -> bool:
    return preference in (True, "true")
