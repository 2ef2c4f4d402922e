/** What is in site/ is whole, and refers to nothing outside of it. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { HEADERS } from "../src/headers.js";
import { MODEL } from "../src/model.js";

const SITE = new URL("../site/", import.meta.url);
const text = (path) => readFile(new URL(path, SITE), "utf8");
const { id, files } = JSON.parse(await text("release.json"));
const page = await text("index.html");

test("every file of the release is there as it is named", async () => {
  for (const [path, { sha256, size }] of Object.entries(files)) {
    const content = await readFile(new URL(path, SITE));
    assert.equal(content.length, size, path);
    assert.equal(createHash("sha256").update(content).digest("hex"), sha256, path);
  }
});

test("the page refers to files of the release alone", () => {
  const references = [...page.matchAll(/ (?:href|src)="([^"]*)"/g)].map(([, path]) => path);
  assert.ok(references.includes(`releases/${id}/page.js`));
  for (const path of references) assert.ok(path in files, path);
});

test("the page names the model that it comes with", () => {
  const { sha256 } = files[`releases/${id}/${MODEL}`];
  assert.ok(page.includes(`SHA-256 ${sha256.slice(0, 12)}…`));
});

test("the page has neither scripts nor styles of its own", () => {
  assert.doesNotMatch(page, /<script(?![^>]* src=)|<style| style=| on[a-z]+=/);
});

test("the page's own policy is that of the headers", () => {
  const own = /Content-Security-Policy" content="([^"]*)"/.exec(page)[1];
  assert.equal(`${own}; frame-ancestors 'none'`, HEADERS["content-security-policy"]);
});

test("scripts import scripts of the release alone", async () => {
  for (const path of Object.keys(files).filter((name) => /^releases\/\w+\/\w+\.js$/.test(name)))
    for (const [, name] of (await text(path)).matchAll(/^import .* from "\.\/(.+)";$/gm))
      assert.ok(`releases/${id}/${name}` in files, `${path} imports ${name}`);
});

test("the manifest's icons are there", async () => {
  const { icons } = JSON.parse(await text("site.webmanifest"));
  for (const { src } of icons) assert.ok(src in files, src);
});

test("the runtime comes with its licences", () => {
  for (const name of ["LICENSE.txt", "NOTICE.txt"])
    assert.ok(`releases/${id}/runtime/${name}` in files);
});
