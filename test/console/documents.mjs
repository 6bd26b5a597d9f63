// Documents that the tests upload.

/** A PDF with these lines on each of its pages. */
export function pdf(...pages) {
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, i) => `${4 + 2 * i} 0 R`).join(" ")}] >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
  ];
  for (const [i, lines] of pages.entries()) {
    const text = lines.map((line) => `(${line.replace(/[()\\]/g, "\\$&")}) Tj T*`).join("\n");
    const content = `BT /F1 12 Tf 16 TL 72 720 Td\n${text}\nET`;
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents ${5 + 2 * i} 0 R >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    );
  }
  let file = "%PDF-1.4\n";
  const offsets = objects.map((object, i) => {
    const at = file.length;
    file += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const xref = file.length;
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  for (const at of offsets) file += `${String(at).padStart(10, "0")} 00000 n \n`;
  return Buffer.from(`${file}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${xref}\n%%EOF\n`, "latin1");
}

export const warranty = pdf(
  ["Warranty of the Model 7 kettle", "", "The kettle is guaranteed for seven years from the day of purchase.", "Keep the receipt."],
  ["Repairs", "", "Repairs are made in Gdynia. Send the kettle in its box to the workshop.", "A repair takes nine working days."],
);

export const returns = Buffer.from(`# Returns

Goods can be returned within 30 days. The refund is paid within a week.

## Exceptions

Opened food cannot be returned.
`);

export const prices = Buffer.from(`article,price
kettle,49 EUR
toaster,39 EUR
`);
