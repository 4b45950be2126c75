import type { FileInfo } from "../../src/runtime/runtime.ts";

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

/** One change of a file that the disk may not have yet. */
type Change =
  & { readonly version: number; readonly sizeAfter: number; readonly modifiedMs: number; isDropped: boolean }
  & (
    | { readonly kind: "write"; readonly position: number; readonly data: Uint8Array }
    | { readonly kind: "truncate" }
  );

/** Bytes that grow; what lies behind `size` is zero. */
class Content {
  bytes = new Uint8Array(0);
  size = 0;

  copy(): Content {
    const copy = new Content();
    copy.bytes = this.bytes.slice();
    copy.size = this.size;
    return copy;
  }

  write(data: Uint8Array, position: number): void {
    this.#reserve(position + data.length);
    this.bytes.set(data, position);
    this.size = Math.max(this.size, position + data.length);
  }

  resize(size: number): void {
    this.#reserve(size);
    this.bytes.fill(0, size);
    this.size = size;
  }

  #reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(size, 2 * this.bytes.length));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** A file or directory: what programs see of it, what the disk has, and the changes in between. */
export class Inode {
  readonly kind: "file" | "directory";
  readonly number: number;
  #seen = new Content();
  #durable = new Content();
  #modifiedMs = 0;
  #durableModifiedMs = 0;
  #version = 0;
  #changes: Change[] = [];

  constructor(kind: "file" | "directory", number: number) {
    this.kind = kind;
    this.number = number;
  }

  get info(): FileInfo {
    const { kind, number } = this;
    const [size, modifiedMs] = [this.#seen.size, this.#modifiedMs];
    return { kind, size, identity: `memory:${number}`, modifiedMs, owner: 0, links: undefined };
  }

  /** What programs see now; to be looked at only. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#seen.bytes.subarray(0, this.#seen.size);
  }

  /** How often it was changed. */
  get version(): number {
    return this.#version;
  }

  write(data: Uint8Array, position: number, nowMs: number): void {
    this.#seen.write(data, position);
    this.#changed({ kind: "write", position, data: data.slice() }, nowMs);
  }

  truncate(size: number, nowMs: number): void {
    this.#seen.resize(size);
    this.#changed({ kind: "truncate" }, nowMs);
  }

  /** Makes the changes up to `version` durable, but for those that were dropped. */
  sync(version: number): void {
    const isSynced = (change: Change): boolean => change.version <= version && !change.isDropped;
    for (const change of this.#changes.filter(isSynced)) {
      if (change.kind === "write") this.#durable.write(change.data, change.position);
      else this.#durable.resize(change.sizeAfter);
      this.#durableModifiedMs = change.modifiedMs;
    }
    this.#changes = this.#changes.filter((change) => !isSynced(change));
  }

  /** A sync failed: the system takes these changes for written, and no later sync brings them to the disk. */
  drop(version: number): void {
    for (const change of this.#changes) change.isDropped ||= change.version <= version;
  }

  /**
   * The file as a machine finds it after a power loss. Each write that was not synced is there, or not, or some
   * of its sectors are. A sector that has a change has those before it, too, as it went to the disk from one page.
   * Size and time go to the disk by themselves.
   */
  survivor(random: () => number): Inode {
    const changes = this.#changes;
    const luck = random() < 0.15 ? "all" : random() < 0.2 ? "none" : "some";
    const pick = (): number =>
      luck === "all" ? changes.length : luck === "none" ? 0 : Math.floor(random() * (changes.length + 1));
    const sized = pick();
    const timed = pick();
    const lastKept = luck === "none" ? new Map<number, number>() : this.#lastKept(luck === "all", random);
    const content = this.#durable.copy();
    changes.forEach((change, index) => {
      if (change.kind === "write") {
        writeSectors(content, change, (sector) => index <= (lastKept.get(sector) ?? -1));
      } else if (index < sized) content.resize(change.sizeAfter);
    });
    content.resize(changes[sized - 1]?.sizeAfter ?? this.#durable.size);
    const survivor = new Inode(this.kind, this.number);
    survivor.#seen = content;
    survivor.#durable = content.copy();
    survivor.#modifiedMs = changes[timed - 1]?.modifiedMs ?? this.#durableModifiedMs;
    survivor.#durableModifiedMs = survivor.#modifiedMs;
    return survivor;
  }

  #changed(
    change: { kind: "truncate" } | { kind: "write"; position: number; data: Uint8Array },
    nowMs: number,
  ): void {
    this.#modifiedMs = nowMs;
    const version = ++this.#version;
    const sizeAfter = this.#seen.size;
    this.#changes.push({ ...change, version, sizeAfter, modifiedMs: nowMs, isDropped: false });
  }

  /** For each sector the last change that reached the disk. */
  #lastKept(isAllKept: boolean, random: () => number): Map<number, number> {
    const kept = new Map<number, number>();
    this.#changes.forEach((change, index) => {
      if (change.kind !== "write") return;
      const first = Math.floor(change.position / SECTOR_BYTES);
      const last = Math.floor((change.position + change.data.length - 1) / SECTOR_BYTES);
      const fate = isAllKept ? 0 : random();
      const cut = first + Math.floor(random() * (last - first + 2));
      for (let sector = first; sector <= last; sector++) {
        const isKept = fate < 0.35 || (fate >= 0.65 && (fate < 0.85 ? sector < cut : random() < 0.5));
        if (isKept) kept.set(sector, index);
      }
    });
    return kept;
  }
}

/** Writes those sectors of a change for which `isKept` holds. */
function writeSectors(
  content: Content,
  { position, data }: { readonly position: number; readonly data: Uint8Array },
  isKept: (sector: number) => boolean,
): void {
  for (let start = 0; start < data.length;) {
    const sector = Math.floor((position + start) / SECTOR_BYTES);
    const end = Math.min(data.length, (sector + 1) * SECTOR_BYTES - position);
    if (isKept(sector)) content.write(data.subarray(start, end), position + start);
    start = end;
  }
}
