/** How many may have a turn. */
export interface TurnLimits {
  /** At once. */
  readonly total: number;
  /** At once of each host. */
  readonly perHost: number;
}

/** One that waits or runs; a link of the line in which it waits. */
interface Place {
  readonly host: Host;
  readonly begin: () => void;
  line: Line | undefined;
  before: Place | undefined;
  after: Place | undefined;
  state: "waits for its host" | "waits" | "runs" | "left";
}

interface Host {
  readonly name: string;
  /** Those that run, or wait for nothing but a turn. */
  taken: number;
  /** Those that wait for one of these. */
  readonly waiting: Line;
}

/** Joining, leaving anywhere and serving the first cost the same however long it is. */
class Line {
  first: Place | undefined;
  #last: Place | undefined;

  join(place: Place): void {
    place.line = this;
    place.before = this.#last;
    if (this.#last === undefined) this.first = place;
    else this.#last.after = place;
    this.#last = place;
  }

  leave(place: Place): void {
    if (place.before === undefined) this.first = place.after;
    else place.before.after = place.after;
    if (place.after === undefined) this.#last = place.before;
    else place.after.before = place.before;
    place.line = place.before = place.after = undefined;
  }
}

/**
 * Gives turns, first come, first served among those of one host. One whose host has enough waits aside, so that it
 * holds no turn that another host could use, and joins the others when its host has room.
 */
export class Turns {
  readonly #limits: TurnLimits;
  readonly #hosts = new Map<string, Host>();
  readonly #ready = new Line();
  #running = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /** Calls `begin` when the turn comes, which may be at once. The result gives up the turn, or the wait for it. */
  take(hostName: string, begin: () => void): () => void {
    const host = this.#hosts.get(hostName) ?? { name: hostName, taken: 0, waiting: new Line() };
    this.#hosts.set(hostName, host);
    const place: Place = {
      ...{ host, begin, line: undefined, before: undefined, after: undefined },
      state: "waits for its host",
    };
    if (host.taken < this.#limits.perHost) this.#admit(place);
    else host.waiting.join(place);
    this.#serve();
    return () => this.#leave(place);
  }

  #admit(place: Place): void {
    place.host.taken++;
    place.state = "waits";
    this.#ready.join(place);
  }

  #leave(place: Place): void {
    const { host, state } = place;
    if (state === "left") return;
    place.line?.leave(place);
    place.state = "left";
    if (state === "runs") this.#running--;
    if (state !== "waits for its host") host.taken--;
    const next = host.waiting.first;
    if (next !== undefined && host.taken < this.#limits.perHost) {
      host.waiting.leave(next);
      this.#admit(next);
    }
    if (host.taken === 0) this.#hosts.delete(host.name);
    this.#serve();
  }

  #serve(): void {
    while (this.#running < this.#limits.total && this.#ready.first !== undefined) {
      const place = this.#ready.first;
      this.#ready.leave(place);
      place.state = "runs";
      this.#running++;
      place.begin();
    }
  }
}
