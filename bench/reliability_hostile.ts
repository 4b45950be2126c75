/** Scenarios with a hostile server: dangerous names and redirects. */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { makeCertificate } from "../tests/helpers/sockets/certificate.ts";
import { FaultServer } from "../testing/mod.ts";
import { TlsFront } from "../tests/helpers/sockets/tls_front.ts";
import { judge, type Outcome, runTool } from "./reliability_run.ts";
import { OLD, type Scenario, SIZE, Stage } from "./reliability_stage.ts";
import type { Tool } from "./reliability_tools.ts";

/**
 * The server suggests `name`. A tool that writes `forbidden`, relative to the download's directory, has
 * obeyed.
 */
function named(name: string, forbidden: string): Scenario {
  return {
    name: `Content-Disposition names ${name}`,
    run: async (tool, dir) => {
      const inner = `${dir}/inner`;
      await mkdir(inner);
      const headers = { "Content-Disposition": `attachment; filename="${name}"` };
      await using stage = await Stage.open(tool, inner, () => ({ headers }), { isNamedByServer: true });
      const end = await runTool(tool, stage.job);
      if (await readFile(`${inner}/${forbidden}`).catch(() => undefined)) {
        return { kind: "obeyed", note: `wrote ${forbidden}` };
      }
      const [made] = await readdir(inner);
      return await judge(end, `${inner}/${made}`, [OLD], SIZE);
    },
  };
}

/** A secret of the caller is sent to a server that redirects to another origin. */
function secret(field: string, value: string): Scenario {
  return {
    name: `${field} and a redirect to another origin`,
    run: async (tool, dir) => {
      await using stranger = await FaultServer.start({ size: SIZE, seed: OLD });
      const target = stranger.url.replace("127.0.0.1", "localhost").replace("file.bin", "out.bin");
      const redirect = () => ({ status: 302, headers: { Location: target } });
      await using stage = await Stage.open(tool, dir, redirect, { headers: [`${field}: ${value}`] });
      const outcome = await stage.finish(OLD);
      const isTold = stranger.requests.some(({ headers }) => headers[field.toLowerCase()] === value);
      return isTold ? { kind: "leaked" } : outcome;
    },
  };
}

async function downgrade(tool: Tool, dir: string): Promise<Outcome> {
  const { caCert, cert, key } = await makeCertificate(dir);
  const inner = `${dir}/inner`;
  await mkdir(inner);
  await using plain = await FaultServer.start({ size: SIZE, seed: OLD });
  const Location = plain.url.replace("file.bin", "out.bin");
  await using stage = await Stage.open(tool, inner, () => ({ status: 302, headers: { Location } }));
  await using front = await TlsFront.start(stage.job.url, { cert, key });
  const end = await runTool(tool, { ...stage.job, url: front.url, caCert });
  // A tool that did not reach the redirect has shown nothing.
  if (stage.server.requests.length === 0) return { kind: "none", note: "TLS did not come about" };
  if (plain.requests.length > 0) return { kind: "obeyed", note: "went on without TLS" };
  return await judge(end, stage.path, [OLD], SIZE);
}

export const HOSTILE_SCENARIOS: readonly Scenario[] = [
  named("../escaped.bin", "../escaped.bin"),
  named(".bashrc", ".bashrc"),
  secret("Authorization", "Bearer not-for-strangers"),
  secret("X-Api-Key", "not-for-strangers"),
  { name: "redirect from https to http", run: downgrade },
];
