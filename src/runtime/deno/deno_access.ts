/**
 * Throws unless this program may use a path in these ways. Deno itself would raise a prompt on a terminal.
 */
export function requireAccess(path: string, ...names: readonly ("read" | "write")[]): void {
  const missing = names.find((name) => Deno.permissions.querySync({ name, path }).state !== "granted");
  if (missing === undefined) return;
  throw new Deno.errors.NotCapable(
    `Deno forbids it; run it with --allow-${missing} for the directory of "${path}"`,
  );
}

/** Whether this program may read a fact of the system. */
export function mayKnow(kind: "ca" | "statfs"): boolean {
  // Deno's types lack both kinds.
  const permission = { name: "sys", kind } as unknown as Deno.PermissionDescriptor;
  return Deno.permissions.querySync(permission).state === "granted";
}

/** Whether this program may read a variable of the environment. */
export function mayReadVariable(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}
