import { dirname } from "node:path";
import type { FileInfo, FileLock, FileSystem, OpenMode, RuntimeFile } from "../../src/runtime/runtime.ts";
import { type Host, MemoryFile, systemError } from "./memory_file.ts";
import { Inode } from "./memory_inode.ts";

/** Nothing fails, nothing takes time. */
const QUIET: Host = { enter: () => Promise.resolve(undefined), wallMs: () => 0, random: () => 0 };

/** One step of the names: all of it reaches the disk, or nothing. */
interface NameChange {
  readonly names: readonly (readonly [path: string, inode: Inode | undefined])[];
  /** All that it is about; steps that are about the same thing keep their order. */
  readonly about: ReadonlySet<unknown>;
}

/**
 * A file system in memory that can lose what was not synced. Writes are seen at once and durable after the file's
 * `sync`; names are durable after `syncDirectory`.
 */
export class MemoryFiles implements FileSystem {
  host: Host = QUIET;
  /** What `freeSpace` answers. */
  freeBytes: number | undefined = 2 ** 30;
  /** Files that are open. */
  openHandles = 0;
  /** Uses that no runtime allows. */
  readonly misuses: string[] = [];
  #names: Map<string, Inode>;
  #durableNames: Map<string, Inode>;
  #nameChanges: NameChange[] = [];
  readonly #locks = new Set<Inode>();
  #inodes: number;

  /** Begins with the directories `paths`, which are durable. */
  constructor(...paths: string[]) {
    this.#inodes = paths.length;
    this.#names = new Map(paths.map((path, index) => [path, new Inode("directory", index + 1)]));
    this.#durableNames = new Map(this.#names);
  }

  /** Locks that are held. */
  get heldLocks(): number {
    return this.#locks.size;
  }

