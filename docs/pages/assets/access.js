// What the theme leaves out for those without a mouse: a table that scrolls can be
// reached by the keyboard, and a block of code is no part of the navigation.

function reach() {
  for (const each of document.querySelectorAll(".md-typeset__scrollwrap")) {
    if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
    else each.removeAttribute("tabindex");
  }
  for (const each of document.querySelectorAll("nav.md-code__nav"))
    each.setAttribute("role", "none");
}

new MutationObserver(reach).observe(document.body, { childList: true, subtree: true });
addEventListener("resize", reach);
reach();
