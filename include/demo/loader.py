"""Writes the demo's records into the LMS as the LMS does: plain SQL, and its own functions for invoicing."""

from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql

from include.demo.cashier import Cashier
from include.demo.records import Account, Case, Changes, DemoData, Pair, Planted

_KEYS = {
    "billing_lab": "name",
    "billing_account": "name",
    "doctor_office": "child_subaccount_name",
    "product": "name",
    "lab_case": "case_number",
}


class Loader:
    """Knows the ids of what it has written, and of what it finds."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.ids: dict[str, dict[str, int]] = {table: self._found(table) for table in _KEYS}

    def _found(self, table: str) -> dict[str, int]:
        query = sql.SQL("select {key}, min(id) from lms.{table} group by 1").format(
            key=sql.Identifier(_KEYS[table]), table=sql.Identifier(table)
        )
        return dict(self.connection.execute(query).fetchall())

    def insert(self, table: str, columns: str, rows: Sequence[tuple[object, ...]]) -> list[int]:
        """Copy rows into a table; the ids that they got, in their order."""
        drawn = self.connection.execute(
            "select nextval(pg_get_serial_sequence(%s, 'id')) from generate_series(1, %s)",
            [f"lms.{table}", len(rows)],
        )
        ids = [int(row[0]) for row in drawn]
        names = sql.SQL(", ").join(map(sql.Identifier, ["id", *columns.split()]))
        statement = sql.SQL("copy lms.{} ({}) from stdin").format(sql.Identifier(table), names)
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for new_id, row in zip(ids, rows, strict=True):
                copy.write_row((new_id, *row))
        return ids

    def labs(self, names: Sequence[str]) -> None:
        """The billing labs."""
        self._remember("billing_lab", names, self.insert("billing_lab", "name", [(name,) for name in names]))

    def apply(self, changes: Changes) -> None:
        """New records, then structures and moves, then invoicing and un-invoicing."""
        self.accounts(changes.accounts)
        self.pairs(changes.pairs)
        self.products(changes)
        self.cases(changes.cases)
        for account, structure in changes.restructured:
            self.connection.execute(
                "update lms.billing_account set accounting_structure = %s where id = %s",
                [structure, self.ids["billing_account"][account]],
            )
        self.move(changes.moved)
        self.invoice(changes)

    def accounts(self, accounts: Sequence[Account]) -> None:
        """Billing accounts."""
        rows = [(account.name, account.structure, account.email, account.phone) for account in accounts]
        new = self.insert("billing_account", "name accounting_structure email phone", rows)
        self._remember("billing_account", [account.key for account in accounts], new)

    def pairs(self, pairs: Sequence[Pair]) -> None:
        """Doctor–office pairs."""
        accounts = self.ids["billing_account"]
        rows = [(accounts[pair.account], pair.doctor, pair.office, pair.child_name) for pair in pairs]
        columns = "billing_account_id doctor_name office_name child_subaccount_name"
        new = self.insert("doctor_office", columns, rows)
        self._remember("doctor_office", [pair.child_name for pair in pairs], new)

    def products(self, changes: Changes) -> None:
        """Products."""
        rows = [(product.name, product.description, product.unit_price) for product in changes.products]
        new = self.insert("product", "name description unit_price", rows)
        self._remember("product", [product.name for product in changes.products], new)

    def cases(self, cases: Sequence[Case]) -> None:
        """Cases with their lines, none of them invoiced yet."""
        labs, pairs, products = (self.ids[table] for table in ("billing_lab", "doctor_office", "product"))
        rows = [
            (labs[case.lab], pairs[case.pair], case.number, case.patient, case.notes, case.status) for case in cases
        ]
        columns = "billing_lab_id doctor_office_id case_number patient_name billing_notes status"
        ids = self.insert("lab_case", columns, rows)
        self._remember("lab_case", [case.number for case in cases], ids)
        lines = [
            (
                case_id,
                position,
                products[line.product],
                line.quantity,
                line.unit_price,
                line.discount,
                line.notation,
            )
            for case_id, case in zip(ids, cases, strict=True)
            for position, line in enumerate(case.lines, 1)
        ]
        columns = "case_id position product_id quantity unit_price discount_amount notation"
        self.insert("case_line_item", columns, lines)

    def move(self, moves: Iterable[tuple[str, str]]) -> None:
        """Pairs to other accounts."""
        for pair, account in moves:
            self.connection.execute(
                "update lms.doctor_office set billing_account_id = %s where id = %s",
                [self.ids["billing_account"][account], self.ids["doctor_office"][pair]],
            )

    def invoice(self, changes: Changes) -> None:
        """Invoice what is to be invoiced, make the edits by hand, and take some back."""
        cases = self.ids["lab_case"]
        for case in changes.cases:
            if case.invoiced_on is not None:
                self.connection.execute(
                    "select lms.invoice_case(%s, %s, %s, %s)",
                    [cases[case.number], case.invoiced_on, case.shipping, case.tax],
                )
                self._edit_by_hand(case)
        for number, day in changes.invoiced:
            self.connection.execute("select lms.invoice_case(%s, %s)", [cases[number], day])
        for number in changes.uninvoiced:
            self.connection.execute("select lms.uninvoice_case(%s)", [cases[number]])

    def _edit_by_hand(self, case: Case) -> None:
        if case.number_by_hand or case.total_by_hand:
            self.connection.execute(
                """update lms.invoice set invoice_number = coalesce(%s, invoice_number),
                          total_amount = total_amount + %s, balance = balance + %s where case_id = %s""",
                [
                    case.number_by_hand,
                    case.total_by_hand,
                    case.total_by_hand,
                    self.ids["lab_case"][case.number],
                ],
            )

    def _remember(self, table: str, keys: Iterable[str], new: Iterable[int]) -> None:
        self.ids[table].update(zip(keys, new, strict=True))


def load_initial(connection: psycopg.Connection, data: DemoData) -> bool:
    """Everything before the first sync, in one transaction; False if it is there already."""
    with connection.transaction():
        loader = Loader(connection)
        if data.labs[0] in loader.ids["billing_lab"]:
            return False
        loader.labs(data.labs)
        after = Changes(moved=data.initial.moved)
        before = Changes(
            accounts=data.initial.accounts,
            pairs=data.initial.pairs,
            products=data.initial.products,
            cases=data.initial.cases,
            uninvoiced=data.initial.uninvoiced,
        )
        loader.apply(before)
        loader.apply(after)  # moved only after their invoices, which stay with the old account
        cashier = Cashier(connection)
        for receipt in data.receipts:
            cashier.enter(receipt)
    connection.execute("analyze")
    return True


def changes_are_there(connection: psycopg.Connection, data: DemoData) -> bool:
    """Whether what happens after the first sync has happened."""
    number = data.changes.cases[0].number
    return bool(connection.execute("select 1 from lms.lab_case where case_number = %s", [number]).fetchall())


def apply_changes(connection: psycopg.Connection, data: DemoData) -> bool:
    """What happens after the first sync, in one transaction; False if it has happened already."""
    with connection.transaction():
        if changes_are_there(connection, data):
            return False
        Loader(connection).apply(data.changes)
        Cashier(connection).carry_out(data.later_money)
    return True


def find_planted(connection: psycopg.Connection, data: DemoData, phase: int) -> list[Planted]:
    """The planted problems up to a phase, as they stand in the database."""
    queries = {
        "billing_account": "select max(id) from lms.billing_account where name = %s",
        "doctor_office": "select max(id) from lms.doctor_office where child_subaccount_name = %s",
        "product": "select max(id) from lms.product where name = %s",
        "invoice": """select max(i.id) from lms.invoice i join lms.lab_case c on c.id = i.case_id
                       where c.case_number = %s""",
    }
    planted = []
    for problem in data.problems:
        if problem.phase <= phase:
            row = connection.execute(queries[problem.entity], [problem.key]).fetchone()
            if row is None or row[0] is None:
                raise LookupError(f"planted {problem.kind} is not in the LMS: {problem.key!r}")
            planted.append(Planted(problem.kind, problem.entity, row[0], problem.expected_error_code, problem.why))
    return planted
