// Hides rows that do not match, and opens the details that a link points into. The page is whole without it.
"use strict";
const query = document.getElementById("query");
const only = document.getElementById("only");
const rows = [...document.querySelectorAll(".matrix tbody tr[data-status]")];
const cases = [...document.querySelectorAll("details.case")];

function name(element) {
  return element.querySelector("th, summary").textContent.toLowerCase();
}

function matches(element) {
  return name(element).includes(query.value.trim().toLowerCase()) && !(only.checked && element.dataset.status === "pass");
}

function apply() {
  for (const element of [...rows, ...cases]) element.hidden = !matches(element);
  document.getElementById("found").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} cases`;
}

function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) {
    at.hidden = false;
    if (at.tagName === "DETAILS") at.open = true;
  }
  target.scrollIntoView();
}

const filter = document.getElementById("filter");
filter.hidden = false;
filter.addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("input", apply);
addEventListener("hashchange", reveal);
apply();
reveal();
