import assert from "node:assert/strict";
import { test } from "node:test";
import { onStopSignals } from "../../../src/cli/run/stop_signals.ts";
import type { CliSignal } from "../../../src/runtime/console/console.ts";
import { VirtualClock } from "../../helpers/doubles/virtual_clock.ts";
import { FakeHost } from "../fakes.ts";

function listen() {
  const host = new FakeHost();
  let heard = "";
  const stop = onStopSignals(host, {
    first: () => heard += "first ",
    again: () => heard += "again ",
  });
  /** What a signal sets off that comes `ms` after the start. */
  const at = async (ms: number, signal?: CliSignal) => {
    await host.clock.advance(ms - host.clock.monotonicMs());
    heard = "";
    host.signal(signal);
    return heard.trim();
  };
  return { at, host, stop };
}

test("onStopSignals() takes a signal within half a second of the first for its echo", async () => {
  const { at } = listen();
  const heard: string[] = [];
  for (const ms of [0, 0, 1, 499, 500, 501, 502, 5000]) heard.push(await at(ms));
  assert.deepEqual(heard, ["first", "", "", "", "", "again", "again", "again"]);
});

test("onStopSignals() listens until it is told to stop", async () => {
  const { at, host, stop } = listen();
  assert.equal(host.listeners, 1);
  stop();
  assert.deepEqual([host.listeners, await at(1000)], [0, ""]);
});

test("onStopSignals() ends nothing immediately because a terminal is closed twice", async () => {
  const { at } = listen();
  const heard = [await at(0, "SIGHUP"), await at(5000, "SIGHUP"), await at(6000, "SIGTERM")];
  assert.deepEqual(heard, ["first", "", "again"]);
});

test("onStopSignals() listens for Ctrl+Break as well, which only Windows has", () => {
  const heard: string[] = [];
  const onSignal = (signals: readonly string[]) => {
    heard.push(...signals);
    return () => {};
  };
  onStopSignals({ onSignal, clock: new VirtualClock() }, { first: () => {}, again: () => {} });
  assert.ok(heard.includes("SIGBREAK"), heard.join());
});
