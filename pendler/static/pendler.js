// Swaps the results in place and keeps the address. Without it each link and form loads its page, with the same result.
"use strict";

const isResults = (url) => url.origin === location.origin && url.pathname === "/" && url.search.length > 1;
let shown = location.href.split("#")[0];

async function show(to, remember) {
  const main = document.querySelector("main");
  main.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(to);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (remember) history.pushState(null, "", to);
    shown = location.href.split("#")[0];
    document.title = page.title;
    document.querySelector("header").replaceWith(page.querySelector("header"));
    main.replaceWith(page.querySelector("main"));
    document.querySelector("main").focus();
    if (remember) scrollTo(0, 0);
  } catch {
    location.assign(to);
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.search")) return;
  event.preventDefault();
  const given = [...new FormData(event.target)].filter(([, value]) => value !== "");
  show(new URL("/?" + new URLSearchParams(given), location.href), true);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("main a");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const to = new URL(link.href);
  if (!isResults(to)) return;
  event.preventDefault();
  show(to, true);
});

addEventListener("popstate", () => {
  if (location.href.split("#")[0] === shown) return;
  if (isResults(new URL(location.href))) show(location.href, false);
  else location.reload();
});
