import assert from "node:assert/strict";
import { test } from "node:test";
import { Reach, REACH_FILE, type ReachOptions } from "../../helpers/scenes/reach.ts";
import { skipWithout } from "../../helpers/servers/programs.ts";
import { findTinyproxy, startTinyproxy } from "../../helpers/servers/tinyproxy.ts";
import {
  Authority,
  type Certificate,
  makeSelfSigned,
  WITH_OPENSSL,
} from "../../helpers/sockets/certificate.ts";
import { TlsFront } from "../../helpers/sockets/tls_front.ts";
import { FaultServer } from "../../../testing/mod.ts";

const skip = WITH_OPENSSL.skip ||
  await skipWithout("certificates of all kinds", { tinyproxy: findTinyproxy });

/** A certificate, and what is trusted. */
interface Case {
  readonly issue: (authority: Authority, dir: string) => Promise<Certificate>;
  /** Whether it is trusted itself, beside the authority. */
  readonly isGiven?: true;
  /** What the message says of it, in the words of one runtime or another; `undefined` where it is right. */
  readonly problem?: RegExp;
  /** Whether `node:tls` of Deno does not tell it from an unknown authority. */
  readonly isVague?: true;
}

const UNKNOWN = /\((?:UnknownIssuer|CaUsedAsEndEntity|UNABLE_TO_\w+|DEPTH_ZERO_SELF_SIGNED_CERT)\)$/;

const CASES: Readonly<Record<string, Case>> = {
  "a right certificate": { issue: (authority) => authority.issue("server") },
  "one of another host": {
    issue: (authority) => authority.issue("server", { names: "DNS:files.example, IP:127.0.0.9" }),
    problem: /\((?:certificate not valid for name |ERR_TLS_CERT_ALTNAME_INVALID\)$)/,
  },
  "one that has expired": {
    issue: (authority) => authority.issue("server", { validity: "past" }),
    problem: /\((?:certificate expired: |CERT_HAS_EXPIRED\)$)/,
    isVague: true,
  },
  "one that is not valid yet": {
    issue: (authority) => authority.issue("server", { validity: "future" }),
    problem: /\((?:certificate not valid yet: |CERT_NOT_YET_VALID\)$)/,
    isVague: true,
  },
  "one of an unknown authority": {
    issue: async (_, dir) => (await Authority.make(dir, "unknown")).issue("server"),
    problem: UNKNOWN,
  },
  "one that is its own authority": { issue: (_, dir) => makeSelfSigned(dir), problem: UNKNOWN },
  "one that is its own authority and is given": {
    issue: (_, dir) => makeSelfSigned(dir),
    isGiven: true,
  },
};

const HOSTS = { "a name": "localhost", "an address": "127.0.0.1" };
const WAYS: Readonly<Record<string, (proxy: string) => ReachOptions>> = {
  "directly": () => ({}),
  "through a proxy": (allProxy) => ({ allProxy }),
};

for (const [name, { issue, isGiven, problem, isVague }] of Object.entries(CASES)) {
  const verdict = problem === undefined ? "taken" : "refused";
  test(`TLS with ${name}: ${verdict} at a name and at an address, directly and through a proxy`, {
    skip,
    timeout: 60_000,
  }, async () => {
    await using reach = await Reach.open();
    const authority = await Authority.make(reach.dir.path, "authority");
    const certificate = await issue(authority, reach.dir.path);
    await using server = await FaultServer.start(REACH_FILE);
    await using front = await TlsFront.start(server.url, certificate);
    await using tinyproxy = await startTinyproxy(reach.dir);
    const trusted = isGiven ? [authority.caCert, certificate.cert] : [authority.caCert];
    const ca = await Promise.all(trusted.map((path) => reach.read(path)));
    for (const [where, host] of Object.entries(HOSTS)) {
      for (const [how, way] of Object.entries(WAYS)) {
        const what = `${where}, ${how}`;
        const url = front.url.replace("127.0.0.1", host);
        const options = way(tinyproxy.url);
        const before = server.requests.length;
        if (problem === undefined) {
          await reach.complete(url, { ...options, tls: { ca } });
          assert.equal(server.requests.length, before + 1, what);
          continue;
        }
        const error = await reach.fail("tls", url, { ...options, tls: { ca } });
        const { host: place } = new URL(url);
        assert.ok(
          error.message.startsWith(`Cannot reach ${place}: its certificate cannot be trusted (`),
          `${what}: ${error.message}`,
        );
        const isTold = !isVague || !("Deno" in globalThis) || how === "directly";
        assert.match(error.message, isTold ? problem : UNKNOWN, `${what}: ${error.message}`);
        assert.deepEqual([error.retryable, server.requests.length], [false, before], what);
        assert.deepEqual(reach.messages, [], what);
        await reach.complete(url, { ...options, tls: { ca, insecure: true } });
        assert.match(reach.messages.splice(0).join(), /^certificates are not verified/, what);
      }
    }
  });
}
