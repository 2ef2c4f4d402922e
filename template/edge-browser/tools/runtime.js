/** The same runtime as the site's, in Node. */

import { readFile } from "node:fs/promises";

import * as ort from "../node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";

const dist = new URL("../node_modules/onnxruntime-web/dist/", import.meta.url);

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { mjs: new URL("ort-wasm-simd-threaded.mjs", dist).href };
ort.env.wasm.wasmBinary = await readFile(new URL("ort-wasm-simd-threaded.wasm", dist));

export { ort };
