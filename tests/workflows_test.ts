import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { OLDEST } from "../src/runtime/minimum.ts";

const WORKFLOWS = new URL("../.github/workflows/", import.meta.url);

/** What may run beside the token: it takes what was tested, and publishes it. */
const TRUSTED_ACTIONS = ["actions/download-artifact", "denoland/setup-deno"];
const TRUSTED_RUNS = [
  'echo "$SHA256  package.tar" | sha256sum --check --strict',
  "mkdir package && tar -xf package.tar -C package",
  "deno publish",
];

interface Job {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Lines of a workflow above its jobs, and those of each job. */
interface Workflow {
  readonly name: string;
  readonly head: readonly string[];
  readonly jobs: readonly Job[];
}

/** Reads a workflow as this project writes them: two blanks for each level. */
function parse(name: string, text: string): Workflow {
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*(?:#.*)?$/.test(line));
  const start = lines.indexOf("jobs:");
  const jobs: { name: string; lines: string[] }[] = [];
  for (const line of lines.slice(start + 1)) {
    const [, job] = /^ {2}([\w-]+):$/.exec(line) ?? [];
    if (job === undefined) jobs.at(-1)!.lines.push(line);
    else jobs.push({ name: job, lines: [] });
  }
  return { name, head: lines.slice(0, start), jobs };
}

async function readWorkflows(): Promise<Workflow[]> {
  const names = (await readdir(WORKFLOWS)).sort();
  return await Promise.all(
    names.map(async (name) => parse(name, await readFile(new URL(name, WORKFLOWS), "utf8"))),
  );
}

/** What follows a key, in the order of the lines. */
function valuesOf(lines: readonly string[], key: string): string[] {
  const found = lines.map((line) => new RegExp(`^ *(?:- )?${key}: *(.*)$`).exec(line)?.[1]);
  return found.filter((value) => value !== undefined);
}

const isPublishing = ({ lines }: Job) => lines.some((line) => /^\s*id-token:/.test(line));

test("every action is pinned to a commit, and its version is told", async () => {
  const digests = new Map<string, string>();
  for (const { name, jobs } of await readWorkflows()) {
    const used = jobs.flatMap(({ lines }) => valuesOf(lines, "uses"));
    assert.ok(used.length > 0, name);
    for (const action of used) {
      assert.match(action, /^[\w.-]+\/[\w./-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/);
      const [path, digest] = action.split("@") as [string, string];
      assert.equal(digests.get(path) ?? digest, digest, `two versions of ${path}`);
      digests.set(path, digest);
    }
  }
});

test("every Deno that a workflow installs is one version", async () => {
  for (const { jobs } of await readWorkflows()) {
    for (const { lines } of jobs) {
      for (const version of valuesOf(lines, "deno-version")) assert.match(version, /^v\d+\.\d+\.\d+$/);
      const installs = valuesOf(lines, "uses").filter((action) => action.startsWith("denoland/setup-deno@"));
      assert.equal(valuesOf(lines, "deno-version").length, installs.length);
    }
  }
});

test("CI runs the tests as the tasks do, on the newest and the oldest release of each runtime", async () => {
  const { jobs } = (await readWorkflows()).find(({ name }) => name === "ci.yml")!;
  const { lines } = jobs.find(({ name }) => name === "test")!;
  const { tasks } = JSON.parse(await readFile(new URL("../deno.json", import.meta.url), "utf8"));
  const wanted = ["bun", "node"].map((name) => /npx .*/.exec(tasks[`test:${name}`].command)![0]);
  const releases = valuesOf(lines, "runtime")[0]!.slice(1, -1).split(", ");
  assert.deepEqual(
    valuesOf(lines, "run").filter((run) => run.startsWith("npx --yes ${{ matrix.runtime }} ")),
    ["task test", ...wanted.map((command) => command.replace(/^npx --yes \S+ /, ""))]
      .map((rest) => `npx --yes \${{ matrix.runtime }} ${rest}`),
  );
  assert.deepEqual(releases, ["deno@2", ...wanted.map((command) => command.split(" ")[2])]);
  const added = lines.map((line) => /^ *- \{ os: ubuntu-latest, runtime: (\S+) \}$/.exec(line)?.[1]);
  const oldest = [`deno@${OLDEST.Deno}`, `bun@${OLDEST.Bun}`, `node@${OLDEST["Node.js"]}`];
  for (const release of oldest) assert.ok(added.includes(release), release);
});

test("one job alone may write anything, and what it may is publish", async () => {
  const publishing: string[] = [];
  for (const { name, head, jobs } of await readWorkflows()) {
    assert.ok(!head.some((line) => /\bwrite(?:-all)?\b/.test(line)), name);
    assert.ok(head.some((line) => /^permissions:/.test(line)), `${name} leaves its permissions to a default`);
    for (const job of jobs) {
      const allowed = job.lines.filter((line) => /: *["']?write(?:-all)?\b/.test(line)).map((line) =>
        line.trim()
      );
      assert.deepEqual(allowed, isPublishing(job) ? ["id-token: write"] : []);
      if (isPublishing(job)) publishing.push(`${name} ${job.name}`);
    }
  }
  assert.deepEqual(publishing, ["publish.yml publish"]);
});

test("beside the token runs nothing but what takes and publishes what another job tested", async () => {
  const { jobs } = (await readWorkflows()).find(({ name }) => name === "publish.yml")!;
  const job = jobs.find(isPublishing)!;
  const [needed, ...more] = valuesOf(job.lines, "needs");
  assert.deepEqual(more, []);
  const before = jobs.find(({ name }) => name === needed)!;
  const actions = valuesOf(job.lines, "uses").map((action) => action.split("@")[0]!);
  assert.deepEqual(actions.toSorted(), TRUSTED_ACTIONS);
  assert.deepEqual(valuesOf(job.lines, "run"), TRUSTED_RUNS);
  assert.deepEqual(valuesOf(job.lines, "SHA256"), [`\${{ needs.${needed}.outputs.sha256 }}`]);
  // The order: nothing installed takes part in the check.
  const order = [...job.lines.entries()].filter(([, line]) =>
    /sha256sum|tar -xf|setup-deno@|deno publish/.test(line)
  );
  assert.deepEqual(
    order.map(([, line]) => /sha256sum|tar -xf|setup-deno|deno publish/.exec(line)![0]),
    ["sha256sum", "tar -xf", "setup-deno", "deno publish"],
  );
  const steps = before.lines.join("\n");
  assert.ok(
    steps.indexOf("upload-artifact@") < steps.indexOf("setup-deno@"),
    "it is packed before anything runs",
  );
  assert.match(steps, /run: bash package\/\.ci\/run/);
  assert.match(steps, /"\$GITHUB_REF_NAME"/);
});

test("the rules see what is wrong", () => {
  const { head, jobs } = parse(
    "x",
    "on: push\n# uses: a\njobs:\n  one:\n    steps:\n      - uses: a/b@v4\n        run: x\n  two:\n",
  );
  assert.deepEqual(head, ["on: push"]);
  assert.deepEqual(jobs.map(({ name }) => name), ["one", "two"]);
  assert.deepEqual([valuesOf(jobs[0]!.lines, "uses"), valuesOf(jobs[0]!.lines, "run")], [["a/b@v4"], ["x"]]);
});
