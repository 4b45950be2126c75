// One iteration is 1,000 pieces, in blocks of half a piece. So microseconds of an iteration are nanoseconds
// of a piece. They should not depend on the number of pieces.
import { Scheduler } from "../../src/plan/scheduler.ts";
import type { ByteRange } from "../../src/types.ts";
import {
  everySecondPiece,
  PIECE_SIZE,
  SimulatedDownload,
} from "../../tests/helpers/scenes/simulated_download.ts";

const CONNECTIONS = 16;
const BATCH = 1000;

const whole = (pieces: number): ByteRange[] => [{ start: 0, end: pieces * PIECE_SIZE }];

/** Measures downloads. One iteration is a part of a download. */
function benchDownloads(group: string, missingOf: (pieces: number) => ByteRange[]): void {
  for (const pieces of [1000, 100_000, 1_000_000]) {
    const missing = missingOf(pieces);
    let download = new SimulatedDownload(missing);
    Deno.bench({
      name: `1,000 of ${pieces.toLocaleString("en")} pieces`,
      group,
      baseline: pieces === 1000,
      n: Math.max(100, pieces / BATCH),
      fn() {
        for (let bytes = 0; bytes < BATCH * PIECE_SIZE;) {
          const block = download.next();
          if (block === undefined) download = new SimulatedDownload(missing);
          else bytes += block.end - block.start;
        }
      },
    });
  }
}

benchDownloads("download: nothing was there", whole);
benchDownloads("download: every second piece was there", everySecondPiece);

const schedule = (missing: readonly ByteRange[]): Scheduler =>
  new Scheduler({ missing, minSegmentSize: PIECE_SIZE, pieceSize: PIECE_SIZE });

for (const pieces of [1000, 1_000_000]) {
  const scattered = schedule(everySecondPiece(pieces));
  const settings = { group: "lease, deliver nothing, give back", baseline: pieces === 1000 };
  Deno.bench({ name: `${pieces.toLocaleString("en")} pieces`, ...settings }, () => {
    scattered.giveBack(scattered.lease(0, CONNECTIONS)!);
  });
}

const inFlight = schedule(whole(1_000_000));
const lease = inFlight.lease(0, 1)!;

Deno.bench("deliver", () => {
  inFlight.deliver(lease, 1);
});

Deno.bench("a new plan: lease, split, give both back", () => {
  const plan = schedule(whole(2));
  const first = plan.lease(0, 1)!;
  const second = plan.split(first, PIECE_SIZE)!;
  plan.giveBack(first);
  plan.giveBack(second);
});
