import process from "node:process";

/** Something that finds a program; `undefined` where it is not installed. */
export type FindProgram = () => Promise<string | undefined>;

/**
 * Whether tests of `subject` are to be skipped, because a program is missing, and which; says so in a line that
 * is seen.
 */
export async function skipWithout(
  subject: string,
  programs: Readonly<Record<string, FindProgram>>,
): Promise<string | false> {
  const missing: string[] = [];
  for (const [name, find] of Object.entries(programs)) if (await find() === undefined) missing.push(name);
  if (missing.length === 0) return false;
  const reason = `${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} not installed`;
  process.stdout.write(`SKIPPED: ${subject}, as ${reason}\n`);
  return reason;
}
