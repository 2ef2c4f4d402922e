/** The thread in which the model runs. */

import { Predictor } from "./predictor.js";
import * as ort from "./runtime/ort.wasm.min.mjs";

const MOST_THREADS = 4; // more of them wait for each other

let predictor;

const tasks = {
  async start() {
    const folder = new URL("./runtime/", import.meta.url);
    ort.env.wasm.wasmPaths = {
      mjs: new URL("ort-wasm-simd-threaded.mjs", folder).href,
      wasm: new URL("ort-wasm-simd-threaded.wasm", folder).href,
    };
    // Browsers lend threads only to pages that are isolated from those of other sites.
    const threads = crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
    ort.env.wasm.numThreads = threads;
    predictor = await Predictor.load(ort, read);
    return { threads, prediction: await predictor.checkSample() };
  },

  predict: (data) => predictor.predict(data),
};

self.addEventListener("message", async ({ data: { id, task, data } }) => {
  try {
    self.postMessage({ id, answer: await tasks[task](data) });
  } catch (error) {
    self.postMessage({ id, error: error?.message ?? String(error) });
  }
});

/** A file of this release. */
async function read(path) {
  let response;
  try {
    response = await fetch(new URL(path, import.meta.url));
  } catch {
    throw new Error(`${path} could not be fetched: there is no network`);
  }
  if (!response.ok) throw new Error(`${path} could not be fetched: status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
