import { mkdir, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import type { RuntimeFile } from "../../../src/runtime/runtime.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../temp.ts";

/** For tests that need symbolic links. */
export const WITH_LINKS = { skip: process.platform === "win32" && "symbolic links need a privilege there" };

/** Uses a file and closes it. */
export async function withFile<T>(
  opened: Promise<RuntimeFile>,
  use: (file: RuntimeFile) => Promise<T>,
): Promise<T> {
  const file = await opened;
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Reads up to `length` bytes at `position`, in one read. */
export async function readAt(file: RuntimeFile, position: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  return buffer.subarray(0, await file.read(buffer, position));
}

/** A directory with a file, a directory, a link to the file, a link to nothing and a link to itself. */
export async function filesAndLinks(): Promise<TemporaryDirectory> {
  const dir = await temporaryDirectory();
  await writeFile(dir.join("file"), "hello");
  await mkdir(dir.join("directory"));
  if (WITH_LINKS.skip) return dir;
  await symlink("file", dir.join("link"));
  await symlink("nothing", dir.join("dangling"));
  await symlink("loop", dir.join("loop"));
  return dir;
}
