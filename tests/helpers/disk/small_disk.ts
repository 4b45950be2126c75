import { spawnSync } from "node:child_process";
import { rmdir } from "node:fs/promises";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const MIB = 2 ** 20;

function run(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 10_000 }).status === 0;
}

function mount(path: string, options: string): boolean {
  return run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path);
}

function tryMounting(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const path = mkdtempSync(join(tmpdir(), "bytehaul-mount-"));
  const works = mount(path, "size=1m") && run("umount", path);
  rmdirSync(path);
  return works;
}

/** Why a test that needs a disk of its own is left out, or `false` where one can be had. */
export const NO_SMALL_DISK: string | false = tryMounting() ? false : "only root on Linux may mount a tmpfs";

/** A file system in memory, as small as a test wants it. It is unmounted when it is disposed of. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;

  /** Mounts one of `mib` MiB. */
  constructor(mib: number) {
    this.path = mkdtempSync(join(tmpdir(), "bytehaul-disk-"));
    if (!mount(this.path, `size=${mib * MIB}`)) throw new Error(`Cannot mount a tmpfs at ${this.path}`);
  }

  /** The path of something on it. */
  join(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Refuses every change from now on. */
  makeReadOnly(): void {
    if (!run("mount", "-o", "remount,ro", this.path)) throw new Error(`Cannot remount ${this.path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!run("umount", this.path)) run("umount", "--lazy", this.path);
    await rmdir(this.path);
  }
}
