/** How many downloads may run at a time. */
export interface HostQueueLimits {
  readonly total: number;
  readonly perHost: number;
}

/** A download that waits or runs. It is a link of the list in which it waits. */
interface Entry {
  readonly host: Host;
  readonly begin: () => void;
  list: WaitingList | undefined;
  before: Entry | undefined;
  after: Entry | undefined;
  state: "waits for its host" | "ready" | "running" | "left";
}

interface Host {
  readonly name: string;
  /** Entries that are ready or running. */
  admitted: number;
  /** Entries that wait until an admitted entry leaves. */
  readonly waiting: WaitingList;
}

/** A linked list. The costs of adding, removing and taking the first entry do not grow with its length. */
class WaitingList {
  first: Entry | undefined;
  #last: Entry | undefined;

  add(entry: Entry): void {
    entry.list = this;
    entry.before = this.#last;
    if (this.#last === undefined) this.first = entry;
    else this.#last.after = entry;
    this.#last = entry;
  }

  remove(entry: Entry): void {
    if (entry.before === undefined) this.first = entry.after;
    else entry.before.after = entry.after;
    if (entry.after === undefined) this.#last = entry.before;
    else entry.after.before = entry.before;
    entry.list = entry.before = entry.after = undefined;
  }
}

/**
 * Lets downloads run in the order in which they joined, within a limit for all downloads and a limit for each host.
 * A download whose host is at its limit waits apart, so that it blocks no other host. It becomes ready when its host
 * has room.
 */
export class HostQueue {
  readonly #limits: HostQueueLimits;
  readonly #hosts = new Map<string, Host>();
  readonly #ready = new WaitingList();
  #running = 0;

  constructor(limits: HostQueueLimits) {
    this.#limits = limits;
  }

  /**
   * Calls `begin` when the download may run, perhaps immediately. Calling the result makes the download leave,
   * whether it runs or waits.
   */
  join(hostName: string, begin: () => void): () => void {
    const host = this.#hosts.get(hostName) ?? { name: hostName, admitted: 0, waiting: new WaitingList() };
    this.#hosts.set(hostName, host);
    const entry: Entry = {
      ...{ host, begin, list: undefined, before: undefined, after: undefined },
      state: "waits for its host",
    };
    if (host.admitted < this.#limits.perHost) this.#admit(entry);
    else host.waiting.add(entry);
    this.#runReady();
    return () => this.#leave(entry);
  }

  #admit(entry: Entry): void {
    entry.host.admitted++;
    entry.state = "ready";
    this.#ready.add(entry);
  }

  #leave(entry: Entry): void {
    const { host, state } = entry;
    if (state === "left") return;
    entry.list?.remove(entry);
    entry.state = "left";
    if (state === "running") this.#running--;
    if (state !== "waits for its host") host.admitted--;
    const next = host.waiting.first;
    if (next !== undefined && host.admitted < this.#limits.perHost) {
      host.waiting.remove(next);
      this.#admit(next);
    }
    if (host.admitted === 0) this.#hosts.delete(host.name);
    this.#runReady();
  }

  #runReady(): void {
    while (this.#running < this.#limits.total && this.#ready.first !== undefined) {
      const entry = this.#ready.first;
      this.#ready.remove(entry);
      entry.state = "running";
      this.#running++;
      entry.begin();
    }
  }
}
