// Tables for people: the first column to the left, figures to the right.

/** Prints rows of texts under a heading; the first row is the head. */
export function table(title, rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  console.log(`\n${title}`);
  for (const row of rows) {
    const cells = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])));
    console.log(`  ${cells.join("  ").trimEnd()}`);
  }
}

/** `0.62 (0.60–0.65)`: the median and the quartiles. */
export function shown({ middle, low, high }) {
  return `${middle.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

/** For the JSON object: three decimals, and `null` for what could not be measured. */
export function figure(value) {
  return value === undefined || !Number.isFinite(value) ? null : Number(value.toFixed(3));
}
