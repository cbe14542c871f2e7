"""The query language (fact 4)."""

from __future__ import annotations

import pytest

from tests.support.sandbox.books import Books


@pytest.fixture(scope="module")
def filled(sandbox: object) -> Books:
    books = Books(sandbox)  # type: ignore[arg-type]
    for name in ("Adam's Dental", "Back\\slash", "Čáp & Søn", "Zahn"):
        books.customer(name, PrimaryEmailAddr={"Address": f"{len(name)}@example.com"})
    first = books.rows("select * from Customer where DisplayName = 'Zahn'")[0]
    for number in range(1, 26):
        books.invoice(first, number * 10, DocNumber=f"N-{number:03d}", TxnDate=f"2026-03-{number:02d}")
    return books


def names(books: Books, where: str) -> list[str]:
    return [row["DisplayName"] for row in books.rows(f"select * from Customer where {where}")]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (r"DisplayName = 'Adam\'s Dental'", ["Adam's Dental"]),
        (r"displayname = 'adam\'s dental'", ["Adam's Dental"]),
        (r"DisplayName = 'Back\\slash'", ["Back\\slash"]),
        ("DisplayName = 'čáp & søn'", ["Čáp & Søn"]),
        ("DisplayName LIKE 'Z%'", ["Zahn"]),
        ("DisplayName like '%a%n'", ["Zahn"]),
        ("DisplayName IN ('Zahn', 'nobody')", ["Zahn"]),
        ("PrimaryEmailAddr = '4@example.com'", ["Zahn"]),
        ("Balance > '0'", ["Zahn"]),
        ("Balance > 0", ["Zahn"]),
        ("Id = '1'", ["Adam's Dental"]),
        ("Id IN ('4', '1', '1')", ["Adam's Dental", "Zahn"]),
        ("Active = true and DisplayName >= 'Z'", ["Zahn", "Čáp & Søn"]),
        ("GivenName = ' ' and Id = '1'", ["Adam's Dental"]),
        ("MetaData.CreateTime > '2099-01-01'", []),
    ],
)
def test_where(filled: Books, where: str, found: list[str]) -> None:
    assert sorted(names(filled, where)) == sorted(found)


def test_order_pages_and_counts(filled: Books) -> None:
    rows = filled.rows("SELECT * FROM Invoice ORDERBY TxnDate DESC STARTPOSITION 3 MAXRESULTS 2")
    assert [row["DocNumber"] for row in rows] == ["N-023", "N-022"]
    rows = filled.rows("select * from invoice where TotalAmt >= '100' order by TotalAmt desc, Id asc maxresults 3")
    assert [row["TotalAmt"] for row in rows] == [250, 240, 230]
    page = filled.query("select * from Invoice startposition 21 maxresults 10")
    assert (page["startPosition"], page["maxResults"]) == (21, 5)
    assert "totalCount" not in page
    assert filled.query("select count(*) from Invoice where TxnDate < '2026-03-05'") == {"totalCount": 4}
    assert filled.query("select * from Invoice where DocNumber = 'none'") == {}
    assert filled.query("select * from Invoice where DocNumber = 'N-001'")["totalCount"] == 1


def test_post_and_url_agree(filled: Books) -> None:
    statement = r"select * from Customer where DisplayName = 'Adam\'s Dental'"
    headers = {"Content-Type": "application/text"}
    answer = filled.http.post(f"{filled.base}/query", data=statement, headers=headers)
    assert answer.json()["QueryResponse"]["Customer"][0]["Id"] == "1"
    wrong = filled.http.post(f"{filled.base}/query", data=statement, headers={"Content-Type": "application/json"})
    assert wrong.status_code == 400


def test_projection(filled: Books) -> None:
    row = filled.rows("Select Id, DisplayName From Customer maxresults 1")[0]
    assert set(row) == {"Id", "DisplayName", "domain", "sparse"} and row["sparse"] is True
    assert "MetaData" in filled.rows("SELECT *, Sku FROM Item")[0]


@pytest.mark.parametrize(
    ("statement", "code", "detail"),
    [
        ("select * from Customer where DisplayName = 'Love's'", "4000", 'Encountered " <IDENTIFIER> "s ""'),
        ("select * from Invoice TxnDate = '1'", "4000",
         'QueryParserError: Encountered " <IDENTIFIER> "TxnDate "" at line 1, column 23.'),
        ("select * from Invoice where A = '1' or B = '2'", "4000", 'Encountered " <IDENTIFIER> "or ""'),
        ("select * from Invoice where TxnDate != '2026-01-01'", "4000", "Encountered"),
        ('select * from Invoice where DocNumber = "1"', "4000", "Lexical error"),
        ("select * from", "4000", "<EOF>"),
        ("select * from Invoice where PrivateNote = 'x'", "4001", "property 'PrivateNote' is not queryable"),
        ("select * from Invoice where DepartmentRef = '1'", "4001", "property 'DepartmentRef' is not queryable"),
        ("select * from Invoice where AccountRef = '1'", "4001", "Property AccountRef not found for Entity Invoice"),
        ("select * from Payment where DocNumber = '1'", "4001", "Property DocNumber not found for Entity Payment"),
        ("select * from Invoice startposition 0", "4001",
         "QueryValidationError: value 0 is too small. Min allowed value is 1"),
        ("select * from Invoice maxresults 1001", "4001", "value 1001 is too large. Max allowed value is 1000"),
        ("select * from Customer where Id > '1'", "4001", "Id"),
        ("select * from Nonsense", "4001", "Nonsense"),
        ("select * from Item orderby FullyQualifiedName", "4001", "not queryable"),
    ],
)  # fmt: skip
def test_refusals(filled: Books, statement: str, code: str, detail: str) -> None:
    fault = filled.query_fault(statement)
    assert fault["code"] == code
    assert detail in fault["Detail"]
    assert "element" not in fault


def test_active_only_by_default(books: Books) -> None:
    customer = books.customer("Thrifty Meats")
    books.post("Customer", {"Id": customer["Id"], "SyncToken": "0", "sparse": True, "Active": False})
    assert names(books, "DisplayName LIKE 'Thrifty%'") == []
    assert names(books, "DisplayName LIKE 'Thrifty%' and Active IN (true, false)") == ["Thrifty Meats (deleted)"]
    assert names(books, "Active = false") == ["Thrifty Meats (deleted)"]


def test_dates_and_times(books: Books) -> None:
    customer = books.customer("A")
    made = customer["MetaData"]["LastUpdatedTime"]
    assert names(books, f"MetaData.LastUpdatedTime >= '{made}'") == ["A"]
    assert names(books, f"MetaData.LastUpdatedTime > '{made}'") == []
    books.invoice(customer)
    assert len(books.rows("select * from Invoice where TxnDate = CURRENT_DATE")) == 1


def test_switches(books: Books) -> None:
    customer = books.customer("A")
    books.invoice(customer, 1)
    last = books.invoice(customer, 2)
    books.switches(
        default_order="newest_first", total_count="always", max_results_over_1000="cap", bare_numbers="refuse"
    )
    found = books.query("select * from Invoice maxresults 5000")
    assert found["Invoice"][0]["Id"] == last["Id"]
    assert found["totalCount"] == 2
    assert books.query_fault("select * from Invoice where TotalAmt > 1")["code"] == "4000"
