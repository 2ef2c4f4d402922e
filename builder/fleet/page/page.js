"use strict";
const body = document.querySelector("tbody");
const rows = [...body.rows];
const heads = [...document.querySelectorAll("thead th")];
const found = document.querySelector(".find output");
const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function compare(column, numeric) {
  return (one, other) => {
    const a = one.cells[column].dataset.value;
    const b = other.cells[column].dataset.value;
    if (a === "" || b === "") return (a === "") - (b === "");
    return numeric ? a - b : order.compare(a, b);
  };
}

function sortBy(column) {
  const head = heads[column];
  const descending = head.getAttribute("aria-sort") === "ascending";
  const ascending = compare(column, head.classList.contains("number"));
  const empty = (row) => row.cells[column].dataset.value === "";
  rows.sort((one, other) => {
    const result = ascending(one, other);
    return descending && !empty(one) && !empty(other) ? -result : result;
  });
  for (const other of heads) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  body.append(...rows);
}

function show(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const has = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => has.includes(word));
    if (!row.hidden) shown += 1;
  }
  found.textContent = words.length ? `${shown} of ${rows.length} services` : "";
}

heads.forEach((head, column) => {
  const label = head.querySelector("span");
  if (head.classList.contains("plain")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label.textContent;
  button.addEventListener("click", () => sortBy(column));
  label.replaceWith(button);
});
const find = document.querySelector(".find");
find.hidden = false;
find.querySelector("input").addEventListener("input", (event) => show(event.target.value));
