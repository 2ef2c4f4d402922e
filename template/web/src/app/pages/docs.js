/** The reference of the API: what openapi.json says, for people. */

import { codeBox, element } from "./common.js";
import { curl, example, written } from "./docs-examples.js";
import { read, resolved, typeText } from "./docs-schemas.js";

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];
const PREDICTIONS = "Predictions";
const PROTOCOL = "Open Inference Protocol v2";
const HEALTH = "Health and metrics";

function groupOf(path, { tags }) {
  if (tags?.length) return tags[0];
  if (/^\/v2(\/|$)/.test(path)) return PROTOCOL;
  if (/^\/(health|metrics)(\/|$)/.test(path)) return HEALTH;
  return /^\/(predict|metadata|label)(\/|$)/.test(path) ? PREDICTIONS : "Other";
}

function grouped(paths) {
  const groups = new Map([PREDICTIONS, PROTOCOL, HEALTH].map((name) => [name, []]));
  for (const [path, item] of Object.entries(paths)) {
    for (const method of METHODS.filter((name) => name in item)) {
      const parameters = [...(item.parameters ?? []), ...(item[method].parameters ?? [])];
      const operation = { ...item[method], parameters: parameters.map(resolved) };
      const name = groupOf(path, operation);
      groups.set(name, [...(groups.get(name) ?? []), { path, method, operation }]);
    }
  }
  return [...groups].filter(([, operations]) => operations.length);
}

function section([name, operations]) {
  return element("section", {}, element("h2", {}, name), ...operations.map(entry));
}

function entry({ path, method, operation }) {
  const summary = element(
    "summary",
    {},
    element("span", { className: `method ${method}` }, method.toUpperCase()),
    element("code", {}, path),
    element("span", { className: "note" }, operation.summary ?? ""),
  );
  const details = element("details", { className: "card", id: `${method}${path}` }, summary);
  // What few people open is made only when they do.
  details.addEventListener("toggle", () => details.append(body(path, method, operation)), {
    once: true,
  });
  return details;
}

function body(path, method, operation) {
  const told = element("div");
  const calls = element("div", {}, codeBox("curl", curl(path, method, operation)));
  if (operation.description) told.append(element("p", {}, operation.description));
  if (operation.parameters.length) told.append(parameterTable(operation.parameters));
  let shown;
  const request = resolved(operation.requestBody ?? {});
  for (const [mediaType, media] of Object.entries(request.content ?? {})) {
    const type = typeText(media.schema ?? {});
    told.append(element("h3", {}, `Request: ${mediaType}`), typeBox(type));
  }
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    const { description, content = {} } = resolved(response);
    told.append(element("h3", {}, status), element("p", {}, description ?? ""));
    for (const [mediaType, media] of Object.entries(content)) {
      const type = typeText(media.schema ?? {});
      // Refusals are all of one type, which is shown with the first.
      if (type !== shown) told.append(typeBox(type));
      shown = type;
      if (status.startsWith("2") && mediaType.includes("json"))
        calls.append(codeBox(`Answer ${status}`, written(example(media))));
    }
  }
  return element("div", { className: "body" }, told, calls);
}

function parameterTable(parameters) {
  const rows = parameters.map(({ name, in: place, required, schema, description }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name),
      element("td", {}, required ? place : `${place}, optional`),
      element("td", {}, element("code", {}, typeText(schema ?? {}))),
      element("td", {}, description ?? ""),
    ),
  );
  const titles = ["Parameter", "In", "Type", ""].map((title) => element("th", {}, title));
  const head = element("thead", {}, element("tr", {}, ...titles));
  return element("table", {}, head, element("tbody", {}, ...rows));
}

function typeBox(type) {
  return element("pre", { tabIndex: 0 }, element("code", {}, type));
}

function openLinked() {
  const linked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (linked?.matches("details")) {
    linked.open = true;
    linked.scrollIntoView();
  }
}

const reference = document.getElementById("reference");

async function show(key) {
  try {
    const { paths } = await read("openapi.json", key);
    reference.replaceChildren(...grouped(paths).map(section));
    openLinked();
  } catch (error) {
    const reason = element("p", { role: "alert" }, `No openapi.json: ${error.message}`);
    reference.replaceChildren(reason, ...(error.status === 401 ? [keyForm()] : []));
  }
}

function keyForm() {
  const field = element("input", { type: "password", required: true, autocomplete: "off" });
  const label = element("label", {}, "API key or token", field);
  const form = element("form", {}, label, element("button", {}, "Show the reference"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(field.value);
  });
  return form;
}

addEventListener("hashchange", openLinked);
show();
