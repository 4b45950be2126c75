/** A place where something hangs until a test lets it go on. */
export class Gate {
  readonly #reached = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();

  /** Resolves when somebody first stands at the gate. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** Waits at the gate. */
  pass(): Promise<void> {
    this.#reached.resolve();
    return this.#opened.promise;
  }

  /** Says that the place has been reached, where nobody stands and waits. */
  reach(): void {
    this.#reached.resolve();
  }

  /** Lets everybody through, now and later. */
  open(): void {
    this.#opened.resolve();
  }
}
