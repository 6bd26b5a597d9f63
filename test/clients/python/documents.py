"""Files as people have them, made small: what a knowledge base reads."""

import io
import json
import zipfile


def pdf(*pages):
    """A PDF with one line of text on each page."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(len(pages))), len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for i, text in enumerate(pages):
        # Lines of at most 80 characters, so that nothing runs off the page.
        lines, line = [], ""
        for word in text.split():
            if len(line) + len(word) > 80:
                lines.append(line)
                line = ""
            line += word + " "
        lines.append(line)
        shown = " ".join(f"({line.strip()}) Tj 0 -16 Td" for line in lines)
        stream = f"BT /F1 12 Tf 40 780 Td {shown} ET".encode("latin-1")
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * i))
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    out, offsets = io.BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for offset in offsets:
        out.write(b"%010d 00000 n \n" % offset)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def _zip(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + text)
    return out.getvalue()


OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def docx(*paragraphs):
    """A Word document."""
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    return _zip(
        {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
        }
    )


def xlsx(*rows):
    """An Excel workbook with one sheet of strings."""
    cells = "".join(
        f'<row r="{r}">' + "".join(f'<c r="{chr(65 + c)}{r}" t="inlineStr"><is><t>{text}</t></is></c>' for c, text in enumerate(row)) + "</row>"
        for r, row in enumerate(rows, 1)
    )
    return _zip(
        {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets><sheet name="Lunch" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{cells}</sheetData></worksheet>',
        }
    )


def metadata(**attributes):
    """The file beside a document that says something about it."""
    return json.dumps({"metadataAttributes": attributes}).encode()


# A company's handbook, a file of each kind. Each answers one question that no
# other one does.
HANDBOOK = {
    "refunds.md": b"# Refund policy\n\nCustomers may return any product within 30 days of delivery and receive a full refund. "
    b"Refunds are paid to the original card within five working days.\n",
    "refunds.md.metadata.json": metadata(department="sales", year=2026, public=True, tags=["returns", "money"]),
    "shipping.txt": b"Shipping. Parcels to Europe take three working days. Orders above 50 euros are shipped free of charge.\n",
    "shipping.txt.metadata.json": metadata(department="logistics", year=2025, public=True, tags=["delivery"]),
    "warranty.html": b"<html><head><title>Warranty</title><script>track()</script></head><body><h1>Warranty</h1>"
    b"<p>Every machine has a warranty of two years. The warranty covers broken motors and batteries.</p></body></html>",
    "warranty.html.metadata.json": json.dumps(
        {
            "metadataAttributes": {
                "department": {"value": {"type": "STRING", "stringValue": "sales"}, "includeForEmbedding": True},
                "year": {"value": {"type": "NUMBER", "numberValue": 2024}, "includeForEmbedding": False},
                "public": {"value": {"type": "BOOLEAN", "booleanValue": False}, "includeForEmbedding": False},
                "tags": {"value": {"type": "STRING_LIST", "stringListValue": ["repair", "money-back"]}, "includeForEmbedding": False},
            }
        }
    ).encode(),
    "vacation.docx": docx("Vacation", "Employees have 28 days of paid vacation in a year. Vacation requests go to the team lead."),
    "offices.csv": b"city,street,head\nLisbon,Rua Augusta 12,Maria Gomes\nOslo,Karl Johans gate 3,Nils Berg\n",
    "lunch.xlsx": xlsx(["meal", "price"], ["lentil soup", "4 euros"], ["mushroom risotto", "7 euros"]),
    "safety.pdf": pdf(
        "Fire safety. In case of fire leave the building by the stairs and meet at the parking lot.",
        "First aid. The first aid kit hangs beside the coffee machine on the second floor.",
    ),
}

# Question, the file that answers it.
QUESTIONS = [
    ("How long do customers have to return a product for a refund?", "refunds.md"),
    ("When is shipping free of charge?", "shipping.txt"),
    ("What does the warranty of a machine cover?", "warranty.html"),
    ("How many days of paid vacation do employees have?", "vacation.docx"),
    ("Who is the head of the office in Oslo?", "offices.csv"),
    ("How much does the lentil soup cost?", "lunch.xlsx"),
    ("Where does the first aid kit hang?", "safety.pdf"),
]
