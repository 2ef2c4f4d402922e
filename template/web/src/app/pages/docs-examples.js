/** Examples of what goes to an operation and comes from it. */

import { shellWord } from "./common.js";
import { resolved, securityOfAll, securitySchemes } from "./docs-schemas.js";

const LONGEST_SHOWN = 2000;
const SHORT = 60;

/** The example of a body: its own, or one made from its schema. */
export function example({ example, examples = {}, schema }) {
  return example ?? resolved(Object.values(examples)[0])?.value ?? made(schema ?? {});
}

/** JSON with what is short on one line. */
export function written(value, indent = "") {
  const line = JSON.stringify(value);
  if (line.length + indent.length <= SHORT || typeof value !== "object") return line;
  const deeper = `${indent}  `;
  const list = Array.isArray(value);
  const parts = Object.entries(value).map(
    ([key, part]) => `${deeper}${list ? "" : `${JSON.stringify(key)}: `}${written(part, deeper)}`,
  );
  return `${list ? "[" : "{"}\n${parts.join(",\n")}\n${indent}${list ? "]" : "}"}`;
}

/** A call of an operation by curl. */
export function curl(path, method, { parameters, requestBody, security }) {
  const lines = parameters
    .filter(({ in: place, required }) => place === "header" && required)
    .map((parameter) => `-H ${shellWord(`${parameter.name}: ${value(parameter)}`)}`);
  lines.push(...credentials(security), ...sent(resolved(requestBody)?.content ?? {}));
  const usual = requestBody ? "post" : "get";
  const start = method === usual ? "curl" : `curl -X ${method.toUpperCase()}`;
  return [start, ...lines, shellWord(address(path, parameters))].join(" \\\n  ").replace(" \\\n  ", " ");
}

function address(path, parameters) {
  const filled = path.replace(/\{([^}:]+)[^}]*\}/g, (_, name) => {
    const parameter = parameters.find((one) => one.in === "path" && one.name === name);
    return encodeURIComponent(parameter ? value(parameter) : name.toUpperCase());
  });
  const url = new URL(filled.slice(1), document.baseURI);
  for (const parameter of parameters)
    if (parameter.in === "query" && parameter.required)
      url.searchParams.set(parameter.name, value(parameter));
  return url.href;
}

function value({ name, example, schema }) {
  const known = resolved(schema) ?? {};
  const usual = known.type === "string" ? name.toUpperCase() : made(known);
  return String(example ?? known.examples?.[0] ?? known.const ?? known.enum?.[0] ?? usual);
}

function credentials(security = securityOfAll()) {
  const names = Object.keys(security[0] ?? {});
  return names.flatMap((name) => {
    const { type, scheme, in: place, name: header } = resolved(securitySchemes()[name]) ?? {};
    if (type === "apiKey" && place === "header") return [`-H "${header}: $API_KEY"`];
    return type === "http" && scheme === "bearer" ? ['-H "Authorization: Bearer $TOKEN"'] : [];
  });
}

function sent(content) {
  const [type, media] = Object.entries(content)[0] ?? [];
  if (!type) return [];
  if (type.startsWith("multipart/")) {
    const fields = Object.keys(resolved(media.schema)?.properties ?? {});
    return fields.map((field) => `-F ${shellWord(`${field}=@${field}`)}`);
  }
  if (!type.includes("json")) return [`-H ${shellWord(`content-type: ${type}`)}`, "--data-binary @request"];
  const json = JSON.stringify(example(media));
  const words = `-d ${json.length > LONGEST_SHOWN ? "@request.json" : shellWord(json)}`;
  return [`-H ${shellWord(`content-type: ${type}`)}`, words];
}

function made(schema, depth = 0) {
  const known = resolved(schema) ?? {};
  const { anyOf, oneOf, allOf, type, items, minItems = 1, properties = {} } = known;
  const told = known.example ?? known.examples?.[0] ?? known.const ?? known.default ?? known.enum?.[0];
  if (told !== undefined) return told;
  if (depth > 8) return null;
  const inner = (part) => made(part, depth + 1);
  if (anyOf ?? oneOf) return inner((anyOf ?? oneOf)[0]);
  if (allOf) return Object.assign({}, ...allOf.map(inner));
  if (type === "array") return Array.from({ length: Math.min(minItems, 4) }, () => inner(items ?? {}));
  if (type === "object" || known.properties)
    return Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, inner(part)]));
  return { string: "text", number: 0, integer: 0, boolean: true }[[type].flat()[0]] ?? null;
}
