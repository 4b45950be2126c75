// Servers choose this field, so the time for a long one must only grow with its length.
import { fileNameFromContentDisposition } from "../../src/http/fields/content_disposition.ts";

const FIELDS: readonly (readonly [name: string, field: string])[] = [
  ["plain", "attachment; filename=disk.iso"],
  ["quoted", 'attachment; filename="a \\"quoted\\" name.iso"; size=1'],
  ["extended", "attachment; filename=\"x.iso\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.iso"],
];

for (const [name, field] of FIELDS) {
  Deno.bench(name, { group: "usual fields", baseline: name === "plain" }, () => {
    fileNameFromContentDisposition(field);
  });
}

for (const length of [1000, 10_000, 100_000]) {
  const field = `attachment; ${'a="\\\\";'.repeat(length / 8)} filename*=UTF-8''${"%41".repeat(length / 6)}`;
  Deno.bench(`about ${length.toLocaleString("en")} bytes`, {
    group: "hostile fields",
    baseline: length === 1000,
  }, () => {
    fileNameFromContentDisposition(field);
  });
}
