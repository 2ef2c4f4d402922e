/** Reads an OpenAPI document and tells its schemas in few words. */

const SHORT = 60;

let root;

/** The document at a path, in which references are looked up from then on. */
export async function read(path, key) {
  const response = await fetch(path, { headers: key ? { authorization: `Bearer ${key}` } : {} });
  if (!response.ok) {
    const error = new Error(`${response.status} ${response.statusText}`);
    throw Object.assign(error, { status: response.status });
  }
  return (root = await response.json());
}

/** The schemes by which callers say who they are. */
export const securitySchemes = () => root.components?.securitySchemes ?? {};

/** What every operation asks for that says nothing else. */
export const securityOfAll = () => root.security ?? [];

/** What a reference leads to; anything else is answered as it is. */
export function resolved(part) {
  if (typeof part?.$ref !== "string") return part;
  const keys = part.$ref.split("/").slice(1);
  const names = keys.map((key) => decodeURIComponent(key).replace(/~1/g, "/").replace(/~0/g, "~"));
  return resolved(names.reduce((found, name) => found?.[name], root)) ?? {};
}

/** The type that a schema describes, such as { data: [[number × 4] × 1] }. */
export function typeText(schema, indent = "", above = []) {
  if (schema?.$ref) {
    if (above.includes(schema.$ref)) return schema.$ref.split("/").at(-1);
    return typeText(resolved(schema), indent, [...above, schema.$ref]);
  }
  const inner = (part, deeper = indent) => typeText(part, deeper, above);
  if ("const" in Object(schema)) return JSON.stringify(schema.const);
  const { enum: values, anyOf, oneOf, allOf, type, items, prefixItems, properties } = Object(schema);
  if (values) return values.map((value) => JSON.stringify(value)).join(" | ");
  if (anyOf ?? oneOf) return (anyOf ?? oneOf).map((part) => inner(part)).join(" | ");
  if (allOf) return allOf.map((part) => inner(part)).join(" & ");
  if (Array.isArray(type)) return type.map((one) => inner({ ...schema, type: one })).join(" | ");
  if (prefixItems) return `[${prefixItems.map((part) => inner(part)).join(", ")}]`;
  if (type === "array" || items) return `[${member(items ?? true, inner)}${count(schema)}]`;
  if (type === "object" || properties) return objectText(schema, indent, inner);
  return `${type ?? "any"}${limits(Object(schema))}`;
}

function objectText({ properties = {}, required = [], additionalProperties }, indent, inner) {
  const deeper = `${indent}  `;
  const lines = Object.entries(properties).map(([name, part]) => {
    const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
    const note = resolved(part)?.description;
    const type = `${key}${required.includes(name) ? "" : "?"}: ${inner(part, deeper)}`;
    return note ? `${type}  // ${note}` : type;
  });
  if (typeof additionalProperties === "object")
    lines.push(`[any name]: ${inner(additionalProperties, deeper)}`);
  if (!lines.length) return "object";
  const short = lines.join(", ");
  if (short.length <= SHORT && !/\n|\/\//.test(short)) return `{ ${short} }`;
  return `{\n${lines.map((line) => deeper + line).join("\n")}\n${indent}}`;
}

function member(items, inner) {
  const { enum: values, anyOf, oneOf, type } = Object(resolved(items));
  const several = values ?? anyOf ?? oneOf ?? (Array.isArray(type) ? type : []);
  return several.length > 1 ? `(${inner(items)})` : inner(items);
}

function count({ minItems, maxItems }) {
  if (minItems === undefined && maxItems === undefined) return ", …";
  return minItems === maxItems ? ` × ${minItems}` : ` × ${minItems ?? 0}…${maxItems ?? ""}`;
}

function limits({ format, contentEncoding, contentMediaType, minimum, maximum, maxLength }) {
  const said = [format, contentEncoding, contentMediaType].filter(Boolean);
  if (minimum !== undefined || maximum !== undefined) said.push(`${minimum ?? ""}…${maximum ?? ""}`);
  if (maxLength !== undefined) said.push(`at most ${maxLength} characters`);
  return said.length ? ` (${said.join(", ")})` : "";
}
