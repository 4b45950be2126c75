import process from "node:process";
import { errorCode } from "../../lib/error_code.ts";
import { nodeFs } from "../node_fs.ts";

/** Facts about a path, after following links. */
export interface PathInfo {
  readonly kind: "file" | "directory" | "other";
  /** Permission bits; `undefined` on a system without them. */
  readonly mode: number | undefined;
}

const CHUNK_BYTES = 64 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ELOOP: "it is a loop of links",
  ENOENT: "it does not exist",
  ENOSPC: "no space left",
  ENOTDIR: "a part of the path is no directory",
  EPERM: "not permitted",
};

/** The system's description of a failure. */
export function reasonFor(error: unknown): string {
  return REASONS[errorCode(error) ?? ""] ?? (error instanceof Error ? error.message : String(error));
}

/**
 * Whether Deno grants the permission; other runtimes always do. Use without a permission would prompt on a
 * terminal.
 */
export function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return !("Deno" in globalThis) || Deno.permissions.querySync(permission).state === "granted";
}

/** Throws unless Deno grants the permission; `flag` is the flag that grants it. */
export function requireAccess(permission: Deno.PermissionDescriptor, flag: string): void {
  if (!isGranted(permission)) throw new Error(`Deno gives no access to it; run with ${flag}`);
}

/** A variable of the environment; `undefined` when it is not set. */
export function readVariable(name: string): string | undefined {
  if (!isGranted({ name: "env", variable: name })) {
    throw new Error(`Deno gives no access to ${name}; run with --allow-env=${name}`);
  }
  return process.env[name];
}

/** The text of a file. */
export function readText(path: string): Promise<string> {
  return looking(path, () => nodeFs().promises.readFile(path, "utf8"));
}

/** Describes a path; `undefined` when nothing has the name. */
export function look(path: string): Promise<PathInfo | undefined> {
  return looking(path, async () => {
    try {
      const { isFile, isDirectory, mode } = await stat(path);
      return {
        kind: isFile ? "file" : isDirectory ? "directory" : "other",
        mode: process.platform === "win32" || mode === null ? undefined : mode & 0o777,
      };
    } catch (error) {
      if (errorCode(error) === "ENOENT") return undefined;
      throw error;
    }
  });
}

async function stat(path: string): Promise<Pick<Deno.FileInfo, "isFile" | "isDirectory" | "mode">> {
  if ("Deno" in globalThis) return await Deno.stat(path);
  const info = await nodeFs().promises.stat(path);
  return { isFile: info.isFile(), isDirectory: info.isDirectory(), mode: info.mode };
}

async function looking<T>(path: string, action: () => Promise<T>): Promise<T> {
  requireAccess({ name: "read", path }, `--allow-read=${path}`);
  try {
    return await action();
  } catch (error) {
    throw new Error(reasonFor(error), { cause: error });
  }
}

/** The content of a file, read chunk by chunk on demand. */
export async function* readChunks(path: string): AsyncGenerator<Uint8Array, void, void> {
  const file = await looking(path, () => nodeFs().promises.open(path));
  try {
    for (;;) {
      const buffer = new Uint8Array(CHUNK_BYTES);
      const { bytesRead } = await looking(path, () => file.read(buffer, 0, buffer.length));
      if (bytesRead === 0) break;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Standard input, read chunk by chunk on demand. */
export async function* readStdinChunks(): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of process.stdin) yield chunk as Uint8Array;
}

/** All of standard input. */
export async function readStdin(): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of readStdinChunks()) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}
