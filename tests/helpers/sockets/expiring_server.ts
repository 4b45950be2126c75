import { FaultServer, type RecordedRequest, type Reply, type VersionChange } from "../../../testing/mod.ts";

/** One address that was given out. */
export interface Grant {
  readonly issuedAtMs: number;
  /** Requests that it was good for so far, the one that is asked about not counted. */
  readonly requests: number;
  /** Bytes that it was good for so far. */
  readonly bytes: number;
}

/** Settings of an expiring server. */
export interface ExpiringServerOptions extends VersionChange {
  readonly size: number;
  readonly seed: number;
  /** What a request with an address that has expired gets. */
  readonly status: number;
  /** Whether an address is good no longer; asked at every request that has it. */
  readonly isOver: (grant: Grant) => boolean;
  /** Changes what a request with a good address gets. */
  readonly serve?: (request: RecordedRequest) => Reply | undefined;
}

type OpenGrant = { -readonly [Key in keyof Grant]: Grant[Key] };

/** A server that redirects to another one, each time by an address of its own that is good for a while. */
export class ExpiringServer implements AsyncDisposable {
  /** Redirects. */
  readonly original: FaultServer;
  /** Has the file. */
  readonly store: FaultServer;
  /** Changes what a request to the original gets; one with a status, or never answered, gets no address. */
  redirect: (request: RecordedRequest) => Reply | undefined = () => undefined;
  /** Ends the addresses that were given out. */
  readonly revoke: () => void;
  /** How many addresses were found to have expired. */
  readonly expired: () => number;

  private constructor(
    servers: readonly [FaultServer, FaultServer],
    revoke: () => void,
    expired: () => number,
  ) {
    [this.original, this.store] = servers;
    this.revoke = revoke;
    this.expired = expired;
  }

  /** Starts both. */
  static async start(options: ExpiringServerOptions): Promise<ExpiringServer> {
    const { size, seed, status, isOver, serve = () => undefined, ...version } = options;
    const grants: OpenGrant[] = [];
    const over = new Set<number>();
    const refused = new Set<number>();
    const numberOf = (path: string): number => Number(/[?&]grant=(\d+)/.exec(path)?.[1] ?? NaN);
    const store = await FaultServer.start({
      ...{ size, seed, ...version },
      respond: (request) => {
        const number = numberOf(request.path);
        const grant = grants[number];
        if (grant === undefined) return { status: 400 };
        if (over.has(number) || isOver(grant)) {
          over.add(number);
          refused.add(number);
          return { status, body: "expired" };
        }
        const reply = serve(request) ?? {};
        const { start, end } = reply.range ?? request.range ?? { start: 0, end: size };
        grant.requests++;
        grant.bytes += end - start;
        return reply;
      },
    });
    const original = await FaultServer.start({
      size,
      respond: (request) => {
        const reply = made.redirect(request);
        if (reply?.status !== undefined || reply?.never || reply?.refuse) return reply;
        const number = grants.push({ issuedAtMs: performance.now(), requests: 0, bytes: 0 }) - 1;
        return { status: 302, headers: { Location: `${store.url}?grant=${number}` }, ...reply };
      },
    });
    const revoke = (): void => grants.forEach((_, number) => over.add(number));
    const made = new ExpiringServer([original, store], revoke, () => refused.size);
    return made;
  }

  get url(): string {
    return this.original.url;
  }

  /** Requests to the original so far. */
  get asked(): number {
    return this.original.requests.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.original.stop();
    await this.store.stop();
  }
}
