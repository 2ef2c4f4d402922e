/** Reads an OpenAPI document and tells its schemas in few words. */

let root;

/** The document at a path, in which references are looked up from then on. */
export async function read(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
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
  if (type === "array" || items) return `[${grouped(inner(items ?? true))}${count(schema)}]`;
  if (type === "object" || properties) return objectText(schema, indent, inner);
  return `${type ?? "any"}${limits(Object(schema))}`;
}

function objectText({ properties = {}, required = [], additionalProperties }, indent, inner) {
  const deeper = `${indent}  `;
  const lines = Object.entries(properties).map(([name, part]) => {
    const mark = required.includes(name) ? "" : "?";
    const note = resolved(part)?.description ? `  // ${resolved(part).description}` : "";
    return `${deeper}${/^\w+$/.test(name) ? name : JSON.stringify(name)}${mark}: ${inner(part, deeper)}${note}`;
  });
  if (typeof additionalProperties === "object")
    lines.push(`${deeper}[any name]: ${inner(additionalProperties, deeper)}`);
  return lines.length ? `{\n${lines.join("\n")}\n${indent}}` : "object";
}

function grouped(text) {
  return text.includes(" | ") && !text.includes("\n") ? `(${text})` : text;
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
