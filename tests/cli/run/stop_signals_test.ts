import assert from "node:assert/strict";
import { test } from "node:test";
import { onStopSignals } from "../../../src/cli/run/stop_signals.ts";
import type { CliSignal } from "../../../src/runtime/console/console.ts";
import { FakeHost } from "../fakes.ts";

function listen(): { at: (ms: number, signal?: CliSignal) => string; host: FakeHost; stop: () => void } {
  const host = new FakeHost();
  let nowMs = 0;
  let heard = "";
  const stop = onStopSignals(host, () => nowMs, {
    first: () => heard += "first ",
    again: () => heard += "again ",
  });
  const at = (ms: number, signal?: CliSignal) => {
    nowMs = ms;
    heard = "";
    host.signal(signal);
    return heard.trim();
  };
  return { at, host, stop };
}

test("onStopSignals() takes a signal within half a second of the first for its echo", () => {
  const { at } = listen();
  const heard = [0, 0, 1, 499, 500, 501, 502, 5000].map((ms) => at(ms));
  assert.deepEqual(heard, ["first", "", "", "", "", "again", "again", "again"]);
});

test("onStopSignals() listens until it is told to stop", () => {
  const { at, host, stop } = listen();
  assert.equal(host.listeners, 1);
  stop();
  assert.deepEqual([host.listeners, at(1000)], [0, ""]);
});

test("onStopSignals() ends nothing at once because a terminal is closed twice", () => {
  const { at } = listen();
  assert.deepEqual([at(0, "SIGHUP"), at(5000, "SIGHUP"), at(6000, "SIGTERM")], ["first", "", "again"]);
});

test("onStopSignals() listens for Ctrl+Break as well, which only Windows has", () => {
  const heard: string[] = [];
  const onSignal = (signals: readonly string[]) => {
    heard.push(...signals);
    return () => {};
  };
  onStopSignals({ onSignal }, () => 0, { first: () => {}, again: () => {} });
  assert.ok(heard.includes("SIGBREAK"), heard.join());
});
