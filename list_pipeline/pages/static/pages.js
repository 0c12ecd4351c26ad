// The pages work without this file. With it a form is sent once however often its button is pressed, and what says
// "data-refresh" is kept fresh while somebody looks.
"use strict";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) {
    button.setAttribute("aria-disabled", "true");
  }
});

// A page that the browser kept, and shows again on "back", can send its forms again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) {
      button.removeAttribute("aria-disabled");
    }
  }
});

for (const place of document.querySelectorAll("[data-refresh]")) {
  const refresh = async () => {
    if (document.hidden || place.contains(document.activeElement)) {
      return;
    }
    const answer = await fetch(place.dataset.refresh, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) {
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(`#${place.id}`);
    if (fresh !== null) {
      place.replaceChildren(...fresh.childNodes);
    }
  };
  setInterval(() => refresh().catch(() => {}), Number(place.dataset.every) * 1000);
}

// On a phone tables are laid out as blocks, and browsers then no longer say that they are tables.
const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
for (const table of document.querySelectorAll("table.stacked")) {
  for (const part of [table, ...table.querySelectorAll("thead, tbody, tr, td, th")]) {
    const role = ROLES[part.tagName] ?? (part.scope === "row" ? "rowheader" : "columnheader");
    part.setAttribute("role", role);
  }
}
