/**
 * Control files of format 2 as bytehaul wrote them, in Base64: each must be read. The next format differs in its number
 * alone, as long as there is no journal.
 */
export const CONTROL_FILES = {
  /** A download that has just begun. */
  begun: [
    "QllURUhBVUwAAAACAAAA5gAAAA2ae3hweyJ1cmxIYXNoIjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2",
    "Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiIsInF1ZXJ5SGFzaCI6ImUzYjBjNCIsInNpemUiOjMwMDAwMDAsInBpZWNlU2l6ZSI6",
    "MTA0ODU3NiwidmFsaWRhdG9yIjp7ImV0YWciOiJcIjVmM2EtNjFjXCIiLCJsYXN0TW9kaWZpZWQiOiJNb24sIDIzIE5vdiAyMDI2",
    "IDEwOjAwOjAwIEdNVCJ9LCJwYXJ0aWFsIjpbXX0AAAAAAAAAAAAAAAAA",
  ].join(""),
  /** One of unknown size. */
  unknown: [
    "QllURUhBVUwAAAACAAAAnAAAAADfJMmEeyJ1cmxIYXNoIjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2",
    "Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiIsInF1ZXJ5SGFzaCI6ImUzYjBjNCIsInNpemUiOjAsInBpZWNlU2l6ZSI6MTA0ODU3",
    "NiwidmFsaWRhdG9yIjp7fSwicGFydGlhbCI6W119",
  ].join(""),
  /** A checkpoint of a version with a young date. */
  checkpoint: [
    "QllURUhBVUwAAAACAAABQwAAABUVrEJ/eyJ1cmxIYXNoIjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2",
    "Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiIsInF1ZXJ5SGFzaCI6ImUzYjBjNCIsInNpemUiOjMwMDAwMCwicGllY2VTaXplIjo2",
    "NTUzNiwidmFsaWRhdG9yIjp7Imxhc3RNb2RpZmllZCI6Ik1vbiwgMjMgTm92IDIwMjYgMTA6MDA6MDAgR01UIiwiaXNZb3VuZyI6",
    "dHJ1ZX0sInBhcnRJZGVudGl0eSI6IjIwNDk6MTIzNDU2NyIsInBhcnRNb2RpZmllZE1zIjoxNzk1MDAwMDAwMTIzLCJwYXJ0aWFs",
    "IjpbWzY1NTM2LDcwMDAwLDFdLFsxMzEwNzcsMTMxMDgyLDQyOTQ5NjcyOTVdXX0R3q2+7wAAAAAAAAAAAAAAAAAAAE0=",
  ].join(""),
  /** A checkpoint where files have no identity. */
  notime: [
    "QllURUhBVUwAAAACAAAA+QAAABVmD2LDeyJ1cmxIYXNoIjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2",
    "Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiIsInF1ZXJ5SGFzaCI6ImUzYjBjNCIsInNpemUiOjMwMDAwMCwicGllY2VTaXplIjo2",
    "NTUzNiwidmFsaWRhdG9yIjp7ImV0YWciOiJXL1wiw7xcIiJ9LCJwYXJ0TW9kaWZpZWRNcyI6MTc5NTAwMDAwMDEyMywicGFydGlh",
    "bCI6W1s2NTUzNiw3MDAwMCwxXSxbMTMxMDc3LDEzMTA4Miw0Mjk0OTY3Mjk1XV19Ed6tvu8AAAAAAAAAAAAAAAAAAABN",
  ].join(""),
  /** A checkpoint whose part file could not be looked at. */
  nopart: [
    "QllURUhBVUwAAAACAAAA1wAAABX74XF0eyJ1cmxIYXNoIjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2",
    "Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiIsInF1ZXJ5SGFzaCI6ImUzYjBjNCIsInNpemUiOjMwMDAwMCwicGllY2VTaXplIjo2",
    "NTUzNiwidmFsaWRhdG9yIjp7ImV0YWciOiJcImFcIiJ9LCJwYXJ0aWFsIjpbWzY1NTM2LDcwMDAwLDFdLFsxMzEwNzcsMTMxMDgy",
    "LDQyOTQ5NjcyOTVdXX0R3q2+7wAAAAAAAAAAAAAAAAAAAE0=",
  ].join(""),
  /** A finished file of no bytes. */
  empty: [
    "QllURUhBVUwAAAACAAAA0wAAAACwQWBveyJ1cmxIYXNoIjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2",
    "Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiIsInF1ZXJ5SGFzaCI6ImUzYjBjNCIsInNpemUiOjAsInBpZWNlU2l6ZSI6NjU1MzYs",
    "InZhbGlkYXRvciI6eyJldGFnIjoiXCJhXCIifSwicGFydElkZW50aXR5IjoiMjA0OTo5IiwicGFydE1vZGlmaWVkTXMiOjUsInBh",
    "cnRpYWwiOltdfQ==",
  ].join(""),
  /** A run that was paused. */
  run: [
    "QllURUhBVUwAAAACAAABSQAAAB1q894jeyJ1cmxIYXNoIjoiZjVhYTMzZmI0OWY2M2VkM2UxY2FhZGRiYjYxYjVhMzRmMGVhODNl",
    "MmFlNjk4YWM0MmM0ODFlYmM0MTllOTAwYyIsInF1ZXJ5SGFzaCI6ImUzYjBjNCIsInNpemUiOjQwMDAwMCwicGllY2VTaXplIjo2",
    "NTUzNiwidmFsaWRhdG9yIjp7ImV0YWciOiJcIjEtNjFhODBcIiIsImxhc3RNb2RpZmllZCI6Ik1vbiwgMDEgSmFuIDIwMjQgMDA6",
    "MDA6MDEgR01UIiwiaXNZb3VuZyI6ZmFsc2V9LCJwYXJ0SWRlbnRpdHkiOiI2NTAyNDoxMDAyMDk5MSIsInBhcnRNb2RpZmllZE1z",
    "IjoxNzk2MDgzNDU2MjQ0LCJwYXJ0aWFsIjpbWzE5NjYwOCwyMDk3MTUsNTIzMjU2NDZdXX0HLGeQV/f8LlYzXgiiAAAAAAAAAAAA",
    "AAAAAAAAAA==",
  ].join(""),
} as const;
