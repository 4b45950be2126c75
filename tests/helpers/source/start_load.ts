import { dirname, join } from "node:path/posix";
import { importsOf } from "./import_rule.ts";

/** What is loaded before the first line of a module runs, and what its files may load later. */
export interface StartLoad {
  /** Paths from the root, and modules of Node. */
  readonly loaded: ReadonlySet<string>;
  /** Targets of `import()` in the loaded files, as in `loaded`. */
  readonly late: ReadonlySet<string>;
}

/** Follows the imports of `entry`. `files` maps paths from the root to sources. */
export function startLoad(files: ReadonlyMap<string, string>, entry: string): StartLoad {
  const loaded = new Set([entry]);
  const late = new Set<string>();
  // A set also visits what is added while it is read.
  for (const path of loaded) {
    for (const { specifier, isType, isLate } of importsOf(files.get(path) ?? "")) {
      if (specifier === undefined || isType) continue;
      const target = specifier.startsWith(".") ? join(dirname(path), specifier) : specifier;
      (isLate ? late : loaded).add(target);
    }
  }
  return { loaded, late };
}
