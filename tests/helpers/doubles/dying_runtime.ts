import type { FileSystem, Runtime, RuntimeFile } from "../../../src/runtime/runtime.ts";
import { runtimeWith } from "./runtime_double.ts";

/** The calls that change something on a disk. */
export const CHANGING_CALLS = [
  "makeDirectory",
  "lock",
  "create",
  "write",
  "sync",
  "rename",
  "link",
  "syncDirectory",
  "remove",
] as const;

/** The runtime of a process that dies, as its files see it. */
export interface DyingRuntime {
  readonly runtime: Runtime;
  readonly isDead: boolean;
}

/** Dies before it makes the call of that name for the nth time, and from then on does nothing any more. */
export function dyingBefore(call: string, nth: number): DyingRuntime {
  let calls = 0;
  let isDead = false;
  const live = (name: string) => {
    if (name === call && ++calls === nth) isDead = true;
    if (isDead) throw new Error("the process is dead");
  };

  const guard =
    <A extends unknown[], T>(name: string, call: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      live(name);
      return await call(...args);
    };

  const guardFile = (file: RuntimeFile): RuntimeFile => ({
    read: guard("read", (buffer: Uint8Array, position: number) => file.read(buffer, position)),
    write: guard("write", (data: Uint8Array, position: number) => file.write(data, position)),
    truncate: guard("truncate", (size: number) => file.truncate(size)),
    sync: guard("sync", () => file.sync()),
    stat: guard("stat", () => file.stat()),
    // As with the lock, the system closes what is open when a process dies.
    close: () => file.close(),
  });

  const real = runtimeWith({}).files;
  const files = {} as Record<keyof FileSystem, unknown>;
  for (const name of Object.keys(real) as (keyof FileSystem)[]) {
    files[name] = async (...args: never[]) => {
      live(name);
      const result = await (real[name] as (...args: never[]) => Promise<unknown>)(...args);
      return name === "create" || name === "open" ? guardFile(result as RuntimeFile) : result;
    };
  }
  return {
    runtime: runtimeWith({ files: files as unknown as FileSystem }),
    get isDead() {
      return isDead;
    },
  };
}
