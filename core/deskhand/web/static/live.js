// Keeps the part of a page marked data-live fresh. The server renders; nothing here builds HTML from data.
const policy = window.trustedTypes
  ? trustedTypes.createPolicy("deskhand", { createHTML: (html) => html })
  : { createHTML: (html) => html };

async function refresh() {
  const current = document.querySelector("[data-live]");
  if (!current || document.hidden) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(policy.createHTML(await answer.text()), "text/html");
  const fresh = page.querySelector("[data-live]");
  if (!fresh || fresh.isEqualNode(current)) return;
  const focused = document.activeElement && document.activeElement.id;
  current.replaceWith(document.adoptNode(fresh));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

setInterval(() => refresh().catch(() => undefined), 2000);
