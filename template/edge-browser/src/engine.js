/** The model in a thread of its own, so that the page stays at hand while it runs. */

export class Engine {
  #worker;
  #asked = new Map();
  #count = 0;

  /**
   * What the model runs on, once it is loaded and answers its sample as it should. Rejected with an
   * Error that tells people why if it cannot be used.
   */
  ready;

  /** @param {URL} script worker.js of the release to use. */
  constructor(script) {
    this.#worker = new Worker(script, { type: "module" });
    this.ready = this.#ask("start");
    // Whoever asks is told; until then the rejection is not unhandled.
    this.ready.catch(() => {});
    this.#worker.addEventListener("message", ({ data }) => this.#settle(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#fail(event.message || "the script could not be loaded");
    });
  }

  /** Prediction, and milliseconds of each stage. Throws an Error that tells people why not. */
  async predict(data) {
    await this.ready;
    return this.#ask("predict", data);
  }

  close() {
    this.#worker.terminate();
    this.#fail("it was closed");
  }

  #ask(task, data) {
    const id = (this.#count += 1);
    this.#worker.postMessage({ id, task, data });
    return new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
  }

  #settle({ id, answer, error }) {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error === undefined) asked?.resolve(answer);
    else asked?.reject(new Error(error));
  }

  #fail(reason) {
    for (const { reject } of this.#asked.values())
      reject(new Error(`The model stopped: ${reason}. Load the page again.`));
    this.#asked.clear();
  }
}
