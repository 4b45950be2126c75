/**
 * Throws unless this program may use a path in these ways. Deno itself would raise a prompt on a terminal.
 */
export function requireAccess(path: string, ...names: readonly ("read" | "write")[]): void {
  const missing = names.find((name) => Deno.permissions.querySync({ name, path }).state !== "granted");
  if (missing === undefined) return;
  throw new Deno.errors.NotCapable(
    `Requires ${missing} access to "${path}", run again with --allow-${missing}`,
  );
}