  /** The paths of all files, sorted. Counts as no call. */
  list(): string[] {
    return [...this.#names].filter(([, { kind }]) => kind === "file").map(([path]) => path).sort();
  }

  /** The bytes of a file. Counts as no call. */
  peek(path: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#names.get(path)?.bytes;
  }

  /** Makes a durable file. Counts as no call. */
  put(path: string, bytes: Uint8Array): void {
    const inode = new Inode("file", ++this.#inodes);
    inode.write(bytes, 0, this.host.wallMs());
    inode.sync(inode.version);
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  /** What a machine finds after a power loss now; with a `random` of zeros nothing is lost. This one stays as it is. */
  crash(random: () => number): MemoryFiles {
    const found = new MemoryFiles();
    const survivors = new Map<Inode, Inode>();
    const survive = (inode: Inode): Inode => {
      const survivor = survivors.get(inode) ?? inode.survivor(random);
      survivors.set(inode, survivor);
      return survivor;
    };
    const names = new Map(this.#durableNames);
    for (const change of this.#keptNameChanges(random)) rename(names, change);
    for (const [path, inode] of names) {
      if (isReachable(names, path)) found.#names.set(path, survive(inode));
    }
    found.#durableNames = new Map(found.#names);
    found.#inodes = this.#inodes;
    found.freeBytes = this.freeBytes;
    return found;
  }

  async create(path: string): Promise<RuntimeFile> {
    await this.#enter("create", path);
    this.#requireDirectory(path);
    if (this.#names.has(path)) throw systemError("EEXIST", path);
    const inode = this.#make("file", path);
    return this.#openHandle(inode, path);
  }

  async open(path: string, _mode: OpenMode): Promise<RuntimeFile> {
    await this.#enter("open", path);
    return this.#openHandle(this.#find(path), path);
  }

  async lstat(path: string): Promise<FileInfo | undefined> {
    await this.#enter("lstat", path);
    return this.#names.get(path)?.info;
  }

  async stat(path: string): Promise<FileInfo | undefined> {
    await this.#enter("stat", path);
    return this.#names.get(path)?.info;
  }

  mayRead(_path: string): Promise<boolean> {
    return Promise.resolve(true);
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#enter("makeDirectory", path);
    const missing: string[] = [];
    for (let at = path; !this.#names.has(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
    for (const at of missing) this.#make("directory", at);
  }

  async link(from: string, to: string): Promise<void> {
    await this.#enter("link", to);
    const inode = this.#find(from);
    if (this.#names.has(to)) throw systemError("EEXIST", to);
    this.#change([to, inode]);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#enter("rename", to);
    const inode = this.#find(from);
    if (this.#names.get(to) === inode) return;
    this.#change([from, undefined], [to, inode]);
  }

  async remove(path: string): Promise<void> {
    await this.#enter("remove", path);
    const inode = this.#names.get(path);
    if (inode?.kind === "directory") throw systemError("EISDIR", path);
    if (inode !== undefined) this.#change([path, undefined]);
  }

  async syncDirectory(path: string): Promise<void> {
    const before = new Set(this.#nameChanges);
    await this.#enter("syncDirectory", path);
    const synced = this.#nameChanges.filter((change) =>
      before.has(change) && change.names.some(([name]) => dirname(name) === path)
    );
    for (const change of synced) rename(this.#durableNames, change);
    this.#nameChanges = this.#nameChanges.filter((change) => !synced.includes(change));
  }

  /** `none` tells that there is no space, any other failure that it cannot be told. */
  async freeSpace(path: string): Promise<number | undefined> {
    const code = await this.host.enter("freeSpace", path);
    return code === undefined ? this.freeBytes : code === "none" ? 0 : undefined;
  }

  async lock(path: string): Promise<FileLock | undefined> {
    await this.#enter("lock", path);
    this.#requireDirectory(path);
    const inode = this.#names.get(path) ?? this.#make("file", path);
    if (this.#locks.has(inode)) return undefined;
    this.#locks.add(inode);
    return {
      owner: 0,
      isWeak: false,
      release: async () => {
        try {
          await this.remove(path);
        } finally {
          this.#locks.delete(inode);
        }
      },
    };
  }

  async #enter(name: string, path: string): Promise<void> {
    const code = await this.host.enter(name, path);
    if (code !== undefined) throw systemError(code, path);
  }

  #find(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError("ENOENT", path);
    if (inode.kind === "directory") throw systemError("EISDIR", path);
    return inode;
  }

  #requireDirectory(path: string): void {
    if (!this.#names.has(dirname(path))) throw systemError("ENOENT", path);
  }

  #make(kind: "file" | "directory", path: string): Inode {
    const inode = new Inode(kind, ++this.#inodes);
    this.#change([path, inode]);
    return inode;
  }

  #change(...names: [path: string, inode: Inode | undefined][]): void {
    const before = names.map(([path]) => this.#names.get(path));
    const about = new Set<unknown>([...names.flat(), ...before]);
    about.delete(undefined);
    this.#nameChanges.push({ names, about });
    rename(this.#names, { names, about });
  }

  #openHandle(inode: Inode, path: string): RuntimeFile {
    this.openHandles++;
    return new MemoryFile(this, inode, path);
  }

  /** Some journals keep a prefix of what was done; others any of it, but for steps that are about the same thing. */
  #keptNameChanges(random: () => number): NameChange[] {
    const changes = this.#nameChanges;
    if (random() < 0.5) return changes.slice(0, changes.length - Math.floor(random() * (changes.length + 1)));
    const lost = new Set<unknown>();
    return changes.filter(({ about }) => {
      const isKept = random() < 0.6 && [...about].every((thing) => !lost.has(thing));
      if (!isKept) { for (const thing of about) lost.add(thing); }
      return isKept;
    });
  }
}

/** Whether all directories on the way to a path are there. */
function isReachable(names: ReadonlyMap<string, Inode>, path: string): boolean {
  const parent = dirname(path);
  return parent === path || (names.get(parent)?.kind === "directory" && isReachable(names, parent));
}

function rename(names: Map<string, Inode>, { names: changed }: NameChange): void {
  for (const [path, inode] of changed) {
    if (inode === undefined) names.delete(path);
    else names.set(path, inode);
  }
}
