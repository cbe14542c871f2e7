"""PDF, e-mail and attachments, where common clients call them (facts 2.1, 9.10)."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP

from . import faults
from .entities import KINDS
from .entities.kind import Kind
from .money import dumps, loads
from .schema import Body, email
from .work import Work

_MAILABLE = frozenset(("Invoice", "CreditMemo", "Estimate", "SalesReceipt", "RefundReceipt", "Payment"))


def _form(work: Work, kind: Kind, record_id: str, what: str) -> Body:
    if kind.name not in _MAILABLE:
        raise faults.unsupported(f"{what} on {kind.name}")
    body = work.read(kind.name, record_id)
    if body is None:
        raise kind.gone(work.company, record_id)
    return body


def pdf(work: Work, kind: Kind, record_id: str) -> bytes:
    """A plain one-page PDF of a form."""
    body = _form(work, kind, record_id, "pdf")
    rows = [
        work.company.name,
        f"{kind.name} {body.get('DocNumber') or body['Id']}",
        f"Date {body.get('TxnDate', '')}",
        f"Customer {body.get('CustomerRef', {}).get('name', '')}",
        *(f"{line.get('Description', line.get('DetailType', ''))}   {line.get('Amount', '')}" for line in body["Line"]),
        f"Total {body['TotalAmt']}",
    ]
    return _one_page([row[:90] for row in rows[:48]])


def _one_page(rows: list[str]) -> bytes:
    def quoted(row: str) -> bytes:
        plain = row.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        return plain.encode("cp1252", "replace")

    drawing = b"BT /F1 11 Tf 60 780 Td 15 TL " + b" ".join(b"(%b) Tj T*" % quoted(row) for row in rows) + b" ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def send(work: Work, kind: Kind, record_id: str, address: str | None) -> bytes:
    """Mark a form as e-mailed; 6420 without an address."""
    body = _form(work, kind, record_id, "send")
    if address:
        body["BillEmail"] = email({"Address": address}, "BillEmail")
    if not body.get("BillEmail") and kind.name != "Payment":
        raise faults.named("6420", "Email address is required", "Supply sendTo or BillEmail.", "BillEmail")
    body["EmailStatus"] = "EmailSent"
    body["DeliveryInfo"] = {"DeliveryType": "Email", "DeliveryTime": work.stamp}
    work.save(kind, body, "Emailed")
    work.commit()
    return work.company.table(kind.name).records[record_id].body


def upload(work: Work, content_type: str, raw: bytes) -> bytes:
    """Files with their metadata; only the metadata is kept."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + raw)
    answers = []
    contents: dict[str, tuple[bytes, str, str]] = {}
    metadata: dict[str, Body] = {}
    for piece in message.iter_parts() if message.is_multipart() else ():
        name = piece.get_param("name", "", header="content-disposition")
        payload = piece.get_payload(decode=True)
        data = payload if isinstance(payload, bytes) else b""
        key = str(name).rpartition("_")[2]
        if str(name).startswith("file_metadata"):
            metadata[key] = loads(data)
        elif str(name).startswith("file_content"):
            contents[key] = (data, piece.get_content_type(), piece.get_filename() or "")
    if not contents and not metadata:
        raise faults.unparsable()
    for key in dict.fromkeys((*metadata, *contents)):
        data, media, file_name = contents.get(key, (b"", "", ""))
        body = metadata.get(key, {})
        if data:
            body |= {"Size": len(data), "ContentType": body.get("ContentType") or media}
            body["FileName"] = body.get("FileName") or file_name
        created = KINDS["Attachable"].create(work, body, {})
        answers.append(b'{"Attachable":%b}' % dumps(created))
    work.commit()
    return b'"AttachableResponse":[%b]' % b",".join(answers)
