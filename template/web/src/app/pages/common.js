/** What the pages share. */

/** A new element: element("p", { className: "note" }, "text", otherElement). */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** One word of a POSIX shell. */
export function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

/** Code under its title, with a button that copies it; show(text) replaces the code. */
export function codeBox(title, text = "") {
  const code = element("code", {}, text);
  const copied = element("span", { className: "copied" });
  const button = element("button", { type: "button", ariaLabel: `Copy: ${title}` }, "Copy");
  copied.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    copied.textContent = (await copy(code)) ? "Copied" : "Selected: copy it by hand";
    setTimeout(() => (copied.textContent = ""), 2000);
  });
  const box = element(
    "figure",
    { className: "code card" },
    element("figcaption", {}, title, copied, button),
    element("pre", { tabIndex: 0 }, code),
  );
  return Object.assign(box, { show: (other) => (code.textContent = other) });
}

async function copy(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    // Browsers keep the clipboard from pages that come without TLS.
    getSelection().selectAllChildren(node);
    return document.execCommand("copy");
  }
}
