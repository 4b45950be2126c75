/** Scenarios in which the disk or the process fails, or the state on disk is edited. */
import { existsSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { NO_SMALL_DISK, SmallDisk } from "../tests/helpers/disk/small_disk.ts";
import { editFile, judge, type Outcome } from "./reliability_run.ts";
import { OLD, type Scenario, SIZE, Stage } from "./reliability_stage.ts";
import type { Job, Tool } from "./reliability_tools.ts";

const DISK_MIB = 12;
const SLOW = { throttle: 300_000 };
/** Long enough for a tool that saves its state once a second. */
const SAVED_MS = 2500;

/** Fills the disk. The returned function frees the space. */
async function fill(disk: SmallDisk): Promise<() => Promise<void>> {
  const path = disk.join("ballast");
  const file = await open(path, "w");
  try {
    for (let bytes = 2 ** 16; bytes >= 1; bytes = Math.floor(bytes / 2)) {
      while (await file.write(new Uint8Array(bytes)).then(() => true, () => false));
    }
  } finally {
    await file.close();
  }
  return () => rm(path);
}

/** The disk becomes full during the first run, which then ends or is killed. The second run has space. */
function fullDisk(
  name: string,
  job: Partial<Job>,
  spoil: (stage: Stage, disk: SmallDisk) => Promise<unknown>,
): Scenario {
  return {
    name,
    run: async (tool) => {
      if (NO_SMALL_DISK) return { kind: "none", note: NO_SMALL_DISK };
      await using disk = new SmallDisk(DISK_MIB);
      await using stage = await Stage.open(
        tool,
        disk.path,
        () => SLOW,
        job,
      );
      if (await spoil(stage, disk) === 0) return await judge(0, stage.path, [OLD], SIZE);
      return await stage.goOn();
    },
  };
}

async function fillAndWait(stage: Stage, disk: SmallDisk): Promise<unknown> {
  await using run = stage.start();
  await stage.served(run, 1);
  await Promise.race([run.ended, sleep(SAVED_MS)]);
  const free = await fill(disk);
  const end = await run.ended;
  await free();
  return end;
}

async function fillAndKill(stage: Stage, disk: SmallDisk): Promise<void> {
  await using run = stage.start();
  await stage.served(run, 1);
  await Promise.race([run.ended, sleep(SAVED_MS / 2)]);
  const free = await fill(disk);
  await Promise.race([run.ended, sleep(SAVED_MS / 2)]);
  run.signal("SIGKILL");
  await run.ended;
  await free();
}

async function killHalfWay(tool: Tool, dir: string): Promise<Outcome> {
  await using stage = await Stage.open(tool, dir, () => SLOW);
  {
    await using run = stage.start();
    await stage.served(run, 1);
    await sleep(SAVED_MS);
  }
  return await stage.goOn();
}

/** The second run starts later and is slower. */
async function twoAtOnce(tool: Tool, dir: string): Promise<Outcome> {
  await using stage = await Stage.open(tool, dir);
  await using first = stage.start();
  await stage.served(first, 500_000);
  stage.respond = () => ({ throttle: 600_000 });
  await using second = stage.start();
  return await judge([await first.ended, await second.ended], stage.path, [OLD], SIZE);
}

/** The state of a tool is edited between two runs. */
function meddled(name: string, edit: (tool: Tool) => (state: Uint8Array) => Uint8Array | void): Scenario {
  return {
    name,
    run: async (tool, dir) => {
      if (tool.stateSuffix === undefined) return { kind: "none", note: "keeps no state" };
      await using stage = await Stage.open(tool, dir);
      await stage.interrupt();
      const state = `${stage.path}${tool.stateSuffix}`;
      if (!existsSync(state)) throw new Error(`Cannot edit ${state}: ${tool.name} left none`);
      await editFile(state, edit(tool));
      return await stage.goOn();
    },
  };
}

export const MACHINE_SCENARIOS: readonly Scenario[] = [
  fullDisk("disk full while data is written, then space", {}, fillAndWait),
  fullDisk("disk full while state is saved, kill -9, then space", { isPreallocated: true }, fillAndKill),
  { name: "kill -9 half-way, then again", run: killHalfWay },
  { name: "two processes on one output", run: twoAtOnce },
  meddled("control file cut in half", () => (state) => state.subarray(0, state.length / 2)),
  meddled("control file edited to claim more", ({ overclaim }) => overclaim!),
];
